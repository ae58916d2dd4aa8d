package session

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// limit is what recovery from a single fault may take.
const limit = 10 * time.Second

// flowing returns a world in which traffic has flowed for a while.
func flowing(t *testing.T, seed uint64) *world {
	c := config(t, testIKE, testESP)
	w := newWorld(t, seed, c, c)
	w.up()
	w.chat(100*time.Millisecond, true)
	w.run(20 * time.Second)
	if gap := w.gap(w.now - 19*time.Second); gap > time.Second || w.data.probes > 0 {
		t.Fatalf("without a fault traffic pauses for %s and %d probes are sent", gap, w.data.probes)
	}
	return w
}

// TestRecoversFromASingleFault brings each fault about under traffic.
func TestRecoversFromASingleFault(t *testing.T) {
	for name, test := range map[string]struct {
		fault func(w *world)
		// said is in a note, and up how often the peer was authenticated.
		said string
		up   int
	}{
		"NAT moves us and the hub follows": {func(w *world) { w.remap() }, "", 1},
		"NAT moves us and the hub does not follow": {func(w *world) {
			w.remap()
			w.data.stubbornHub = true
		}, "rekeying the child SA", 1},
		"NAT keeps a dead mapping": {func(w *world) {
			port := w.mapped[PortNAT]
			w.data.lost = func(n *node, sa SA) bool {
				return sa.Remote.Port() == port || n == w.spoke && sa.Local.Port() == PortNAT
			}
			through := w.fate
			w.fate = func(n *node, p Packet) []time.Duration {
				if p.Local.Port() == PortNAT && n == w.spoke || p.Remote.Port() == port {
					return nil
				}
				return through(n, p)
			}
		}, "from a new port", 2},
		"hub restarts": {func(w *world) { w.restartHub() }, "from a new port", 2},
		"hub loses its ESP SAs": {func(w *world) {
			lost := slices.Clone(w.hub.kernel)
			w.data.lost = func(_ *node, sa SA) bool {
				return slices.ContainsFunc(lost, func(l SA) bool { return l.SPI == sa.SPI })
			}
		}, "rekeying the child SA", 1},
		"ESP is dropped from one port": {func(w *world) {
			w.data.lost = func(n *node, sa SA) bool { return n == w.spoke && sa.Local.Port() == PortNAT }
		}, "from a new port", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := flowing(t, 30)
			w.restart = true // which must not matter
			w.run(time.Duration(w.random.IntN(1000)) * time.Millisecond)
			began := w.now
			test.fault(w)
			w.run(time.Minute)
			if gap := w.gap(began); gap > limit {
				t.Errorf("traffic flows again after %s", gap)
			} else {
				t.Logf("traffic flows again after %s", gap)
			}
			if notes := strings.Join(w.spoke.said(Note), "\n"); !strings.Contains(notes, test.said) {
				t.Errorf("notes lack %q: %s", test.said, notes)
			}
			if moved := name == "NAT moves us and the hub does not follow"; moved && w.spoke.moved != 1 {
				t.Errorf("the mapping is found moved %d times", w.spoke.moved)
			} else if test.said != "rekeying the child SA" && w.spoke.moved != 0 {
				t.Error("the mapping is found moved although rekeying the child SA did not help")
			}
			if w.spoke.count(Up) != test.up || w.spoke.count(Lost) != 0 {
				t.Errorf("Up %d times, want %d; Lost %q", w.spoke.count(Up), test.up, w.spoke.said(Lost))
			}
		})
	}
}

// restartHub gives the world a hub that has forgotten everything.
func (w *world) restartHub() {
	w.hub = w.boot("hub", w.hub.config, publicAddr, uint64(w.now))
	w.data.packets[w.hub] = map[Count]uint64{}
	w.apply(w.hub, w.hub.session.Uplink(w.now, hubAddr))
}

