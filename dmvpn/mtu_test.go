package dmvpn

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

func TestDeviceFollowsWhatFits(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		if slices.ContainsFunc(l.kernel.history, func(s string) bool { return s == "mtu 1400" }) {
			t.Error("an MTU was set before what fits was known")
		}
		for _, step := range []struct {
			what       string
			fits, want int
		}{
			{"an LTE uplink", 1358, 1358},
			{"an uplink with more room than configured", 1430, 1400},
			{"one with hardly any", 400, minMTU},
		} {
			l.kernel.mtu = 0
			l.step()
			l.protector.mtu.Set(step.fits)
			l.pass(0)
			if l.kernel.mtu != step.want {
				t.Errorf("%s: MTU %d, want %d", step.what, l.kernel.mtu, step.want)
			}
		}
	})
	c := testConfig()
	c.Address = netip.MustParsePrefix("2001:db8::17/64")
	if got := c.minMTU(); got != 1280 {
		t.Errorf("a tunnel of IPv6 may have MTU %d", got)
	}
}

// TestMTUOfOthersIsAHint: what a hub says of an MTU changes none of ours.
func TestMTUOfOthersIsAHint(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.hubs[nbma1].script = func(p *nhrp.Packet) *nhrp.Packet {
			p.CIEs[0].MTU = 600
			return p
		}
		before := l.server(0).Replies
		l.renew()
		l.pass(second)
		if l.server(0).Replies == before {
			t.Error("the hub was not asked")
		}
		if slices.ContainsFunc(l.kernel.history, func(s string) bool { return strings.HasPrefix(s, "mtu") }) {
			t.Errorf("the kernel was told %q", l.kernel.history)
		}
	})
}
