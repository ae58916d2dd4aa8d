package keepalive

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

const day = 24 * time.Hour

// forgetful returns a NAT that gives ports at random.
func forgetful(after time.Duration) *nat { return &nat{fresh: after, answered: after} }

func TestLearnsTheTimeout(t *testing.T) {
	for _, test := range []struct {
		timeout, lived, died, interval time.Duration
	}{
		{12, 0, 15, 10},
		{18, 15, 20, 11},
		{25, 20, 30, 15},
		{31, 30, 45, 22},
		{50, 45, 60, 33},
		{61, 60, 90, 45},
		{100, 90, 120, 67},
		{121, 120, 150, 90},
		{180, 150, 600, 110},
		{300, 150, 600, 110},
	} {
		timeout := test.timeout * time.Second
		t.Run(timeout.String(), func(t *testing.T) {
			w := newWorld(t, 1, forgetful(timeout))
			w.run(2 * Standard.Begin)
			if got := w.learner.Interval(); got != Standard.Default {
				t.Errorf("interval is %s before anything was learned", got)
			}
			w.run(time.Hour)
			got, want := w.learner.State().Known, Bounds{test.lived * time.Second, test.died * time.Second}
			if got != want || w.learner.Interval().Truncate(time.Second) != test.interval*time.Second {
				t.Errorf("learned %s, interval %s; want %s, %d s", got, w.learner.Interval(), want, test.interval)
			}
			if questions := w.learner.State().Questions; questions > 6 || int(questions) != w.sent {
				t.Errorf("it took %d questions in %d packets", questions, w.sent)
			}
			if w.hub.most > 2 {
				t.Errorf("%d IKE SAs were half open at the hub at once", w.hub.most)
			}
			if _, inUse := w.learner.Port(); inUse || len(w.notes) != 1 {
				t.Errorf("scratch port in use: %v; notes: %q", inUse, w.notes)
			}
			asked := w.sent
			w.run(6 * day)
			if w.sent != asked {
				t.Error("it goes on asking")
			}
			w.run(day + time.Hour)
			if again := w.learner.State().Known; w.sent == asked || again != want || len(w.notes) != 1 {
				t.Errorf("a week later: %d packets, %s, notes %q", w.sent, again, w.notes)
			}
		})
	}
}

// TestAnsweredFlows learns how long the NAT remembers flows like ours, not those
// that nobody answered yet.
func TestAnsweredFlows(t *testing.T) {
	w := newWorld(t, 1, &nat{fresh: 30 * time.Second, answered: 120 * time.Second})
	w.run(2 * time.Hour)
	if got, want := w.learner.State().Known, (Bounds{90 * time.Second, 120 * time.Second}); got != want {
		t.Errorf("learned %s, want %s", got, want)
	}
}

func TestPortPreservingNATTeachesNothing(t *testing.T) {
	w := newWorld(t, 1, &nat{fresh: 30 * time.Second, answered: 30 * time.Second, preserving: true})
	w.run(6 * day)
	state := w.learner.State()
	if !state.Opaque || w.learner.Interval() != Standard.Default || state.Questions != 2 {
		t.Errorf("state %+v, interval %s", state, w.learner.Interval())
	}
	if len(w.notes) != 1 || !strings.Contains(w.notes[0], "cannot be learned") {
		t.Errorf("notes: %q", w.notes)
	}
}

// TestNoNAT asks a peer that sees us as we are.
func TestNoNAT(t *testing.T) {
	w := newWorld(t, 1, &nat{fresh: day, answered: day, preserving: true})
	w.nat.public, w.path.Public = localAddr, localAddr
	w.apply(w.learner.Follow(w.now, w.path))
	w.run(time.Hour)
	if !w.learner.State().Opaque || w.learner.Interval() != Standard.Default {
		t.Errorf("state %+v", w.learner.State())
	}
}

// TestNeverAboveWhatWasProven loses packets and restarts the process: whatever
// comes of it, the interval is one that the NAT outlives.
func TestNeverAboveWhatWasProven(t *testing.T) {
	learned := 0
	for seed := range uint64(60) {
		timeout := time.Duration(11+5*seed) * time.Second
		w := newWorld(t, seed, forgetful(timeout))
		w.loss = float64(seed%4) / 10
		for range 40 {
			w.run(time.Duration(w.random.Int64N(int64(time.Hour))))
			if seed%3 == 0 {
				w.restart()
			}
			if interval := w.learner.Interval(); interval >= timeout && interval != Standard.Default {
				t.Fatalf("seed %d: interval is %s where the NAT forgets after %s; %+v", seed, interval, timeout, w.learner.State())
			}
		}
		if w.learner.State().Known.Died != 0 {
			learned++
		}
	}
	if learned < 54 {
		t.Errorf("only %d of 60 learned anything", learned)
	}
}

