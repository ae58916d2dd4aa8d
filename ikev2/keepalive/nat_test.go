package keepalive

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

var (
	localAddr  = netip.MustParseAddr("100.64.0.9")
	publicAddr = netip.MustParseAddr("198.51.100.7")
	hubAddr    = netip.MustParseAddr("203.0.113.1")
)

const roundTrip = 50 * time.Millisecond

// nat is a simulated NAT towards one peer, where it makes no difference whether
// it is a symmetric one.
type nat struct {
	random *rand.Rand
	public netip.Addr
	// fresh and answered are for how long it remembers a flow that only went out,
	// and one that was answered.
	fresh, answered time.Duration
	// preserving gives each flow the port it has inside.
	preserving bool
	flows      map[uint16]*flow
}

type flow struct {
	outside          uint16
	used             Instant
	replied, lasting bool
}

// out returns where a packet from an inner port seems to come from.
func (n *nat) out(now Instant, port uint16) netip.AddrPort {
	f, ok := n.flows[port]
	life := n.fresh
	if ok && f.lasting {
		life = n.answered
	}
	if !ok || now-f.used >= life {
		f = &flow{outside: port}
		if !n.preserving {
			f.outside = 1024 + uint16(n.random.UintN(1<<12)) // which are found soon
		}
		n.flows[port] = f
	}
	f.used, f.lasting = now, f.replied
	return netip.AddrPortFrom(n.public, f.outside)
}

// in notes that an answer went in.
func (n *nat) in(now Instant, port uint16) {
	n.flows[port].used, n.flows[port].replied = now, true
}

// hub answers IKE_SA_INIT as far as a Learner can tell.
type hub struct {
	refusal *wire.Notify // instead of an answer
	group   suite.GroupID
	// most is how many IKE SAs were half open at once, ends when they end.
	most int
	ends []Instant
}

// answer returns the answer to a request from some address.
func (h *hub) answer(t *testing.T, now Instant, data []byte, from netip.AddrPort) []byte {
	t.Helper()
	m, err := wire.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	reply := &wire.Message{Header: wire.Header{SPIi: m.SPIi, Exchange: wire.IKESAInit, Flags: wire.FlagResponse}}
	ke, _ := wire.Find[wire.KE](m.Payloads)
	switch {
	case h.refusal != nil:
		reply.Payloads = []wire.Payload{*h.refusal}
	case h.group != 0 && ke.Group != uint16(h.group):
		reply.Payloads = []wire.Payload{wire.Notify{Kind: wire.InvalidKEPayload, Data: []byte{0, byte(h.group)}}}
	default:
		for len(h.ends) > 0 && h.ends[0] <= now {
			h.ends = h.ends[1:]
		}
		h.ends = append(h.ends, now+30*time.Second)
		h.most = max(h.most, len(h.ends))
		reply.SPIr = 7
		reply.Payloads = []wire.Payload{wire.Notify{Kind: wire.NATDetectionDestinationIP, Data: wire.NATHash(m.SPIi, 7, from)}}
	}
	return reply.Marshal()
}

// world is a Learner behind a NAT.
type world struct {
	t       *testing.T
	random  *rand.Rand
	learner *Learner
	nat     *nat
	hub     *hub
	now     Instant
	path    Path
	// loss is the fraction of packets that get lost before the NAT.
	loss  float64
	sent  int
	notes []string
}

func newWorld(t *testing.T, seed uint64, n *nat) *world {
	t.Helper()
	offer, err := suite.ParseIKE("aes256gcm16-prfsha256-curve25519-ecp256")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	n.random, n.public, n.flows = random, publicAddr, make(map[uint16]*flow)
	w := &world{
		t: t, random: random, nat: n, hub: new(hub), now: time.Hour,
		path: Path{Local: localAddr, Public: publicAddr, Peer: hubAddr, Offer: suite.Offer{offer}},
	}
	w.learner = New(Standard, State{}, w.octetsOf())
	w.apply(w.learner.Follow(w.now, w.path))
	return w
}

// octetsOf returns a source of randomness that a test can repeat.
func (w *world) octetsOf() io.Reader {
	var seed [32]byte
	seed[0] = byte(w.random.UintN(256))
	return rand.NewChaCha8(seed)
}

// restart replaces the Learner by one of the saved State, as a new process does.
func (w *world) restart() {
	w.t.Helper()
	text, err := json.Marshal(w.learner.State())
	if err != nil {
		w.t.Fatal(err)
	}
	var state State
	if err := json.Unmarshal(text, &state); err != nil {
		w.t.Fatal(err)
	}
	w.learner = New(Standard, state, w.octetsOf())
	w.apply(w.learner.Follow(w.now, w.path))
}

// apply carries packets to the hub and back.
func (w *world) apply(effects Effects) {
	w.t.Helper()
	if effects.Note != "" {
		w.notes = append(w.notes, effects.Note)
	}
	for _, p := range effects.Keepalive {
		if p.Remote != netip.AddrPortFrom(hubAddr, 4500) || p.Data != nil {
			w.t.Fatalf("keepalive to %s", p.Remote)
		}
		if w.random.Float64() >= w.loss {
			w.nat.out(w.now, p.Local.Port())
		}
	}
	for _, p := range effects.Send {
		w.sent++
		if port, ok := w.learner.Port(); !ok || p.Local != netip.AddrPortFrom(localAddr, port) || port < 49152 {
			w.t.Fatalf("question from %s, scratch port %d", p.Local, port)
		}
		if w.random.Float64() < w.loss {
			continue
		}
		from := w.nat.out(w.now, p.Local.Port())
		if w.hub == nil || w.random.Float64() < w.loss {
			continue
		}
		answer := w.hub.answer(w.t, w.now, p.Data, from)
		w.now += roundTrip
		w.nat.in(w.now, p.Local.Port())
		w.apply(w.learner.Receive(w.now, Packet{Local: p.Local, Remote: p.Remote, Data: answer}))
	}
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	for end := w.now + d; ; {
		at, ok := w.learner.Deadline()
		if !ok || at > end {
			w.now = max(w.now, end)
			return
		}
		w.now = max(w.now, at)
		w.apply(w.learner.Tick(w.now))
	}
}
