//go:build vm

package interop

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/lab/probe"
)

// The wires: spoke - router - peer. Whom the router translates appears under the
// router's address on the other side.
var (
	spokeWAN    = netip.MustParsePrefix("192.0.2.2/24")
	routerSpoke = netip.MustParsePrefix("192.0.2.1/24")
	routerPeer  = netip.MustParsePrefix("203.0.113.1/24")
	peerWAN     = netip.MustParsePrefix("203.0.113.2/24")

	spokeInner = netip.MustParsePrefix("10.100.0.2/24")
	peerInner  = netip.MustParsePrefix("10.100.0.1/24")
)

// front is the VRF of the spoke's WAN.
const front = "front"

// nat is what the router does to the packets.
type nat struct {
	name string
	// spoke and peer are the addresses under which the other side sees them.
	spoke, peer netip.Addr
	// in and out are rules of nftables, before and after routing.
	in, out string
}

var (
	noNAT = nat{name: "no NAT", spoke: spokeWAN.Addr(), peer: peerWAN.Addr()}
	// ourNAT is a router before us that has forwarded the ports of IKE to us.
	ourNAT = nat{
		name: "NAT on our side", spoke: routerPeer.Addr(), peer: peerWAN.Addr(),
		in:  `iifname "peer" udp dport { 500, 4500 } dnat to 192.0.2.2`,
		out: `oifname "peer" ip saddr 192.0.2.2 masquerade`,
	}
	// theirNAT gives the peer a public address of its own.
	theirNAT = nat{
		name: "static NAT on theirs", spoke: spokeWAN.Addr(), peer: routerSpoke.Addr(),
		in:  `iifname "spoke" ip daddr 192.0.2.1 dnat to 203.0.113.2`,
		out: `oifname "spoke" ip saddr 203.0.113.2 snat to 192.0.2.1`,
	}
	// ourRandomNAT and theirRandomNAT are a carrier's before whoever initiates: a
	// random port for each flow, forgotten after 30 s of silence.
	ourRandomNAT = nat{
		name: "random-port NAT on our side", spoke: routerPeer.Addr(), peer: peerWAN.Addr(),
		out: `oifname "peer" ip saddr 192.0.2.2 masquerade random`,
	}
	theirRandomNAT = nat{
		name: "random-port NAT on theirs", spoke: spokeWAN.Addr(), peer: routerSpoke.Addr(),
		out: `oifname "spoke" ip saddr 203.0.113.2 masquerade random`,
	}
)

// network is the wires of one test.
type network struct {
	nat          nat
	router, peer namespace
	// wire sees what the spoke sends and receives on its WAN.
	wire *probe.Capture
}

// newNetwork lays the wires and builds the GRE tunnel between the two ends, which
// nothing protects yet.
func newNetwork(t *testing.T, nat nat) *network {
	t.Helper()
	n := &network{nat: nat, router: newNamespace(t), peer: newNamespace(t)}
	wan := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan"}, PeerName: "spoke", PeerNamespace: netlink.NsFd(n.router)}
	must(t, netlink.LinkAdd(wan))
	t.Cleanup(func() { _ = netlink.LinkDel(wan) })
	table, vrf, err := nl.VRFTable(front)
	must(t, err)
	must(t, netlink.LinkSetMasterByIndex(wan, vrf))
	must(t, setUp("wan", spokeWAN))
	must(t, netlink.RouteReplace(&netlink.Route{Table: table, Dst: everywhere, Gw: routerSpoke.Addr().AsSlice()}))
	must(t, addGRE(vrf, spokeWAN.Addr(), nat.peer, spokeInner))
	t.Cleanup(func() { _ = netlink.LinkDel(&netlink.Gretun{LinkAttrs: netlink.LinkAttrs{Name: "gre1"}}) })

	must(t, n.router.do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "peer"}, PeerName: "wan", PeerNamespace: netlink.NsFd(n.peer)})
	}))
	must(t, n.router.do(func() error { return setUp("spoke", routerSpoke) }))
	must(t, n.router.do(func() error { return setUp("peer", routerPeer) }))
	must(t, n.router.sysctl("ipv4/ip_forward", "1"))
	must(t, n.peer.do(func() error { return setUp("lo", netip.MustParsePrefix("127.0.0.1/8")) }))
	must(t, n.peer.do(func() error { return setUp("wan", peerWAN) }))
	must(t, n.peer.do(func() error {
		return netlink.RouteReplace(&netlink.Route{Dst: everywhere, Gw: routerPeer.Addr().AsSlice()})
	}))
	must(t, n.peer.do(func() error { return addGRE(0, peerWAN.Addr(), nat.spoke, peerInner) }))
	n.translate(t)
	n.watch(t, wan.Attrs().Name)
	return n
}

