package session

import (
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestRoundTripIsMeasured repeats nothing to a peer that is merely slow, and
// something lost by a fast one soon.
func TestRoundTripIsMeasured(t *testing.T) {
	c := config(t, testIKE, testESP)
	c.DPD = 10 * time.Second
	w := newWorld(t, 41, c, c)
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{600 * time.Millisecond} }
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(time.Minute)
	w.checkRest()
	before := w.spoke.session.state.Counters.Retransmissions
	w.run(10 * time.Minute)
	if n := w.spoke.session.state.Counters.Retransmissions - before; n > 2 {
		t.Errorf("%d retransmissions to a slow peer", n)
	}
	if rtt := w.spoke.session.Status(w.now).RoundTrip; rtt < 1100*time.Millisecond || rtt > 1300*time.Millisecond {
		t.Errorf("round trip %s is shown", rtt)
	}
}

// TestDeadPeerCostsLittle counts the messages of one request nobody answers.
func TestDeadPeerCostsLittle(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 42, c, c)
	w.up()
	w.apply(w.spoke, w.spoke.session.Forgo(w.now)) // so that nothing but the request is sent
	sent := 0
	w.fate = func(n *node, p Packet) []time.Duration {
		if n == w.spoke && first(p).Exchange == wire.Informational {
			sent++
		}
		return nil
	}
	w.run(c.DPD)
	began := w.now
	for w.spoke.count(Lost) == 0 && w.now < began+time.Minute {
		w.run(time.Second)
	}
	if took := w.now - began; took < 15*time.Second || took > 30*time.Second || sent != maxTries {
		t.Errorf("given up after %s and %d messages", took, sent)
	}
}

// TestStandstillIsNoSilence has a box stand still while an answer is due.
func TestStandstillIsNoSilence(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 44, c, c)
	w.up()
	good := w.fate
	w.fate = func(*node, Packet) []time.Duration { return nil }
	for w.spoke.session.up().Request == nil {
		w.run(time.Millisecond)
	}
	w.now += time.Minute
	w.fate = good
	w.run(time.Minute)
	w.checkRest()
	if w.spoke.count(Lost) > 0 || w.hub.count(Lost) > 0 {
		t.Errorf("given up: %q, %q", w.spoke.said(Lost), w.hub.said(Lost))
	}
}
