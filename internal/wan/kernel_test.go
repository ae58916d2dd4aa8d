//go:build netns

package wan

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// TestReconcile starts on a port with leftovers: what matches stays, what is
// ours and does not match goes, and what is others' is left alone.
func TestReconcile(t *testing.T) {
	vethPair(t, "wan", "isp")
	wan, err := netlink.LinkByName("wan")
	must(t, err)
	isp, err := netlink.LinkByName("isp")
	must(t, err)
	must(t, netlink.LinkSetUp(isp))
	cfg := Config{Port: "wan", IPv4: IPv4{Address: netip.MustParsePrefix("198.51.100.10/24"), Gateway: netip.MustParseAddr("198.51.100.1")}}
	u, stop := start(t, "wan", cfg, openStore(t))
	awaitUp(t, u)
	stop()

	route := func(to string, metric int, protocol netlink.RouteProtocol) {
		must(t, netlink.RouteAdd(&netlink.Route{
			LinkIndex: wan.Attrs().Index, Dst: nl.IPNet(netip.MustParsePrefix(to)),
			Gw: net.IPv4(198, 51, 100, 7), Priority: metric, Protocol: protocol,
		}))
	}
	must(t, netlink.AddrAdd(wan, &netlink.Addr{IPNet: nl.IPNet(netip.MustParsePrefix("203.0.113.9/24"))}))
	route("10.0.0.0/8", defaultMetric, nl.ProtocolUplink)
	route("0.0.0.0/0", defaultMetric+1, nl.ProtocolUplink)
	route("10.64.0.0/10", 0, nl.ProtocolTunnel)

	u, stop = start(t, "wan", cfg, openStore(t))
	awaitUp(t, u)
	addrs, err := netlink.AddrList(wan, unix.AF_INET)
	must(t, err)
	if len(addrs) != 1 || nl.Prefix(addrs[0].IPNet) != cfg.IPv4.Address {
		t.Errorf("port has addresses %v", addrs)
	}
	text := strings.Join(routesOf(t, unix.RT_TABLE_MAIN), "\n")
	if !strings.Contains(text, "10.64.0.0/10") || strings.Contains(text, "10.0.0.0/8") || strings.Count(text, "Dst: 0.0.0.0/0") != 1 {
		t.Errorf("main table is:\n%s", text)
	}

	// The default route comes back when the port was set down and up.
	notices := watchRemovals(t)
	must(t, netlink.LinkSetDown(wan))
	for r := range notices.routes {
		if r.Type == unix.RTM_NEWROUTE && nl.Destination(r.Route).Bits() == 0 && r.Gw.String() == "198.51.100.1" {
			break
		}
	}

	// Another gateway replaces the route without a moment without it.
	stop()
	removed := watchRemovals(t)
	cfg.IPv4.Gateway = netip.MustParseAddr("198.51.100.2")
	u, _ = start(t, "wan", cfg, openStore(t))
	awaitUp(t, u)
	removed.check(t, "another gateway")
	if routes, err := netlink.RouteGet(net.IPv4(203, 0, 113, 77)); err != nil || routes[0].Gw.String() != "198.51.100.2" {
		t.Errorf("route is %v, %v", routes, err)
	}
}
