package nhc

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// cloud is several spokes, the hub that passes on what they ask each other, and
// the time they share.
type cloud struct {
	t      testing.TB
	now    Instant
	hub    *relay
	spokes []*spoke
	flying []flight
	// deaf pairs of NBMA addresses pass IKE and no ESP.
	deaf bool
	// drop loses what it is true for.
	drop func(from, to netip.Addr, p *nhrp.Packet) bool
	// arrived sees what arrives.
	arrived func(s *spoke, from netip.Addr, b []byte)
}

// spoke is a Client behind a NAT or none.
type spoke struct {
	cloud           *cloud
	name            string
	address         netip.Addr
	claimed, public netip.Addr
	lan             netip.Prefix
	// open says that the NAT before it leads calls to it.
	open   bool
	client *Client
	cfg    Config
	state  []byte
	// paths are the NBMA addresses that IPsec is up with, and called those that
	// this spoke called, for whom its NAT is open.
	paths, called map[netip.Addr]bool
	wanted        map[netip.Addr]bool
	events        []Event
	sent          []*nhrp.Packet
}

// relay is a hub.
type relay struct {
	cloud *cloud
	down  bool
	// answer, if set, replies to resolution requests in the place of the spokes.
	answer func(*nhrp.Packet) *nhrp.Packet
}

func newCloud(t testing.TB) *cloud {
	c := &cloud{t: t, now: time.Minute}
	c.hub = &relay{cloud: c}
	return c
}

// join adds a spoke whose uplink is at claimed and seen as public.
func (c *cloud) join(name, address, claimed, public, lan string) *spoke {
	s := &spoke{
		cloud: c, name: name, address: netip.MustParseAddr(address), lan: netip.MustParsePrefix(lan),
		claimed: netip.MustParseAddr(claimed), public: netip.MustParseAddr(public),
		paths: make(map[netip.Addr]bool), called: make(map[netip.Addr]bool), wanted: make(map[netip.Addr]bool),
	}
	s.cfg = Config{
		Address: netip.PrefixFrom(s.address, 24), Secret: "cloud", HoldingTime: 300 * second, Shortcut: true,
		Servers: []Server{configured(hub1, nbma1)}, Routes: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")},
	}
	c.spokes = append(c.spokes, s)
	s.boot()
	return s
}

func (s *spoke) boot() {
	var state State
	if s.state != nil {
		if err := json.Unmarshal(s.state, &state); err != nil {
			s.cloud.t.Fatal(err)
		}
	}
	s.wanted = make(map[netip.Addr]bool)
	s.client = New(s.cfg, state, 1000, s.cloud.now)
	s.apply(s.client.Prefixes(s.cloud.now, []netip.Prefix{s.lan}))
	s.apply(s.client.Uplink(s.cloud.now, Uplink{Address: s.claimed}))
}

func (c *cloud) later(d time.Duration, do func()) { c.flying = append(c.flying, flight{c.now + d, do}) }

func (c *cloud) at(nbma netip.Addr) *spoke {
	for _, s := range c.spokes {
		if s.public == nbma {
			return s
		}
	}
	return nil
}

func (s *spoke) apply(e Effects) {
	c := s.cloud
	c.t.Helper()
	current(c.t, s.client)
	if e.Save {
		s.state, _ = json.Marshal(s.client.State())
	}
	for _, peer := range e.Protect {
		nbma := peer.NBMA
		s.wanted[nbma] = true
		s.call(nbma)
	}
	for _, m := range e.Send {
		p, err := nhrp.Parse(m.Octets)
		if err != nil {
			c.t.Fatalf("%s sends nonsense: %v", s.name, err)
		}
		s.sent = append(s.sent, p)
		c.send(s, m.NBMA, p, m.Octets)
	}
	for _, nbma := range e.Release {
		delete(s.wanted, nbma)
	}
	for _, event := range e.Events {
		if event.Level >= slog.LevelInfo {
			c.t.Logf("%10v %s: %s %v", c.now, s.name, event.Text, event.Attrs)
		}
	}
	s.events = append(s.events, e.Events...)
}

// call is what IKE comes to.
func (s *spoke) call(nbma netip.Addr) {
	c := s.cloud
	s.called[nbma] = s.called[nbma] || !s.paths[nbma]
	if nbma == nbma1 {
		c.later(delay, func() { s.paths[nbma] = true; s.apply(s.client.Protected(c.now, nbma, nil)) })
		return
	}
	o := c.at(nbma)
	if s.paths[nbma] || o != nil && o.public != s.public && (o.claimed == o.public || o.open || o.called[s.public]) {
		c.later(100*time.Millisecond, func() {
			s.paths[nbma], o.paths[s.public] = true, true
			s.apply(s.client.Protected(c.now, nbma, nil))
		})
		return
	}
	c.later(5*second, func() { s.apply(s.client.Protected(c.now, nbma, errors.New("it does not answer IKE"))) })
}

