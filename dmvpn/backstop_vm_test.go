//go:build vm

package dmvpn

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// TestBackstop: what belongs into the tunnel is refused while the device is gone,
// although there is a way to a provider; all else takes that way.
func TestBackstop(t *testing.T) {
	newWire(t)
	table, tenant, err := nl.VRFTable("tenant")
	must(t, err)
	wire(t, "provider", "tenant", netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2"))
	link, err := netlink.LinkByName("provider")
	must(t, err)
	provider := link.Attrs().Index
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: provider, Table: table, Scope: netlink.SCOPE_LINK, Priority: 1 << 24, Dst: nl.IPNet(netip.MustParsePrefix("0.0.0.0/0"))}))

	cfg := testConfig()
	cfg.VRF = "tenant"
	cfg.Routes = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), branchLAN}
	t.Cleanup(func() { must(t, Netlink{}.Backstop(nil)) })
	must(t, Netlink{}.Backstop([]Config{cfg}))
	// way returns the index of the link that a packet leaves by, 0 if it is refused.
	way := func(to string) int {
		routes, err := netlink.RouteGetWithOptions(netip.MustParseAddr(to).AsSlice(), &netlink.RouteGetOptions{OifIndex: tenant})
		if err != nil || len(routes) == 0 {
			return 0
		}
		return routes[0].LinkIndex
	}
	expect := func(when string, into, other, tunnel int) {
		t.Helper()
		for to, want := range map[string]int{"10.1.2.3": into, "172.16.100.99": tunnel, "198.51.100.9": other} {
			if got := way(to); got != want {
				t.Errorf("%s a packet to %s leaves by link %d, want %d", when, to, got, want)
			}
		}
	}
	expect("before the device is there", 0, provider, 0)
	index := ensure(t, tunnelDevice())
	expect("with the device alone", 0, provider, index)
	must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{cfg.Routes[0], hub1}, {branchLAN, hub1}}))
	expect("with a hub", index, index, index)
	must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{branchLAN, hub1}}))
	expect("without a hub", index, provider, index)
	link, err = netlink.LinkByIndex(index)
	must(t, err)
	must(t, netlink.LinkDel(link))
	expect("when the device is gone", 0, provider, 0)
}

// TestBackstopReconciles: what is there already stays, what no tunnel wants goes,
// and what others own is left alone.
func TestBackstopReconciles(t *testing.T) {
	newWire(t)
	t.Cleanup(func() { must(t, Netlink{}.Backstop(nil)) })
	table, _, err := nl.VRFTable("tenant")
	must(t, err)
	main, six := testConfig(), testConfig()
	six.VRF, six.Address = "tenant", netip.MustParsePrefix("2001:db8:100::17/64")
	six.Routes = []netip.Prefix{netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("::/0")}
	foreign := &netlink.Route{Dst: nl.IPNet(netip.MustParsePrefix("10.9.0.0/16")), Type: unix.RTN_UNREACHABLE, Protocol: unix.RTPROT_STATIC}
	must(t, netlink.RouteAdd(foreign))
	t.Cleanup(func() { _ = netlink.RouteDel(foreign) })

	changes := make(chan netlink.RouteUpdate, 1000)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	must(t, netlink.RouteSubscribe(changes, done))
	for _, step := range []struct {
		name    string
		tunnels []Config
		want    []deadEnd
	}{
		{"one tunnel", []Config{main}, []deadEnd{{unix.RT_TABLE_MAIN, branchLAN}, {unix.RT_TABLE_MAIN, main.Address.Masked()}}},
		{"another", []Config{six}, []deadEnd{{table, six.Routes[0]}, {table, six.Address.Masked()}}},
		{"none", nil, nil},
	} {
		must(t, Netlink{}.Backstop(step.tunnels))
		must(t, Netlink{}.Backstop(step.tunnels))
		routes, err := nl.List(func() ([]netlink.Route, error) {
			return netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Protocol: nl.ProtocolTunnel}, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
		})
		must(t, err)
		var got []deadEnd
		for _, r := range routes {
			got = append(got, deadEnd{r.Table, nl.Destination(r)})
		}
		slices.SortFunc(got, func(a, b deadEnd) int { return a.prefix.Compare(b.prefix) })
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
	// The other owner's route is still there, and its end is the last change. The
	// kernel has changes of its own meanwhile, since the links have just come up.
	must(t, netlink.RouteDel(foreign))
	var ours []netlink.RouteUpdate
	for last := false; !last; {
		select {
		case u := <-changes:
			if u.Protocol == nl.ProtocolTunnel {
				ours = append(ours, u)
			}
			last = u.Protocol == foreign.Protocol
		case <-time.After(patience):
			t.Fatalf("the kernel does not tell of all changes: %v", ours)
		}
	}
	// Two were made and removed in each of two steps, and nothing a second time.
	if len(ours) != 8 {
		t.Errorf("%d changes, want 8: %v", len(ours), ours)
	}
}