// TestBareESPIsDropped blocks ESP that is not in UDP: the spoke pretends to be
// behind a NAT.
func TestBareESPIsDropped(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 31, c, c)
	w.nat = false
	w.apply(w.spoke, w.spoke.session.Uplink(w.now, publicAddr))
	w.up()
	w.chat(100*time.Millisecond, true)
	w.data.lost = func(_ *node, sa SA) bool { return !sa.Encap }
	began := w.now
	w.run(time.Minute)
	if gap := w.gap(began); gap > limit {
		t.Errorf("traffic flows after %s", gap)
	}
	w.checkRest()
	if status := w.spoke.session.Status(w.now); status.NAT != "pretended" {
		t.Errorf("NAT %q is shown", status.NAT)
	}
}

// TestOneWayTraffic is never answered, and must neither escalate nor ask more
// often than it is worth.
func TestOneWayTraffic(t *testing.T) {
	for name, test := range map[string]struct {
		every       time.Duration
		least, most int
	}{
		"thin":  {10 * time.Second, 50, 150},
		"thick": {20 * time.Millisecond, 600, 1500},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w := newWorld(t, 32, c, c)
			w.up()
			w.chat(test.every, false)
			w.run(time.Hour)
			if w.data.probes < test.least || w.data.probes > test.most {
				t.Errorf("%d probes an hour, want %d to %d", w.data.probes, test.least, test.most)
			}
			if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 || w.spoke.session.state.Counters.IKERekeys > 1 {
				t.Errorf("one-way traffic escalates: %+v", w.spoke.events)
			}
		})
	}
}

// TestOneWayTrafficWithoutProbes asks by IKE alone, and not too often.
func TestOneWayTrafficWithoutProbes(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 44, c, c)
	w.up()
	w.chat(10*time.Second, false)
	w.data.noProbes = true
	asked := 0
	through := w.fate
	w.fate = func(n *node, p Packet) []time.Duration {
		if h := first(p); n == w.spoke && h.Exchange == wire.Informational && !h.Response() {
			asked++
		}
		return through(n, p)
	}
	w.run(time.Hour)
	if asked < 50 || asked > 200 || w.data.probes > 0 {
		t.Errorf("the peer is asked %d times an hour, and %d probes are sent", asked, w.data.probes)
	}
	if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 {
		t.Errorf("one-way traffic escalates: %+v", w.spoke.events)
	}
	began := w.now
	w.restartHub()
	w.run(c.DPD + limit)
	w.checkTraffic()
	if w.spoke.session.state.UpSince < began {
		t.Error("the restart was not noticed")
	}
}

// TestNoTraffic finds a dead hub by DPD and by the same ladder then.
func TestNoTraffic(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 33, c, c)
	w.up()
	w.chat(0, false)
	w.run(10 * time.Minute)
	if w.data.probes > 0 {
		t.Errorf("%d probes although nothing is wrong", w.data.probes)
	}
	w.restartHub()
	began := w.now
	w.run(c.DPD + limit)
	w.checkTraffic()
	if up := w.spoke.session.state.UpSince; up < began {
		t.Error("the restart was not noticed")
	}
}

// TestLameHub answers by IKE and never through ESP. That is told once, tried
// again ever more seldom, and over as soon as it answers.
func TestLameHub(t *testing.T) {
	w := flowing(t, 34)
	began := w.now
	w.data.lost = func(*node, SA) bool { return true }
	w.run(2 * time.Hour)
	lost := w.spoke.said(Lost)
	if len(lost) != 1 {
		t.Fatalf("Lost: %q", lost)
	}
	for _, want := range []string{"answers by IKE", "through ESP", "not to a packet that the peer must answer", "after the child SA was rekeyed", "another IKE SA from UDP port"} {
		if !strings.Contains(lost[0], want) {
			t.Errorf("%q lacks %q", lost[0], want)
		}
	}
	if n := w.spoke.session.state.Counters.Authentications; n < 5 || n > 15 {
		t.Errorf("%d IKE SAs in two hours", n)
	}
	if since := w.spoke.session.Status(w.now).Unanswered; since < w.now-began-3*time.Second {
		t.Errorf("status shows %s without an answer", since)
	}
	before := w.spoke.count(Up)
	if saved, err := json.Marshal(w.spoke.session.State()); err != nil || len(saved) > 16<<10 {
		t.Errorf("the state has grown to %d octets, %v", len(saved), err)
	}
	w.data.lost = func(*node, SA) bool { return false }
	w.data.every = 0 // whoever wanted it has gone elsewhere
	w.run(toldProbe + 2*time.Second)
	if w.spoke.count(Up) != before+1 || !w.spoke.session.state.Protected {
		t.Errorf("the hub answers again and that is not told: %q", w.spoke.said(Up))
	}
	w.run(time.Minute)
	w.checkRest()
}

