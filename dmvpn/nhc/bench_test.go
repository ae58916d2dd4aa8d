package nhc

import (
	"net/netip"
	"testing"
)

// BenchmarkRenewing is what one renewal costs with a thousand direct paths.
func BenchmarkRenewing(b *testing.B) {
	const paths = 1000
	c := newCloud(b)
	a := c.join("a", "172.16.100.17", "203.0.113.1", "203.0.113.1", "192.168.1.0/24")
	c.pass(second)
	cl := a.client
	cl.cfg.Address = netip.MustParsePrefix("172.16.0.17/16")
	address, nbma, lan := netip.MustParseAddr("172.16.128.0"), netip.MustParseAddr("203.1.0.0"), netip.MustParseAddr("10.0.0.0")
	for range paths {
		address, nbma = address.Next(), nbma.Next()
		octets := lan.As4()
		octets[2]++
		if octets[2] == 0 {
			octets[1]++
		}
		lan = netip.AddrFrom4(octets)
		cl.bind(binding{prefix: netip.PrefixFrom(lan, 24), dst: lan.Next(), address: address, claimed: nbma, nbma: nbma, until: c.now + 300*second})
		cl.protections[nbma] = &protection{state: protectionUp}
		cl.peers[len(cl.peers)-1].phase = PathUp
	}
	b.ReportAllocs()
	for b.Loop() {
		// A question, its answer, and what settles after each.
		cl.Tick(c.now)
		cl.Tick(c.now)
	}
}
