package session

import (
	"crypto/rand"
	"net/netip"
	"testing"
	"time"
)

// TestBegunAndLeft: who begins IKE SAs and does not follow up pushes out his own
// oldest, and the one who means it gets through.
func TestBegunAndLeft(t *testing.T) {
	c := config(t, testIKE, testESP)
	hub := New(c, publicAddr, rand.Reader)
	hub.Uplink(0, hubAddr)
	call := func(now Instant) (caller *Session, answer Packet) {
		t.Helper()
		caller = New(c, hubAddr, rand.Reader)
		caller.Uplink(now, publicAddr)
		e := hub.Receive(now, turned(caller.Want(now).Send[0]))
		if len(e.Send) != 1 {
			t.Fatalf("%d answers", len(e.Send))
		}
		return caller, turned(e.Send[0])
	}
	for i := range 20 {
		call(Instant(i) * time.Second)
	}
	if n, since := hub.HalfOpen(); n != maxHalfOpen || since != (20-maxHalfOpen)*time.Second || !hub.Fleeting() {
		t.Errorf("%d half-open, the oldest since %v", n, since)
	}
	caller, answer := call(20 * time.Second)
	auth := caller.Receive(20*time.Second, answer)
	e := hub.Receive(20*time.Second, turned(auth.Send[0]))
	if len(e.Install) != 2 || hub.Fleeting() {
		t.Errorf("the caller that follows up is not served: %+v", e.Events)
	}
	hub.Tick(20*time.Second + halfOpenTime)
	if n, _ := hub.HalfOpen(); n != 0 {
		t.Errorf("%d are still half-open", n)
	}
}

// turned returns a packet as it arrives.
func turned(p Packet) Packet { return Packet{Local: p.Remote, Remote: p.Local, Data: p.Data} }

// TestFollowsAnotherAddress: a peer that called is followed to another public
// address; one that was called stays where GRE is sent to.
func TestFollowsAnotherAddress(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 12, c, c)
	w.up()
	elsewhere := netip.MustParseAddrPort("198.51.100.50:34500")
	inbound := func(n *node) uint32 {
		for _, sa := range n.kernel {
			if sa.Inbound {
				return sa.SPI
			}
		}
		return 0
	}
	e := w.hub.session.SAMoved(w.now, inbound(w.hub), elsewhere)
	w.apply(w.hub, e)
	if len(e.Move) != 2 || len(e.Update) != 0 || w.hub.session.Peer() != elsewhere.Addr() {
		t.Errorf("the caller is at %s now, after %+v", w.hub.session.Peer(), e)
	}
	for _, sa := range w.hub.kernel {
		if sa.Remote != elsewhere {
			t.Errorf("SA %08x leads to %s", sa.SPI, sa.Remote)
		}
	}
	e = w.spoke.session.SAMoved(w.now, inbound(w.spoke), elsewhere)
	w.apply(w.spoke, e)
	if len(e.Move)+len(e.Update) != 0 || w.spoke.session.Peer() != hubAddr {
		t.Errorf("the peer that we called is followed to %s: %+v", w.spoke.session.Peer(), e)
	}
	w.run(10 * time.Minute)
	w.checkRest()
}