// TestHubReturns measures how long a hub that comes back waits for us.
func TestHubReturns(t *testing.T) {
	for _, away := range []time.Duration{30 * time.Second, 61 * time.Second, 5 * time.Minute, 9 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			w := flowing(t, 35)
			through := w.fate
			sent := 0
			w.fate = func(*node, Packet) []time.Duration { sent++; return nil }
			w.data.lost = func(*node, SA) bool { return true }
			began := w.now
			w.run(away)
			if lost := w.spoke.said(Lost); len(lost) != 1 || !strings.Contains(lost[0], "has been silent") {
				t.Errorf("Lost: %q", lost)
			}
			if told := w.spoke.lastOf(Lost) - began; told > limit {
				t.Errorf("the outage is told after %s", told)
			}
			if most := int(away/time.Second) + 20; sent > most {
				t.Errorf("%d messages, want at most %d", sent, most)
			}
			w.fate = through
			w.data.lost = func(*node, SA) bool { return false }
			w.restartHub()
			back := w.now
			w.run(time.Minute)
			w.checkRest()
			if gap := w.gap(back); gap > limit {
				t.Errorf("traffic flows %s after the hub is back", gap)
			}
		})
	}
}

// TestLongOutageIsCheap bounds what an absent hub costs.
func TestLongOutageIsCheap(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 36, c, c)
	var octets, messages int
	through := w.fate
	w.fate = func(_ *node, p Packet) []time.Duration {
		messages++
		octets += len(p.Data) + 28
		return nil
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(time.Hour)
	octets, messages = 0, 0
	w.run(24 * time.Hour)
	t.Logf("%d messages, %d octets a day", messages, octets)
	if messages > 7000 || messages < 4000 {
		t.Errorf("%d messages a day", messages)
	}
	w.fate = through
	w.run(35 * time.Second)
	w.checkRest()
}

// TestCongestion delays everything by seconds now and then; that must not cost
// the IKE SA again and again.
func TestCongestion(t *testing.T) {
	w := flowing(t, 37)
	began := w.now
	clear := w.fate
	for range 20 {
		w.fate = func(*node, Packet) []time.Duration { return []time.Duration{1500 * time.Millisecond} }
		w.data.lost = func(*node, SA) bool { return w.random.IntN(2) > 0 }
		w.run(20 * time.Second)
		w.fate = clear
		w.data.lost = func(*node, SA) bool { return false }
		w.run(40 * time.Second)
	}
	if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 {
		t.Errorf("congestion costs the SAs: %q %q", w.spoke.said(Up), w.spoke.said(Lost))
	}
	if gap := w.gap(began); gap > limit {
		t.Errorf("traffic pauses for %s", gap)
	}
}

// TestIKEDiesAndESPLives opens another IKE SA before the old one is given up,
// and traffic never stops.
func TestIKEDiesAndESPLives(t *testing.T) {
	w := flowing(t, 38)
	old := w.spoke.session.state.SAs[0].SPIi
	through := w.fate
	w.fate = func(n *node, p Packet) []time.Duration {
		if first(p).SPIi == old {
			return nil
		}
		return through(n, p)
	}
	began := w.now
	w.run(2 * time.Minute)
	if gap := w.gap(began); gap > time.Second {
		t.Errorf("traffic pauses for %s", gap)
	}
	if w.spoke.count(Up) != 2 || w.spoke.count(Lost) != 0 {
		t.Errorf("events: %+v", w.spoke.events)
	}
}

