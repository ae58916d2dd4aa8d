package nhc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// TestMulticast: who gets multicast, server by server, as things happen.
func TestMulticast(t *testing.T) {
	marked, moving, twin := configured(hub1, nbma1), Server{Address: hub2, NBMA: "two.example.net"}, Server{Address: hub3, NBMA: "three.example.net"}
	marked.Multicast, moving.Multicast, twin.Multicast = true, true, true
	w := newWorld(t, testConfig(marked, moving, twin, configured(netip.MustParseAddr("172.16.100.4"), nbma3)))
	w.names["two.example.net"], w.names["three.example.net"] = []netip.Addr{nbma2}, []netip.Addr{nbma2}
	expect := func(when string, want ...netip.Addr) {
		t.Helper()
		if got := w.client.Multicast(); !slices.Equal(got, want) {
			t.Errorf("%s it goes to %v, want %v", when, got, want)
		}
	}
	expect("before anybody is registered with,")
	w.pass(second)
	w.expect("registered registered registered registered")
	expect("with two servers at one address,", nbma1, nbma2)

	w.lost(nbma1)
	expect("while the protection of one is replaced,", nbma2)
	w.pass(second)
	expect("when it is back,", nbma1, nbma2)

	w.hubs[nbma1].code = nhrp.AdministrativelyRefused
	w.lost(nbma1)
	w.pass(second)
	expect("when one refuses us,", nbma2)

	w.uplink = Uplink{}
	w.apply(w.client.Uplink(w.now, w.uplink))
	expect("without an uplink,")
}
