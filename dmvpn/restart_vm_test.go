//go:build vm

package dmvpn

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/internal/nl"
)

// TestNothingStale: a process finds what the last one left in the kernel, keeps
// what the checkpoint says is still true, and removes the rest, but for what is
// another tunnel's.
func TestNothingStale(t *testing.T) {
	far := newWire(t)
	h := startHub(t, far)
	direct := func(last byte) nhc.Shortcut {
		return nhc.Shortcut{
			Prefix:  netip.PrefixFrom(netip.AddrFrom4([4]byte{10, last, 0, 0}), 16),
			Asked:   netip.AddrFrom4([4]byte{10, last, 0, 1}),
			Address: netip.AddrFrom4([4]byte{172, 16, 100, last}),
			Claimed: netip.AddrFrom4([4]byte{203, 0, 113, last}),
			NBMA:    netip.AddrFrom4([4]byte{203, 0, 113, last}),
			Since:   sinceBoot(), Until: sinceBoot() + time.Hour,
		}
	}
	kept, expired, forgotten := direct(31), direct(32), direct(33)
	expired.Until = sinceBoot()

	d := tunnelDevice()
	index := ensure(t, d)
	toHub, overHub := Neighbour{hub1, hubWAN}, Route{branchLAN, hub1}
	neighbours, routes := []Neighbour{toHub}, []Route{overHub}
	for _, s := range []nhc.Shortcut{kept, expired, forgotten} {
		neighbours = append(neighbours, Neighbour{s.Address, s.NBMA})
		routes = append(routes, Route{s.Prefix, s.Address})
	}
	must(t, Netlink{}.SetNeighbours(index, neighbours))
	must(t, Netlink{}.SetRoutes(index, "tenant", routes))
	d.Name, d.Key, d.Address = "second", noKey, netip.MustParsePrefix("172.16.200.17/24")
	second := ensure(t, d)
	others := Neighbour{netip.MustParseAddr("172.16.200.1"), hubWAN}
	must(t, Netlink{}.SetNeighbours(second, []Neighbour{others}))
	overOther := Route{netip.MustParsePrefix("192.168.0.0/16"), others.Address}
	must(t, Netlink{}.SetRoutes(second, "tenant", []Route{overOther}))

	deps := depsOf(t, h, "front", spokeWAN)
	must(t, deps.Checkpoint.Save("dmvpn-hq", nhc.State{
		RequestID: 1,
		Registrations: map[netip.Addr]nhc.Registration{hub1: {
			Address: spokeAddress, Claimed: spokeWAN, Observed: spokeWAN, NBMA: hubWAN, Refresh: sinceBoot() + time.Hour, Until: sinceBoot() + 2*time.Hour,
		}},
		Shortcuts: []nhc.Shortcut{kept, expired},
	}))
	cfg := testConfig()
	cfg.VRF, cfg.Key = "tenant", keyZero
	cfg.NHRP.Servers[0].NBMA = hubWAN.String()

	for _, process := range []struct {
		name       string
		shortcut   bool
		neighbours []Neighbour
		routes     []Route
	}{
		{"with shortcuts", true, []Neighbour{toHub, {kept.Address, kept.NBMA}}, []Route{overHub, {kept.Prefix, kept.Address}}},
		{"without", false, []Neighbour{toHub}, []Route{overHub}},
	} {
		cfg.NHRP.Shortcut = process.shortcut
		// Time stands still: else what was left is given up if this takes seconds.
		now := sinceBoot()
		tunnel := New("hq", cfg, deps)
		tunnel.sinceBoot = func() time.Duration { return now }
		stop := run(t, tunnel)
		waitFor(t, "taking over", func() bool { return tunnel.Status().Servers[0].State == Registered })
		if got := neighboursOf(t, index); !slices.Equal(got, process.neighbours) {
			t.Errorf("%s: neighbours %v, want %v", process.name, got, process.neighbours)
		}
		if diff := cmp.Diff(process.routes, routesOf(t, index), cmp.Comparer(func(a, b Route) bool { return a == b })); diff != "" {
			t.Errorf("%s: routes (-want +got):\n%s", process.name, diff)
		}
		if got := neighboursOf(t, second); !slices.Equal(got, []Neighbour{others}) {
			t.Errorf("%s: neighbours of another tunnel %v", process.name, got)
		}
		if got := routesOf(t, second); !slices.Equal(got, []Route{overOther}) {
			t.Errorf("%s: routes of another tunnel %v", process.name, got)
		}
		stop()
	}
	h.lab.mu.Lock()
	defer h.lab.mu.Unlock()
	if len(h.received) > 0 {
		t.Errorf("the hub received %d packets, though nothing was due", len(h.received))
	}
}

// neighboursOf returns the permanent neighbours of a device, in order.
func neighboursOf(t *testing.T, index int) (all []Neighbour) {
	t.Helper()
	neighbours, err := nl.List(func() ([]netlink.Neigh, error) { return netlink.NeighList(index, netlink.FAMILY_ALL) })
	must(t, err)
	for _, n := range neighbours {
		if n.State == netlink.NUD_PERMANENT {
			address, _ := netip.AddrFromSlice(n.IP)
			nbma, _ := netip.AddrFromSlice(n.LLIPAddr)
			all = append(all, Neighbour{address.Unmap(), nbma.Unmap()})
		}
	}
	slices.SortFunc(all, func(a, b Neighbour) int { return a.Address.Compare(b.Address) })
	return all
}

// routesOf returns the routes over a device that are marked as a tunnel's, in
// order.
func routesOf(t *testing.T, index int) (all []Route) {
	t.Helper()
	filter := &netlink.Route{LinkIndex: index, Protocol: nl.ProtocolTunnel, Table: unix.RT_TABLE_UNSPEC}
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, filter, netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	})
	must(t, err)
	for _, r := range routes {
		via, _ := netip.AddrFromSlice(r.Gw)
		all = append(all, Route{nl.Destination(r), via.Unmap()})
	}
	slices.SortFunc(all, func(a, b Route) int { return a.Prefix.Compare(b.Prefix) })
	return all
}
