package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

var (
	spokeAddr  = netip.MustParseAddr("10.0.0.2")
	publicAddr = netip.MustParseAddr("100.64.0.9")
	hubAddr    = netip.MustParseAddr("203.0.113.1")
)

// world is two Sessions, the network between them and the time they share.
type world struct {
	t          testing.TB
	now        Instant
	spoke, hub *node
	flying     []flight
	random     *rand.Rand
	// nat puts a NAT before the spoke, and mapped are its mappings by the spoke's
	// port.
	nat      bool
	mapped   map[uint16]uint16
	nextPort uint16
	data     data
	// unsent are packets that a node's uplink did not take.
	unsent []Packet
	// fate decides how long each copy of a packet travels; none is a loss.
	fate func(from *node, p Packet) []time.Duration
	// restart makes a node go on from its saved state after each input.
	restart bool
	// unbroken demands after each input that traffic flows both ways.
	unbroken bool
}

type flight struct {
	at Instant
	to *node
	p  Packet
}

// node is one end: a Session, its kernel and its log.
type node struct {
	name    string
	config  Config
	session *Session
	seed    *rand.ChaCha8
	kernel  []SA
	events  []Event
	// at is when the events happened.
	at []Instant
	// keepalives counts them, and moved the mappings found to have moved.
	keepalives, moved int
}

func config(t testing.TB, ike, esp string) Config {
	t.Helper()
	offer := func(parse func(string) (suite.Proposal, error), words string) suite.Offer {
		var o suite.Offer
		for word := range strings.SplitSeq(words, ",") {
			p, err := parse(word)
			if err != nil {
				t.Fatal(err)
			}
			o = append(o, p)
		}
		return o
	}
	return Config{
		PSK: "correct horse battery staple", PSKName: "ike-hq",
		IKE: offer(suite.ParseIKE, ike), ESP: offer(suite.ParseESP, esp),
		AnyRemoteID: true, Lifetime: 300 * time.Second, IKELifetime: time.Hour, DPD: 30 * time.Second,
	}
}

const (
	testIKE = "aes256gcm16-prfsha256-curve25519"
	testESP = "aes256gcm16"
)

func newWorld(t testing.TB, seed uint64, spoke, hub Config) *world {
	w := &world{t: t, nat: true, mapped: make(map[uint16]uint16), nextPort: mappedPorts, random: rand.New(rand.NewPCG(seed, 0)), now: time.Minute}
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{25 * time.Millisecond} }
	w.spoke = w.boot("spoke", spoke, hubAddr, seed)
	w.hub = w.boot("hub", hub, publicAddr, ^seed)
	w.apply(w.spoke, w.spoke.session.Uplink(w.now, spokeAddr))
	w.apply(w.hub, w.hub.session.Uplink(w.now, hubAddr))
	return w
}

func (w *world) boot(name string, c Config, peer netip.Addr, seed uint64) *node {
	var key [32]byte
	for i := range key {
		key[i] = byte(seed >> (8 * (i % 8)))
	}
	n := &node{name: name, config: c, seed: rand.NewChaCha8(key)}
	n.session = New(c, peer, n.seed)
	return n
}

func (w *world) other(n *node) *node {
	if n == w.spoke {
		return w.hub
	}
	return w.spoke
}

// apply does what a Session asks for.
func (w *world) apply(n *node, e Effects) {
	w.t.Helper()
	obeyed := e
	if n == w.hub && w.data.stubbornHub {
		obeyed.Update = nil
	}
	if err := n.obey(obeyed); err != nil {
		w.t.Fatal(err)
	}
	for _, p := range e.Send {
		w.send(n, p)
	}
	for len(w.unsent) > 0 {
		p := w.unsent[0]
		w.unsent = w.unsent[1:]
		defer func() { w.apply(n, n.session.Unsent(w.now, p, syscall.ENETUNREACH)) }()
	}
	n.keepalives += len(e.Keepalive)
	if e.Probe {
		w.data.probe(w, n)
	}
	if e.MappingMoved {
		n.moved++
	}
	for _, event := range e.Events {
		w.t.Logf("%10v %s: %s", w.now, n.name, event.Text)
	}
	n.events = append(n.events, e.Events...)
	for range e.Events {
		n.at = append(n.at, w.now)
	}
	if w.restart {
		saved, err := json.Marshal(n.session.State())
		if err != nil {
			w.t.Fatal(err)
		}
		var state State
		if err := json.Unmarshal(saved, &state); err != nil {
			w.t.Fatal(err)
		}
		n.session = Restore(n.config, state, n.seed)
	}
	if w.unbroken {
		w.checkTraffic()
	}
}

