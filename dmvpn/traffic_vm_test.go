//go:build vm

package dmvpn

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// TestPrefixes: what is behind the box are its LANs and what lies behind them, and
// neither the tunnels nor where the default route leads.
func TestPrefixes(t *testing.T) {
	newWire(t)
	table, tenant, err := nl.VRFTable("tenant")
	must(t, err)
	index := ensure(t, tunnelDevice())
	must(t, Netlink{}.SetNeighbours(index, []Neighbour{{hub1, hubWAN}}))
	must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{branchLAN, hub1}}))
	another := tunnelDevice()
	another.Name, another.Key, another.Address = "another", noKey, netip.MustParsePrefix("172.16.200.17/24")
	ensure(t, another)
	lan := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan"}, PeerName: "other"}
	must(t, netlink.LinkAdd(lan))
	t.Cleanup(func() { _ = netlink.LinkDel(lan) })
	for name, address := range map[string]string{"lan": "192.168.5.1", "other": "192.168.6.1"} {
		link, err := netlink.LinkByName(name)
		must(t, err)
		must(t, netlink.LinkSetMasterByIndex(link, tenant))
		must(t, addAddress(name, netip.MustParseAddr(address)))
	}
	route := func(link, dst string) {
		t.Helper()
		l, err := netlink.LinkByName(link)
		must(t, err)
		_, network, err := net.ParseCIDR(dst)
		must(t, err)
		must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: network, Scope: unix.RT_SCOPE_LINK, Table: table}))
	}
	route("lan", "192.168.128.0/20")
	route("other", "0.0.0.0/0")

	got, err := Netlink{}.Prefixes("tenant", false)
	must(t, err)
	slices.SortFunc(got, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	want := []netip.Prefix{netip.MustParsePrefix("192.168.5.0/24"), netip.MustParsePrefix("192.168.128.0/20")}
	if !slices.Equal(got, want) {
		t.Errorf("behind the box are %v, want %v", got, want)
	}
	_, err = Netlink{}.Sent()
	must(t, err)
}

// TestRouteToNobody: while no server is known, what belongs into the tunnel is
// caught and goes nowhere.
func TestRouteToNobody(t *testing.T) {
	newWire(t)
	index := ensure(t, tunnelDevice())
	must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{Prefix: branchLAN}}))
	must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{Prefix: branchLAN}}))
	must(t, Netlink{}.SetNeighbours(index, []Neighbour{{hub1, hubWAN}}))
	must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{branchLAN, hub1}}))
	table, _, err := nl.VRFTable("tenant")
	must(t, err)
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: table, Dst: nl.IPNet(branchLAN)}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST)
	})
	must(t, err)
	if len(routes) != 1 || !routes[0].Gw.Equal(hub1.AsSlice()) {
		t.Errorf("routes = %v", routes)
	}
}

// TestMissing: the kernel asks for the neighbour that a packet needs, and the
// packet follows once it is told.
func TestMissing(t *testing.T) {
	far := newWire(t)
	d := tunnelDevice()
	d.Underlay, d.Solicit = "", true
	leaveVRF(t)
	index := ensure(t, d)
	// The packet waits for as long as its neighbour is asked for.
	must(t, os.WriteFile("/proc/sys/net/ipv4/neigh/hq/retrans_time_ms", []byte("600000"), 0))
	ctx, cancel := context.WithCancel(t.Context())
	missing, done := make(chan netip.Addr, 10), make(chan error, 1)
	go func() { done <- Netlink{}.Missing(ctx, index, func(a netip.Addr) { missing <- a }) }()
	cleartext := sniffGRE(t, far)
	deadline := time.After(patience)
	var asked netip.Addr
	for next := netip.MustParseAddr("172.16.100.101"); !asked.IsValid(); next = next.Next() {
		must(t, hello(t, next))
		select {
		case asked = <-missing:
		case <-time.After(time.Second): // nobody listened yet: it needs another neighbour to ask for
		case <-deadline:
			t.Fatal("the kernel does not ask")
		}
	}
	must(t, Netlink{}.SetNeighbours(index, []Neighbour{{asked, hubWAN}}))
	if to := cleartext(patience); to != hubWAN {
		t.Errorf("the packet goes to %v", to)
	}
	cancel()
	must(t, <-done)
}
