//go:build vm

package firewall

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestSegmentSizes opens TCP connections through a tunnel with an MTU of 1400, in
// both directions, and looks at the segment sizes that arrive: with the tunnel
// and the LAN in the main table, and in a VRF of their own.
func TestSegmentSizes(t *testing.T) {
	x := newCrossing(t, "front")
	x.protect(t, 0)
	spoke := handle(t, x.spoke)
	check(t, spoke.LinkSetMTU(link(t, spoke, "hq"), 1400))
	const (
		route4, route6 = 1400 - 40, 1400 - 60
		asked          = 1460
	)
	now := ""
	for _, test := range []struct {
		vrf string
		mss int
		// into are the sizes that arrive in the tunnel, out those that come out of
		// it, for IPv4 and IPv6.
		into, out [2]uint16
	}{
		{"", 0, [2]uint16{route4, route6}, [2]uint16{route4, route6}},
		{"", 1360, [2]uint16{1360, route6}, [2]uint16{1360, route6}},
		{"", 1200, [2]uint16{1200, 1200}, [2]uint16{1200, 1200}},
		// The kernel asks the main table for the way back, which is by the WAN.
		{"tenant", 0, [2]uint16{route4, route6}, [2]uint16{asked, asked - 20}},
		{"tenant", 1360, [2]uint16{1360, route6}, [2]uint16{1360, 1340}},
		{"tenant", 1200, [2]uint16{1200, 1200}, [2]uint16{1200, 1180}},
	} {
		if now != test.vrf {
			x.enslave(t, test.vrf, atInside, atTunnel)
			now = test.vrf
		}
		x.clamp(t, test.vrf, test.mss)
		for family := range 2 {
			x.wantSegments(t, atInside, atTunnel, family, test.into[family], test.out[family])
			x.wantSegments(t, atTunnel, atInside, family, test.out[family], test.into[family])
		}
		if t.Failed() {
			t.Fatalf("in VRF %q with an mss of %d; lost: %s", test.vrf, test.mss, x.losses(t))
		}
	}
}

// clamp commits a policy with the tunnel's mss.
func (x *crossing) clamp(t *testing.T, vrf string, mss int) {
	t.Helper()
	topology := Topology{Members: []Member{
		{Zone: "inside", Link: "lan0", VRF: vrf},
		{Zone: "tunnel", Link: "hq", VRF: vrf, Tunnel: true, MSS: mss},
		{Zone: "outside", Link: "wan0", VRF: "front", Underlay: true},
	}}
	config := Config{Zones: map[string]Zone{Self: {Default: actionInspect}}, Policies: []Policy{
		{From: "inside", To: "tunnel", Inspect: []string{"tcp"}}, {From: "tunnel", To: "inside", Inspect: []string{"tcp"}},
		{From: "tunnel", To: Self, Inspect: []string{"udp/7000"}}, {From: "inside", To: Self, Inspect: []string{"udp/7000"}},
	}}
	check(t, Netfilter{}.Replace(must(Compile(config, topology))(t)))
}

// wantSegments opens a connection whose ends announce 1460 octets, and wants
// other sizes to arrive at the server and at the client.
func (x *crossing) wantSegments(t *testing.T, client, server string, family int, atServer, atClient uint16) {
	t.Helper()
	open := probe{proto: protoTCP, flags: tcpSYN, mss: 1460, text: x.text(),
		from: netip.AddrPortFrom(x.ends[client].host[family], uint16(30000+x.number())),
		to:   netip.AddrPortFrom(x.ends[server].host[family], 80)}
	answer := probe{proto: protoTCP, flags: tcpSYN | tcpACK, mss: 1460, text: x.text(), from: open.to, to: open.from}
	if got := x.wantCome(t, true, client, server, open).segmentSize(); got != atServer {
		t.Errorf("from %s to %s: segments of %d octets, want %d", open.from, open.to, got, atServer)
	}
	if got := x.wantCome(t, true, server, client, answer).segmentSize(); got != atClient {
		t.Errorf("the answer from %s to %s: segments of %d octets, want %d", answer.from, answer.to, got, atClient)
	}
}

// enslave moves the router's links at the ends into a VRF. A link that is
// enslaved loses its IPv6 addresses and its neighbours.
func (x *crossing) enslave(t *testing.T, name string, ends ...string) {
	t.Helper()
	spoke := handle(t, x.spoke)
	vrf := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: name}, Table: frontTable + 1}
	check(t, spoke.LinkAdd(vrf))
	check(t, spoke.LinkSetUp(vrf))
	t.Cleanup(func() { check(t, spoke.LinkDel(vrf)) })
	for _, at := range ends {
		e := x.ends[at]
		device := link(t, spoke, e.device)
		check(t, spoke.LinkSetMaster(device, vrf))
		check(t, spoke.AddrAdd(device, &netlink.Addr{IPNet: &net.IPNet{IP: e.router[1].AsSlice(), Mask: net.CIDRMask(64, 128)}, Flags: unix.IFA_F_NODAD}))
		if at == atTunnel {
			x.meet(t, spoke)
		}
	}
}
