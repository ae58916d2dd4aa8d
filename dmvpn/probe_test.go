package dmvpn

import (
	"errors"
	"net/netip"
	"testing"
)

// TestProbe: who protects the tunnel may ask at any time for a packet that the
// hub answers.
func TestProbe(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		h := l.hubs[nbma1]
		h.received = nil
		for range 10 {
			l.probe()
			l.pass(second / 100)
		}
		l.pass(5 * second)
		if n := len(h.received); n != 2 {
			t.Errorf("10 probes in a moment send %d requests, want the first and one more", n)
		}
		l.expect(0, Registered)

		// Also while the registration waits for protection that the answer may bring.
		h.received = nil
		l.blocked = map[netip.Addr]bool{nbma1: true}
		l.renew()
		l.pass(3 * second)
		l.probe()
		l.pass(second)
		if n := len(h.received); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		if n := l.tunnel.Status().Counters.Unexpected; n != 0 {
			t.Errorf("%d answers are unexpected", n)
		}
	})
}

// TestProtectionReturns: however long the protection was refused, the box
// registers soon after it is there.
func TestProtectionReturns(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.err = errors.New("the hub is silent")
		l.renew()
		l.pass(600 * second)
		l.err = nil
		l.pass(5 * second)
		l.expect(0, Registered)
	})
}
