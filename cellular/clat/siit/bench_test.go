package siit

import (
	"testing"
)

// fullUDP returns a packet of IPv4 that fills a link of 1500 octets after its
// translation, as ESP in UDP is: with no checksum, unless one is given.
func fullUDP(tb testing.TB, checksum bool) []byte {
	tb.Helper()
	payload := make([]byte, 1460)
	copy(payload, packet(tb, "11941194 05b4 0000"))
	if checksum {
		payload[6], payload[7] = 0x12, 0x34
	}
	b := append(make([]byte, header4), payload...)
	put4(b, header4, packet4{header: header{hops: 64, protocol: udp, size: len(payload)}, from: ours4.As4(), to: far4.As4()}, true)
	return b
}

// toIPv6 returns what translates one packet to IPv6 again and again.
func toIPv6(tb testing.TB, p []byte) func() {
	t := translator(tb, wkp)
	b := make([]byte, Headroom+len(p))
	return func() {
		copy(b[Headroom:], p[:28]) // the translation is in place
		if _, err := t.ToIPv6(b, len(p)); err != nil {
			tb.Fatal(err)
		}
	}
}

// toIPv4 is toIPv6 the other way round.
func toIPv4(tb testing.TB) func() {
	t := translator(tb, wkp)
	p := append(packet(tb, "60000000 05b4 11 40"+back6+"11941194 05b4 1234"), make([]byte, 1452)...)
	b := make([]byte, len(p))
	return func() {
		copy(b, p[:48])
		if _, err := t.ToIPv4(b); err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkToIPv6(b *testing.B) {
	for _, test := range []struct {
		name     string
		checksum bool
	}{{"checksum", true}, {"no checksum", false}} {
		b.Run(test.name, func(b *testing.B) {
			translate := toIPv6(b, fullUDP(b, test.checksum))
			b.SetBytes(1480)
			b.ReportAllocs()
			for b.Loop() {
				translate()
			}
		})
	}
}

func BenchmarkToIPv4(b *testing.B) {
	translate := toIPv4(b)
	b.SetBytes(1480)
	b.ReportAllocs()
	for b.Loop() {
		translate()
	}
}

// TestNothingIsAllocated for a packet, translated or dropped.
func TestNothingIsAllocated(t *testing.T) {
	dropped := translator(t, wkp)
	stray := packet(t, "45000014 00000000 40320000 c0000002 c6336407")
	b := make([]byte, Headroom+len(stray))
	copy(b[Headroom:], stray)
	for name, run := range map[string]func(){
		"to IPv6":                     toIPv6(t, fullUDP(t, true)),
		"to IPv6, without a checksum": toIPv6(t, fullUDP(t, false)),
		"to IPv4":                     toIPv4(t),
		"dropped":                     func() { _, _ = dropped.ToIPv6(b, len(stray)) },
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