// translate sets up the router's NAT.
func (n *network) translate(t *testing.T) {
	t.Helper()
	if n.nat.in+n.nat.out == "" {
		return
	}
	nft := command("nftables", "/usr/sbin/nft", "-f", "-")
	nft.Stdin = strings.NewReader(fmt.Sprintf(`
		table ip translation {
			chain in {
				type nat hook prerouting priority dstnat
				%s
			}
			chain out {
				type nat hook postrouting priority srcnat
				%s
			}
		}
	`, n.nat.in, n.nat.out))
	_, err := n.router.run(nft)
	must(t, err)
	for _, name := range []string{"nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"} {
		must(t, n.router.sysctl("netfilter/"+name, "30"))
	}
}

// forget makes the router forget all flows, as a NAT does that was restarted.
func (n *network) forget(t *testing.T) {
	t.Helper()
	must(t, n.router.do(func() error { return netlink.ConntrackTableFlush(netlink.ConntrackTable) }))
}

// watch counts what the spoke sends and receives until the test ends.
func (n *network) watch(t *testing.T, device string) {
	t.Helper()
	link, err := net.InterfaceByName(device)
	must(t, err)
	must(t, n.router.do(func() (err error) {
		n.wire, err = probe.NewCapture("spoke", link.HardwareAddr)
		return err
	}))
	background(t, "capture", n.wire.Run)
}

// unready counts what the peer could not send or we could not take because an SA
// was not there yet.
func (n *network) unready(t *testing.T) int {
	t.Helper()
	here, err := xfrmStatistics()
	must(t, err)
	var there map[string]int
	must(t, n.peer.do(func() (err error) {
		there, err = xfrmStatistics()
		return err
	}))
	return here["XfrmInNoStates"] + there["XfrmOutNoStates"] + there["XfrmAcquireError"]
}

// xfrmStatistics returns the counters of dropped packets that are not 0.
func xfrmStatistics() (map[string]int, error) {
	text, err := os.ReadFile("/proc/thread-self/net/xfrm_stat")
	counters := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		var name string
		var count int
		if _, err := fmt.Sscan(line, &name, &count); err != nil {
			return nil, err
		}
		if count > 0 {
			counters[name] = count
		}
	}
	return counters, err
}

// background runs a task until the test ends.
func background(t *testing.T, name string, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

var everywhere = &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}

// anyPrefix is the same for policies.
var anyPrefix = netip.MustParsePrefix("0.0.0.0/0")

func setUp(name string, prefix netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a := &netlink.Addr{IPNet: &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 32)}}
	if err := netlink.AddrReplace(link, a); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// addGRE makes the tunnel gre1 over an underlay VRF, or over the main table.
func addGRE(vrf int, local, remote netip.Addr, inner netip.Prefix) error {
	const key = 0x2000 // GRE_KEY of linux/if_tunnel.h
	if err := netlink.LinkAdd(&netlink.Gretun{
		LinkAttrs: netlink.LinkAttrs{Name: "gre1", MTU: 1400},
		Local:     local.AsSlice(), Remote: remote.AsSlice(),
		IKey: 1, OKey: 1, IFlags: key, OFlags: key,
		Link: uint32(vrf), Ttl: 64, PMtuDisc: 1,
	}); err != nil {
		return err
	}
	return setUp("gre1", inner)
}

// flush removes what a test left in the kernel's IPsec.
func flush() error {
	if err := netlink.XfrmStateFlush(0); err != nil {
		return err
	}
	return netlink.XfrmPolicyFlush()
}
