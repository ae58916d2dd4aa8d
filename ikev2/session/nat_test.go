package session

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestLearnsThePublicAddress from a peer that names our end by it, as strongSwan
// does.
func TestLearnsThePublicAddress(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 50, c, c)
	w.up()
	s := w.spoke.session
	if s.Public().IsValid() {
		t.Errorf("%s is learned from a peer that does not know", s.Public())
	}
	named := []wire.Payload{
		wire.TS{Selectors: []wire.Selector{wire.HostSelector(publicAddr, protoGRE)}},
		wire.TS{Responder: true, Selectors: []wire.Selector{wire.HostSelector(hubAddr, protoGRE)}},
	}
	if !s.selected(s.up(), named) || s.Public() != publicAddr || s.Status(w.now).Public != publicAddr {
		t.Errorf("public address %s, want %s", s.Public(), publicAddr)
	}
	// It holds for the same address of the uplink, and for no other.
	w.apply(w.spoke, s.Uplink(w.now, netip.Addr{}))
	w.apply(w.spoke, s.Uplink(w.now, spokeAddr))
	if s.Public() != publicAddr {
		t.Error("an outage of the uplink forgets the public address")
	}
	w.apply(w.spoke, s.Uplink(w.now, netip.MustParseAddr("10.0.0.3")))
	if s.Public().IsValid() {
		t.Error("another uplink keeps the public address")
	}
}

// TestPeerBehindOurNAT has our own public address, and does not answer.
func TestPeerBehindOurNAT(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 51, c, c)
	w.fate = func(*node, Packet) []time.Duration { return nil }
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	for range 3 {
		w.apply(w.spoke, w.spoke.session.SeenAs(w.now, hubAddr))
	}
	if warnings := w.spoke.said(Warning); len(warnings) != 1 || !strings.Contains(warnings[0], "behind one NAT") {
		t.Errorf("warnings: %q", warnings)
	}
	w.run(time.Minute)
	if failed := w.spoke.said(Failed); !strings.Contains(failed[0], "does it speak IKEv2? The peer has our own public address") {
		t.Errorf("failed: %q", failed)
	}
}

// TestBothBehindNATs answers the first message and nothing on port 4500.
func TestBothBehindNATs(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 52, c, c)
	through := w.fate
	forwarded := false
	w.fate = func(from *node, p Packet) []time.Duration {
		if from == w.spoke && p.Remote.Port() == PortNAT && !forwarded {
			return nil
		}
		if from == w.hub { // its NAT lets it see another address than the spoke does
			m, err := wire.Parse(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			for i, payload := range m.Payloads {
				if n, ok := payload.(wire.Notify); ok && n.Kind == wire.NATDetectionSourceIP {
					m.Payloads[i] = wire.Notify{Kind: n.Kind, Data: make([]byte, 20)}
					w.flying = append(w.flying, flight{w.now + time.Millisecond, w.spoke,
						Packet{Local: netip.AddrPortFrom(spokeAddr, Port), Remote: p.Local, Data: m.Marshal()}})
					return nil
				}
			}
		}
		return through(from, p)
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(15 * time.Second)
	if failed := w.spoke.said(Failed); len(failed) == 0 || !strings.Contains(failed[0], "filtered on the way? The peer and we are both behind NATs") {
		t.Errorf("failed: %q", failed)
	}
}

// TestKeepalives keep a mapping only when nothing else does.
func TestKeepalives(t *testing.T) {
	for name, test := range map[string]struct {
		nat         bool
		interval    time.Duration
		every       time.Duration
		least, most int
	}{
		"no NAT":       {false, 0, 0, 0, 0},
		"idle":         {true, 0, 0, 150, 180},
		"learned":      {true, 100 * time.Second, 0, 20, 36},
		"with traffic": {true, 0, time.Second, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			c.DPD = 10 * time.Minute
			w := newWorld(t, 53, c, c)
			if w.nat = test.nat; !test.nat {
				w.apply(w.spoke, w.spoke.session.Uplink(w.now, publicAddr))
			}
			w.up()
			w.apply(w.spoke, w.spoke.session.KeepaliveEvery(w.now, test.interval))
			w.chat(test.every, true)
			w.spoke.keepalives = 0
			w.run(time.Hour)
			if n := w.spoke.keepalives; n < test.least || n > test.most {
				t.Errorf("%d keepalives an hour, want %d to %d", n, test.least, test.most)
			}
		})
	}
}