// mappedPorts is the first port of the NAT.
const mappedPorts = 30000

// translate returns the address by which the NAT lets the spoke out.
func (w *world) translate(local netip.AddrPort) netip.AddrPort {
	port, ok := w.mapped[local.Port()]
	if !ok {
		port = w.nextPort
		w.nextPort++
		w.mapped[local.Port()] = port
	}
	return netip.AddrPortFrom(publicAddr, port)
}

// inside returns where the NAT sends what comes to one of its ports.
func (w *world) inside(public netip.AddrPort) (netip.AddrPort, bool) {
	for local, port := range w.mapped {
		if port == public.Port() {
			return netip.AddrPortFrom(spokeAddr, local), true
		}
	}
	return netip.AddrPort{}, false
}

// remap makes the NAT forget its mappings.
func (w *world) remap() { clear(w.mapped) }

// send puts a packet on its way, through the NAT if there is one.
func (w *world) send(n *node, p Packet) {
	for _, delay := range w.fate(n, p) {
		arrives := Packet{Local: p.Remote, Remote: p.Local, Data: p.Data}
		if w.nat && n == w.spoke {
			arrives.Remote = w.translate(p.Local)
		}
		if w.nat && n == w.hub {
			inside, ok := w.inside(p.Remote)
			if !ok {
				continue // nobody has opened this port
			}
			arrives.Local = inside
		}
		w.flying = append(w.flying, flight{w.now + delay, w.other(n), arrives})
	}
}

// ends returns the addresses of a packet that n receives on port 4500.
func (w *world) ends(n *node) (local, remote netip.AddrPort) {
	if n == w.spoke {
		return netip.AddrPortFrom(spokeAddr, PortNAT), netip.AddrPortFrom(hubAddr, PortNAT)
	}
	return netip.AddrPortFrom(hubAddr, PortNAT), w.translate(netip.AddrPortFrom(spokeAddr, PortNAT))
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now + d
	for steps := 0; ; steps++ {
		if steps > 20000 {
			w.t.Fatalf("the two do not come to rest\n%s\n%s", describe(w.spoke.session, w.now), describe(w.hub.session, w.now))
		}
		next, at := -1, end+1
		for i, f := range w.flying {
			if f.at < at {
				next, at = i, f.at
			}
		}
		var ticking *node
		for _, n := range []*node{w.spoke, w.hub} {
			if deadline, ok := n.session.Deadline(); ok && max(deadline, w.now) < at {
				ticking, at = n, max(deadline, w.now)
			}
		}
		if w.data.on && w.data.next < at {
			w.now = w.data.next
			w.data.step(w)
			steps--
			continue
		}
		switch {
		case at > end:
			w.now = end
			return
		case ticking != nil:
			w.now = at
			w.apply(ticking, ticking.session.Tick(w.now))
		default:
			f := w.flying[next]
			w.flying = slices.Delete(w.flying, next, next+1)
			w.now = f.at
			w.apply(f.to, f.to.session.Receive(w.now, f.p))
		}
	}
}