// send carries a packet, if IPsec does.
func (c *cloud) send(s *spoke, to netip.Addr, p *nhrp.Packet, b []byte) {
	if !s.paths[to] || c.drop != nil && c.drop(s.public, to, p) {
		return
	}
	if to == nbma1 {
		c.later(delay, func() { c.hub.receive(s, p) })
		return
	}
	o := c.at(to)
	if o == nil || c.deaf {
		return
	}
	c.deliver(o, s.public, b)
}

func (c *cloud) deliver(to *spoke, from netip.Addr, b []byte) {
	c.later(delay, func() {
		if c.arrived != nil {
			c.arrived(to, from, b)
		}
		to.apply(to.client.Receive(c.now, from, b))
	})
}

func (h *relay) receive(s *spoke, p *nhrp.Packet) {
	if h.down {
		return
	}
	switch p.Type {
	case nhrp.RegistrationRequest:
		reply := *p
		reply.Type, reply.DstProtocol = nhrp.RegistrationReply, hub1
		if s.public != s.claimed {
			for i, e := range reply.Extensions {
				if e.Type == nhrp.NATAddress {
					seen, _ := nhrp.NewCIEExtension(e.Type, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: s.public, Protocol: s.address})
					reply.Extensions = slices.Clone(reply.Extensions)
					reply.Extensions[i].Value = slices.Concat(e.Value, seen.Value)
				}
			}
		}
		h.pass(s, &reply)
	case nhrp.ResolutionRequest:
		if h.answer != nil {
			h.pass(s, h.answer(p))
			return
		}
		for _, o := range h.cloud.spokes {
			if o.lan.Contains(p.DstProtocol) || o.address == p.DstProtocol {
				h.pass(o, p)
			}
		}
	case nhrp.ResolutionReply, nhrp.PurgeReply:
		h.passTo(p.SrcProtocol, p)
	case nhrp.PurgeRequest:
		h.passTo(p.DstProtocol, p)
	}
}

func (h *relay) passTo(address netip.Addr, p *nhrp.Packet) {
	for _, o := range h.cloud.spokes {
		if o.address == address {
			h.pass(o, p)
		}
	}
}

func (h *relay) pass(o *spoke, p *nhrp.Packet) {
	c := h.cloud
	b, err := p.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	c.deliver(o, nbma1, b)
}

// redirect is the hub's word to s that there is a shorter way to dst for what comes
// from its LAN.
func (h *relay) redirect(s *spoke, dst netip.Addr) { h.redirectFrom(s, s.lan.Addr().Next(), dst) }

func (h *relay) redirectFrom(s *spoke, source, dst netip.Addr) {
	payload := make([]byte, 28)
	payload[0] = 0x45
	copy(payload[12:], source.AsSlice())
	copy(payload[16:], dst.AsSlice())
	h.pass(s, &nhrp.Packet{
		Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 255, Type: nhrp.TrafficIndication,
		SrcNBMA: nbma1, SrcProtocol: hub1, DstProtocol: s.address, Payload: payload,
		Extensions: []nhrp.Extension{nhrp.NewAuthentication("cloud")},
	})
}

func (c *cloud) pass(d time.Duration) {
	c.t.Helper()
	end := c.now + d
	for steps := 0; ; steps++ {
		if steps > 500_000 {
			c.t.Fatalf("%v: a Client never rests", c.now)
		}
		at, what := end+1, func() {}
		for _, s := range c.spokes {
			if due, ok := s.client.Deadline(); ok && due < at {
				at, what = due, func() { s.apply(s.client.Tick(c.now)) }
			}
		}
		for i, f := range c.flying {
			if f.at < at {
				at, what = f.at, func() { c.flying = slices.Delete(c.flying, i, i+1); f.do() }
			}
		}
		if at > end {
			break
		}
		c.now = max(c.now, at)
		what()
	}
	c.now = end
}

// route returns the next hop of an address in a LAN, and where that is.
func (s *spoke) route(dst netip.Addr) (via, nbma netip.Addr) {
	best := -1
	for _, r := range s.client.Routes() {
		if r.Prefix.Contains(dst) && r.Prefix.Bits() > best {
			best, via = r.Prefix.Bits(), r.Via
		}
	}
	if best < 0 {
		via = dst
	}
	for _, n := range s.client.Neighbours() {
		if n.Address == via {
			nbma = n.NBMA
		}
	}
	return via, nbma
}

// use lets traffic flow from s to an NBMA address.
func (s *spoke) use(nbma netip.Addr, octets uint64) {
	s.apply(s.client.Used(s.cloud.now, map[netip.Addr]uint64{nbma: octets}))
}