func TestPeersThatDoNotHelp(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*world)
		problem string
	}{
		"silent":            {func(w *world) { w.hub = nil }, "does not answer from port 4500"},
		"under load":        {func(w *world) { w.hub.refusal = &wire.Notify{Kind: wire.Cookie, Data: make([]byte, 20)} }, "asks for a cookie"},
		"other proposals":   {func(w *world) { w.hub.refusal = &wire.Notify{Kind: wire.NoProposalChosen} }, "NO_PROPOSAL_CHOSEN"},
		"no NAT traversal":  {func(w *world) { w.hub.refusal = &wire.Notify{Kind: wire.InitialContact} }, "does not say where"},
		"wants odd group":   {func(w *world) { w.hub.group = suite.MODP4096 }, "do not agree on a key exchange group"},
		"at other addresss": {func(w *world) { w.nat.public = netip.MustParseAddr("198.51.100.8") }, "sees us at another address than 198.51.100.7"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, forgetful(time.Minute))
			test.change(w)
			w.run(30 * day)
			state := w.learner.State()
			if w.learner.Interval() != Standard.Default || !strings.Contains(state.Problem, test.problem) {
				t.Errorf("interval %s, problem %q", w.learner.Interval(), state.Problem)
			}
			// Once after 1, 2, 4 … hours, then weekly.
			if state.Questions < 4 || state.Questions > 24 {
				t.Errorf("%d questions in 30 days", state.Questions)
			}
			// It learns as soon as they do.
			w.hub, w.nat.public = new(hub), publicAddr
			w.run(8 * day)
			if got := w.learner.State(); got.Known.Lived != 45*time.Second || got.Problem != "" || got.Failures != 0 {
				t.Errorf("afterwards: %+v", got)
			}
		})
	}
}

func TestGroupOfThePeer(t *testing.T) {
	w := newWorld(t, 1, forgetful(time.Minute))
	w.hub.group = suite.ECP256
	w.run(time.Hour)
	state := w.learner.State()
	if state.Known.Lived == 0 || state.Group != suite.ECP256 || state.Questions > 7 {
		t.Errorf("state %+v", state)
	}
}

func TestNewPublicAddressStartsAnew(t *testing.T) {
	w := newWorld(t, 1, forgetful(2*time.Minute+time.Second))
	w.run(time.Hour)
	if w.learner.Interval() != 90*time.Second {
		t.Fatalf("interval %s", w.learner.Interval())
	}
	// The uplink goes down and comes back: what was learned holds.
	w.apply(w.learner.Follow(w.now, Path{}))
	if _, ok := w.learner.Deadline(); ok {
		t.Error("there is something to do without a path")
	}
	w.run(time.Minute)
	w.apply(w.learner.Follow(w.now, w.path))
	if w.learner.Interval() != 90*time.Second {
		t.Errorf("interval %s after the uplink came back", w.learner.Interval())
	}
	// A train passes from one carrier gateway to the next every ten minutes.
	asked := w.learner.State().Questions
	for i := range 36 {
		w.nat.public = netip.AddrFrom4([4]byte{198, 51, 100, byte(100 + i)})
		w.nat.answered, w.nat.fresh = 40*time.Second, 40*time.Second
		w.path.Public = w.nat.public
		w.apply(w.learner.Follow(w.now, w.path))
		if w.learner.Interval() != Standard.Default {
			t.Fatalf("interval %s behind a NAT of which nothing is known", w.learner.Interval())
		}
		w.run(10 * time.Minute)
	}
	if more := w.learner.State().Questions - asked; more > 2*6 {
		t.Errorf("%d questions in six hours of an unsteady uplink", more)
	}
	w.run(3 * time.Hour)
	if got := w.learner.State().Known.Lived; got != 30*time.Second {
		t.Errorf("at last: lived %s", got)
	}
}

func TestPeerChangesDuringASearch(t *testing.T) {
	w := newWorld(t, 1, forgetful(time.Minute+time.Second))
	w.run(2 * Standard.Begin)
	if _, searching := w.learner.Port(); !searching {
		t.Fatal("no search is under way")
	}
	other := w.path
	other.Local = netip.MustParseAddr("100.64.0.10")
	w.apply(w.learner.Follow(w.now, other))
	if _, searching := w.learner.Port(); searching {
		t.Error("the search goes on from an address that is gone")
	}
	w.apply(w.learner.Follow(w.now, w.path))
	w.run(2 * time.Hour)
	if got := w.learner.State().Known.Lived; got != time.Minute {
		t.Errorf("lived %s", got)
	}
}