// obey does what a Session asks of the kernel.
func (n *node) obey(e Effects) error {
	find := func(sa SA) int {
		return slices.IndexFunc(n.kernel, func(k SA) bool { return k.SPI == sa.SPI && k.Inbound == sa.Inbound })
	}
	for _, sa := range e.Install {
		if find(sa) >= 0 {
			return fmt.Errorf("%s installs %08x twice", n.name, sa.SPI)
		}
		n.kernel = append(n.kernel, sa)
	}
	for _, sa := range e.Remove {
		i := find(sa)
		if i < 0 {
			return fmt.Errorf("%s removes %08x which is not there", n.name, sa.SPI)
		}
		n.kernel = slices.Delete(n.kernel, i, i+1)
	}
	for _, sa := range e.Update {
		i := find(sa)
		if i < 0 {
			return fmt.Errorf("%s updates %08x which is not there", n.name, sa.SPI)
		}
		n.kernel[i] = sa
	}
	for _, move := range e.Move {
		i := find(move.From)
		if i < 0 || n.kernel[i].Remote != move.From.Remote {
			return fmt.Errorf("%s moves %08x which is not at %s", n.name, move.From.SPI, move.From.Remote)
		}
		n.kernel[i] = move.To
	}
	if got, want := len(n.session.InstalledSAs()), len(n.kernel); got != want {
		return fmt.Errorf("%s believes in %d SAs and the kernel has %d", n.name, got, want)
	}
	return nil
}

// reaches returns why the other does not take what n sends by its newest SA,
// with the keys it is sent under.
func (n *node) reaches(other *node) error {
	for _, out := range slices.Backward(n.kernel) {
		if out.Inbound {
			continue
		}
		if !slices.ContainsFunc(other.kernel, func(in SA) bool {
			return in.Inbound && in.SPI == out.SPI && in.Encap == out.Encap &&
				string(in.Keys.Encryption) == string(out.Keys.Encryption) && string(in.Keys.Integrity) == string(out.Keys.Integrity)
		}) {
			return fmt.Errorf("%s sends on %08x, which the other does not take", n.name, out.SPI)
		}
		return nil
	}
	return fmt.Errorf("%s cannot send", n.name)
}

// checkTraffic demands that each side takes what the other sends.
func (w *world) checkTraffic() {
	w.t.Helper()
	if err := errors.Join(w.spoke.reaches(w.hub), w.hub.reaches(w.spoke)); err != nil {
		w.t.Fatalf("%v: %v", w.now, err)
	}
}

// checkRest demands that, with nothing going on, both agree on one IKE SA and
// one pair of child SAs, and have nothing else.
func (w *world) checkRest() {
	w.t.Helper()
	w.checkTraffic()
	a, b := w.spoke.session, w.hub.session
	for _, n := range []*node{w.spoke, w.hub} {
		state := n.session.State()
		if len(state.SAs) != 1 || len(state.Children) != 1 || len(n.kernel) != 2 {
			w.t.Fatalf("%s has %d IKE SAs, %d child SAs, %d in the kernel; want 1, 1, 2\n%s", n.name, len(state.SAs), len(state.Children), len(n.kernel), describe(n.session, w.now))
		}
	}
	if sa, sb := a.state.SAs[0], b.state.SAs[0]; sa.SPIi != sb.SPIi || sa.SPIr != sb.SPIr || sa.Initiator == sb.Initiator {
		w.t.Fatalf("the IKE SAs differ: %s and %s", sa, sb)
	}
}

func describe(s *Session, now Instant) string {
	b, err := json.MarshalIndent(s.Status(now), "", " ")
	return fmt.Sprint(string(b), err)
}

// up opens the SAs.
func (w *world) up() {
	w.t.Helper()
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(time.Second)
	w.checkRest()
}

func (n *node) said(kind EventKind) []string {
	var texts []string
	for _, e := range n.events {
		if e.Kind == kind {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// lastOf returns when the last event of a kind happened.
func (n *node) lastOf(kind EventKind) (at Instant) {
	for i, e := range n.events {
		if e.Kind == kind {
			at = n.at[i]
		}
	}
	return at
}

func (n *node) count(kind EventKind) int { return len(n.said(kind)) }

// first returns the exchange of a packet, by its header.
func first(p Packet) wire.Header {
	h, err := wire.ParseHeader(p.Data)
	if err != nil {
		panic(err)
	}
	return h
}
