package session

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestLossDuplicationReordering lets a bad network do its worst over many
// rekeyings; afterwards both must agree, whatever was lost.
func TestLossDuplicationReordering(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := config(t, testIKE, testESP)
			c.PFS, c.IKELifetime = seed%2 == 0, 15*time.Minute
			w := newWorld(t, seed, c, c)
			w.restart = seed%3 == 0
			good := w.fate
			w.fate = func(*node, Packet) []time.Duration {
				var copies []time.Duration
				for range 1 + w.random.IntN(2) {
					if w.random.IntN(5) > 0 {
						copies = append(copies, time.Duration(w.random.IntN(900))*time.Millisecond)
					}
				}
				return copies
			}
			w.apply(w.spoke, w.spoke.session.Want(w.now))
			w.run(2 * time.Hour)
			w.fate = good
			w.run(2 * time.Minute)
			for range 20 { // wait for a moment in which nothing is going on
				if len(w.spoke.session.State().Children) == 1 && len(w.hub.session.State().Children) == 1 {
					break
				}
				w.run(10 * time.Second)
			}
			w.checkRest()
			if n := w.spoke.count(Lost); n > 3 {
				t.Errorf("traffic stopped %d times in two hours", n)
			}
		})
	}
}

// TestBothRekeyAtOnce makes both sides rekey at the same moment, in every
// combination, with packets that pass each other at every speed.
func TestBothRekeyAtOnce(t *testing.T) {
	for _, what := range []string{"child and child", "IKE and IKE", "child and IKE", "IKE and child"} {
		for seed := range uint64(40) {
			t.Run(fmt.Sprint(what, " ", seed), func(t *testing.T) {
				c := config(t, testIKE, testESP)
				c.PFS = seed%2 == 0
				w := newWorld(t, seed, c, c)
				w.up()
				w.unbroken = true
				w.restart = seed%5 == 0
				w.fate = func(*node, Packet) []time.Duration {
					if w.random.IntN(8) == 0 {
						return nil
					}
					return []time.Duration{time.Duration(1+w.random.IntN(400)) * time.Millisecond}
				}
				due := func(n *node, ike bool) {
					state := n.session.State()
					if ike {
						state.SAs[0].RekeyAt = w.now
					} else {
						state.Children[0].RekeyAt = w.now
					}
				}
				due(w.spoke, what[0] == 'I')
				due(w.hub, what[len(what)-3:] == "IKE")
				w.run(100 * time.Second)
				w.checkRest()
				if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 {
					t.Errorf("rekeying cost the SAs: %+v", w.spoke.events)
				}
			})
		}
	}
}

// TestGarbageChangesNothing sends noise and torn copies of real messages to both
// ends all the time.
func TestGarbageChangesNothing(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 21, c, c)
	w.fate = func(from *node, p Packet) []time.Duration {
		for range 5 {
			torn := bytes.Clone(p.Data)
			for range 1 + w.random.IntN(3) {
				torn[w.random.IntN(len(torn))] ^= byte(1 + w.random.IntN(255))
			}
			if w.random.IntN(4) == 0 {
				torn = torn[:w.random.IntN(len(torn))]
			}
			if first(p).Exchange == wire.IKESAInit {
				continue // nothing protects these yet
			}
			to := w.other(from)
			at := p
			at.Local, at.Remote = p.Remote, p.Local
			at.Data = torn
			w.flying = append(w.flying, flight{w.now + time.Millisecond, to, at})
		}
		return []time.Duration{25 * time.Millisecond}
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(time.Second)
	for range 50 {
		w.run(time.Minute)
	}
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{time.Millisecond} }
	w.run(10 * time.Second)
	if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 || w.spoke.count(Failed) != 0 {
		t.Errorf("events: %+v", w.spoke.events)
	}
	w.checkTraffic()
}

// TestRestartAnywhere makes both go on from their saved state after every single
// input; nothing may change by it.
func TestRestartAnywhere(t *testing.T) {
	c := config(t, testIKE, testESP)
	c.PFS, c.IKELifetime = true, 10*time.Minute
	run := func(restart bool) (spoke, hub []SA, events []Event) {
		w := newWorld(t, 22, c, c)
		w.restart = restart
		w.up()
		w.unbroken = true
		w.run(time.Hour)
		return w.spoke.kernel, w.hub.kernel, w.spoke.events
	}
	spoke, hub, events := run(false)
	spokeAgain, hubAgain, eventsAgain := run(true)
	if fmt.Sprint(spoke, hub) != fmt.Sprint(spokeAgain, hubAgain) || fmt.Sprint(events) != fmt.Sprint(eventsAgain) {
		t.Error("a Session that was restarted goes another way")
	}
}