func TestRefuted(t *testing.T) {
	w := newWorld(t, 1, forgetful(2*time.Minute+time.Second))
	w.apply(w.learner.Refute(w.now)) // of no meaning at the default
	w.run(time.Hour)
	effects := w.learner.Refute(w.now)
	if !effects.Changed || effects.Note == "" || w.learner.Interval() != Standard.Default {
		t.Errorf("effects %+v, interval %s", effects, w.learner.Interval())
	}
	w.run(Standard.Retry - time.Second)
	if w.learner.Interval() != Standard.Default {
		t.Errorf("interval %s before another search", w.learner.Interval())
	}
	w.run(2 * Standard.Retry)
	if got := w.learner.Interval(); got != 45*time.Second {
		t.Errorf("interval %s, want half of the one that was refuted", got)
	}
	w.apply(w.learner.Refute(w.now))
	w.run(4 * Standard.Retry)
	if got := w.learner.Interval(); got != 22500*time.Millisecond {
		t.Errorf("interval %s, want half of that again", got)
	}
	w.run(8 * day)
	if got := w.learner.Interval(); got != 90*time.Second {
		t.Errorf("interval %s a week later, want what was learned again", got)
	}
}

func TestForgedAnswersTeachNothing(t *testing.T) {
	w := newWorld(t, 1, forgetful(time.Minute))
	w.hub = nil
	for w.learner.phase != asking {
		w.run(time.Second)
	}
	port, _ := w.learner.Port()
	request, err := wire.Parse(w.learner.question.data)
	if err != nil {
		t.Fatal(err)
	}
	seen := netip.AddrPortFrom(publicAddr, 7000)
	honest := Packet{
		Local: netip.AddrPortFrom(localAddr, port), Remote: netip.AddrPortFrom(hubAddr, 4500),
		Data: new(hub).answer(t, w.now, w.learner.question.data, seen),
	}
	for name, forge := range map[string]func(*Packet){
		"from another address": func(p *Packet) { p.Remote = netip.AddrPortFrom(publicAddr, 4500) },
		"from another port":    func(p *Packet) { p.Remote = netip.AddrPortFrom(hubAddr, 500) },
		"to another port":      func(p *Packet) { p.Local = netip.AddrPortFrom(localAddr, 4500) },
		"with another SPI":     func(p *Packet) { p.Data[7] ^= 1 },
		"cut short":            func(p *Packet) { p.Data = p.Data[:30] },
		"a request":            func(p *Packet) { p.Data[19] &^= byte(wire.FlagResponse) },
		"of the initiator":     func(p *Packet) { p.Data[19] |= byte(wire.FlagInitiator) },
		"with a message id":    func(p *Packet) { p.Data[23] = 1 },
	} {
		forged := honest
		forged.Data = append([]byte(nil), honest.Data...)
		forge(&forged)
		if w.learner.Receive(w.now, forged); w.learner.phase != asking || w.learner.question.spi != request.SPIi {
			t.Fatalf("an answer %s is taken", name)
		}
	}
	if w.learner.Receive(w.now, honest); w.learner.phase != settling || w.learner.outside != 7000 {
		t.Errorf("the honest answer is not taken: phase %d, port %d", w.learner.phase, w.learner.outside)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add((&wire.Message{Payloads: []wire.Payload{wire.Notify{Kind: wire.InvalidKEPayload, Data: []byte{0, 19}}}}).Marshal(), true)
	f.Add((&wire.Message{Payloads: []wire.Payload{wire.Notify{Kind: wire.NATDetectionDestinationIP, Data: make([]byte, 20)}}}).Marshal(), true)
	f.Fuzz(func(t *testing.T, data []byte, addressed bool) {
		w := newWorld(t, 1, forgetful(time.Minute))
		w.hub = nil
		for w.learner.phase != asking {
			w.run(time.Minute)
		}
		if data = append([]byte(nil), data...); addressed && len(data) > 28 {
			copy(data, w.learner.question.data[:8])
			data[18], data[19] = byte(wire.IKESAInit), byte(wire.FlagResponse)
		}
		w.learner.Receive(w.now, Packet{Local: w.learner.packet(nil).Local, Remote: w.learner.packet(nil).Remote, Data: data})
		if w.learner.phase == settling {
			t.Error("an answer without the hash is taken")
		}
	})
}
