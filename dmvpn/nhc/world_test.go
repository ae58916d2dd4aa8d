package nhc

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

var (
	ours      = netip.MustParseAddr("172.16.100.17")
	hub1      = netip.MustParseAddr("172.16.100.1")
	hub2      = netip.MustParseAddr("172.16.100.2")
	hub3      = netip.MustParseAddr("172.16.100.3")
	nbma1     = netip.MustParseAddr("198.51.100.1")
	nbma2     = netip.MustParseAddr("198.51.100.2")
	nbma3     = netip.MustParseAddr("198.51.100.3")
	private   = netip.MustParseAddr("100.64.0.3")
	public    = netip.MustParseAddr("203.0.113.9")
	branchLAN = netip.MustParsePrefix("10.0.0.0/8")
)

const second = time.Second

// world is a Client, its hubs, and the time they share.
type world struct {
	t      testing.TB
	now    Instant
	client *Client
	cfg    Config
	hubs   map[netip.Addr]*hub
	// names is what names point to.
	names map[string][]netip.Addr
	// unprotectable peers get no protection.
	unprotectable map[netip.Addr]bool
	uplink        Uplink
	state         []byte
	flying        []flight
	events        []Event
	protected     map[netip.Addr]bool
	lookups       int
	// sent is every packet of ours.
	sent []*nhrp.Packet
	// to is where they went.
	to []netip.Addr
}

// flight is something that happens later.
type flight struct {
	at Instant
	do func()
}

// delay is how long packets and everything else take.
const delay = 20 * time.Millisecond

func configured(address, nbma netip.Addr) Server {
	return Server{Address: address, NBMA: nbma.String()}
}

func testConfig(servers ...Server) Config {
	return Config{
		Address: netip.PrefixFrom(ours, 24), Secret: "cloud", HoldingTime: 600 * second,
		Servers: servers, Routes: []netip.Prefix{branchLAN},
	}
}

func newWorld(t testing.TB, cfg Config) *world {
	w := &world{
		t: t, now: time.Minute, cfg: cfg,
		hubs: make(map[netip.Addr]*hub), names: make(map[string][]netip.Addr),
		unprotectable: make(map[netip.Addr]bool), protected: make(map[netip.Addr]bool),
		uplink: Uplink{Address: private, Index: 3},
	}
	for i, address := range []netip.Addr{hub1, hub2, hub3} {
		nbma := []netip.Addr{nbma1, nbma2, nbma3}[i]
		w.hubs[nbma] = &hub{w: w, address: address, nbma: nbma, secret: "cloud"}
	}
	w.boot()
	return w
}

// boot starts a process that goes on from what the last one left.
func (w *world) boot() {
	var state State
	if w.state != nil {
		if err := json.Unmarshal(w.state, &state); err != nil {
			w.t.Fatal(err)
		}
	}
	w.flying, w.protected = nil, make(map[netip.Addr]bool)
	w.client = New(w.cfg, state, 1000, w.now)
	w.apply(w.client.Uplink(w.now, w.uplink))
}

func (w *world) later(d time.Duration, do func()) {
	w.flying = append(w.flying, flight{w.now + d, do})
}