// TestRouteIsGone lets the uplink take no packet. The peer is not blamed, and
// asked as soon as there is a route.
func TestRouteIsGone(t *testing.T) {
	w := flowing(t, 39)
	through := w.fate
	gone := true
	w.fate = func(n *node, p Packet) []time.Duration {
		if n == w.spoke && gone {
			w.unsent = append(w.unsent, p)
			return nil
		}
		return through(n, p)
	}
	w.data.lost = func(*node, SA) bool { return gone }
	w.run(3 * time.Minute)
	if authentications := w.spoke.session.state.Counters.Authentications; authentications != 1 {
		t.Errorf("%d authentications", authentications)
	}
	if failed := w.spoke.said(Failed); len(failed) == 0 || !strings.Contains(failed[0], "cannot leave the box: network is unreachable") {
		t.Errorf("Failed: %q", failed)
	}
	gone = false
	back := w.now
	w.run(30 * time.Second)
	if gap := w.gap(back); gap > 5*time.Second {
		t.Errorf("traffic flows %s after the route is back", gap)
	}
}

// TestStartsOnPort4500 tries both ports and remembers.
func TestStartsOnPort4500(t *testing.T) {
	for name, test := range map[string]struct {
		configured bool
		filtered   uint16
		within     time.Duration
	}{
		"configured":         {true, Port, 200 * time.Millisecond},
		"found out":          {false, Port, 15 * time.Second},
		"configured wrongly": {true, PortNAT, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			spoke := c
			spoke.StartNAT = test.configured
			w := newWorld(t, 40, spoke, c)
			w.nat = false
			w.apply(w.spoke, w.spoke.session.Uplink(w.now, publicAddr))
			through := w.fate
			w.fate = func(n *node, p Packet) []time.Duration {
				if p.Local.Port() == test.filtered || p.Remote.Port() == test.filtered {
					return nil
				}
				return through(n, p)
			}
			w.apply(w.spoke, w.spoke.session.Want(w.now))
			w.run(test.within)
			w.checkRest()
			want := Port + PortNAT - test.filtered
			if got := w.spoke.session.Status(w.now).Compat.StartPort; got != want {
				t.Errorf("port %d is remembered, want %d", got, want)
			}
			// The next time it begins there.
			s := w.spoke.session
			w.apply(w.spoke, s.step(w.now, func() { s.lose(s.up(), "the test wants it") }))
			w.run(200 * time.Millisecond)
			w.checkTraffic()
		})
	}
}

// TestKeyExchangeIsNoRoundTrip: what an answer takes a slow hub because of a key
// exchange does not slow the climb, and what the path takes does.
func TestKeyExchangeIsNoRoundTrip(t *testing.T) {
	c := config(t, testIKE, testESP)
	s := New(c, hubAddr, nil)
	for _, step := range []struct {
		samples []time.Duration
		want    time.Duration
	}{
		{[]time.Duration{1500 * time.Millisecond, 50 * time.Millisecond}, answerTime},
		{[]time.Duration{1500 * time.Millisecond}, answerTime},
		{slices.Repeat([]time.Duration{time.Second}, 40), 4 * time.Second},
	} {
		for _, sample := range step.samples {
			s.state.RoundTrip.measure(sample)
		}
		if got := s.slow(answerTime); got != step.want {
			t.Errorf("after %s: %s, want %s", step.samples, got, step.want)
		}
	}
}

// TestPeerPrefersTheNewIKESA deletes the old one before its answer about the new
// one arrives.
func TestPeerPrefersTheNewIKESA(t *testing.T) {
	w := flowing(t, 43)
	through := w.fate
	w.fate = func(from *node, p Packet) []time.Duration {
		if h := first(p); from == w.hub && h.Exchange == wire.IKEAuth && h.Response() {
			return []time.Duration{300 * time.Millisecond}
		}
		return through(from, p)
	}
	w.data.lost = func(n *node, sa SA) bool { return n == w.spoke && sa.Local.Port() == PortNAT }
	began := w.now
	w.run(time.Minute)
	w.checkRest()
	if gap := w.gap(began); gap > limit || w.spoke.count(Lost) != 0 || w.spoke.count(Up) != 2 {
		t.Errorf("traffic pauses for %s, Up %d times, Lost %q", gap, w.spoke.count(Up), w.spoke.said(Lost))
	}
}
