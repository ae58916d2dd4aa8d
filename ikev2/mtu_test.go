package ikev2

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/farspoke/farspoke/internal/uplink"
)

func TestMTUFollowsUplink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		spoke.boot(testProfile(goodKey))
		expect := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			p, err := spoke.engine.Profile("hq")
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := p.MTU().Load(); got != want {
				t.Errorf("%s: MTU %d, want %d", what, got, want)
			}
		}
		expect("nothing is agreed on", 0)
		if _, err := spoke.protect(t.Context(), hubAddr); err != nil {
			t.Fatal(err)
		}
		// Without UDP there are 8 octets more than behind a NAT.
		expect("AES-GCM on Ethernet", 1438)
		lte := uplink.State{Name: "lte", Up: true, Address: netip.PrefixFrom(spokeAddr, 24), MTU: 1428}
		spoke.uplink.Set(lte)
		expect("on LTE, same address", 1366)
		spoke.stop()
		spoke.boot(testProfile(goodKey))
		expect("another process", 1366)
		spoke.link(netip.Addr{})
		expect("no uplink", 1366)
		spoke.stop()
		hub.stop()
	})
}