// apply does what the Client asks for.
func (w *world) apply(e Effects) {
	w.t.Helper()
	current(w.t, w.client)
	if e.Save {
		var err error
		if w.state, err = json.Marshal(w.client.State()); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, peer := range e.Protect {
		nbma := peer.NBMA
		w.protected[nbma] = true
		if !w.unprotectable[nbma] {
			w.later(delay, func() { w.apply(w.client.Protected(w.now, nbma, nil)) })
			continue
		}
		w.later(5*second, func() { w.apply(w.client.Protected(w.now, nbma, errors.New("it does not answer IKE"))) })
	}
	for _, name := range e.Lookup {
		w.lookups++
		w.later(delay, func() {
			addresses, err := w.names[name], error(nil)
			if addresses == nil {
				err = errors.New("no such host")
			}
			w.apply(w.client.Resolved(w.now, name, addresses, err))
		})
	}
	for _, m := range e.Send {
		p, err := nhrp.Parse(m.Octets)
		if err != nil {
			w.t.Fatalf("we send nonsense: %v", err)
		}
		if !w.protected[m.NBMA] {
			w.t.Errorf("%v: %s to %s, which is not protected", w.now, m.Type, m.NBMA)
		}
		w.sent, w.to = append(w.sent, p), append(w.to, m.NBMA)
		if h := w.hubs[m.NBMA]; h != nil && !w.unprotectable[m.NBMA] {
			w.later(delay, func() { h.receive(p, m.Octets) })
		}
	}
	for _, nbma := range e.Release {
		if !w.protected[nbma] {
			w.t.Errorf("%v: released %s, which was not asked for", w.now, nbma)
		}
		delete(w.protected, nbma)
	}
	for _, event := range e.Events {
		if event.Level >= slog.LevelInfo {
			w.t.Logf("%10v %s %v", w.now, event.Text, event.Attrs)
		}
	}
	w.events = append(w.events, e.Events...)
}

// current fails the test if the kernel was not told what it should be, or a peer is
// protected that nobody needs.
func current(t testing.TB, c *Client) {
	t.Helper()
	protections := len(c.protections)
	if c.release(); len(c.protections) != protections || !c.wanted().equal(c.kernel) {
		t.Errorf("%v: the kernel was told %+v, and should be told %+v", c.now, c.kernel, c.wanted())
	}
	c.out = Effects{}
}

// lost has the protection of a peer replaced.
func (w *world) lost(nbma netip.Addr) { w.apply(w.client.Lost(w.now, nbma)) }

// deliver hands the Client a packet.
func (w *world) deliver(from netip.Addr, p *nhrp.Packet) {
	w.t.Helper()
	b, err := p.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	w.later(delay, func() { w.apply(w.client.Receive(w.now, from, b)) })
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now + d
	for steps := 0; ; steps++ {
		if steps > 1_000_000 {
			w.t.Fatalf("%v: the Client never rests", w.now)
		}
		at, ok := w.client.Deadline()
		next := -1
		for i, f := range w.flying {
			if !ok || f.at <= at {
				at, ok, next = f.at, true, i
			}
		}
		if !ok || at > end {
			break
		}
		w.now = max(w.now, at)
		if next < 0 {
			w.apply(w.client.Tick(w.now))
			continue
		}
		f := w.flying[next]
		w.flying = slices.Delete(w.flying, next, next+1)
		f.do()
	}
	w.now = end
}

// phases returns those of all servers in one line.
func (w *world) phases() string {
	servers, _ := w.client.Status(w.now)
	var all []string
	for _, s := range servers {
		all = append(all, string(s.State))
	}
	return strings.Join(all, " ")
}

// expect fails the test unless the servers are in those phases.
func (w *world) expect(want string) {
	w.t.Helper()
	if got := w.phases(); got != want {
		servers, _ := w.client.Status(w.now)
		w.t.Errorf("%v: servers are %s, want %s: %+v", w.now, got, want, servers)
	}
}

// via is the next hop of the static routes.
func (w *world) via() netip.Addr { return w.client.Routes()[0].Via }

// told returns how many events contain the words.
func (w *world) told(words ...string) (n int) {
	for _, e := range w.events {
		line := fmt.Sprint(e.Text, " ", e.Attrs)
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			n++
		}
	}
	return n
}

// hub is a scripted next hop server. The zero script grants everything.
type hub struct {
	w             *world
	address, nbma netip.Addr
	secret        string
	silent        bool
	code          nhrp.Code
	sees          netip.Addr
	// holder is the NBMA address that has our address as unique.
	holder   netip.Addr
	received []*nhrp.Packet
	at       []Instant
	script   func(*nhrp.Packet) *nhrp.Packet
}

func (h *hub) receive(p *nhrp.Packet, b []byte) {
	h.received, h.at = append(h.received, p), append(h.at, h.w.now)
	if h.silent {
		return
	}
	if p.Type == nhrp.PurgeRequest {
		h.holder = netip.Addr{}
		return
	}
	if p.Type != nhrp.RegistrationRequest {
		return
	}
	reply := *p
	reply.Type, reply.DstProtocol = nhrp.RegistrationReply, h.address
	reply.CIEs, reply.Extensions = slices.Clone(p.CIEs), slices.Clone(p.Extensions)
	reply.CIEs[0].Code = h.code
	if h.holder.IsValid() && h.holder != p.SrcNBMA {
		reply.CIEs[0].Code = nhrp.UniqueAlreadyRegistered
	} else if p.Flags&nhrp.RegistrationUnique != 0 {
		h.holder = p.SrcNBMA
	}
	if h.sees.IsValid() {
		for i, e := range reply.Extensions {
			if e.Type == nhrp.NATAddress {
				seen, err := nhrp.NewCIEExtension(e.Type, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: h.sees, Protocol: p.SrcProtocol})
				if err != nil {
					h.w.t.Fatal(err)
				}
				reply.Extensions[i].Value = slices.Concat(e.Value, seen.Value)
			}
		}
	}
	answer := &reply
	if h.script != nil {
		answer = h.script(answer)
	}
	if answer != nil {
		h.w.deliver(h.nbma, answer)
	}
}

// count returns how many packets of a type arrived.
func (h *hub) count(t nhrp.Type) (n int) {
	for _, p := range h.received {
		if p.Type == t {
			n++
		}
	}
	return n
}
