package nhc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// retracting is a cloud in which b has answered a, who uses the path.
func retracting(t *testing.T) (c *cloud, a, b *spoke) {
	c, a, b = two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	if via, _ := a.route(host2); via != b.address {
		t.Fatalf("via %s", via)
	}
	return c, a, b
}

// TestPurgeIsRepeated until it is answered, with growing pauses, and not for ever.
func TestPurgeIsRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		lost bool
		want []Instant
	}{
		"answered": {false, []Instant{0}},
		"silent":   {true, []Instant{0, second, 3 * second, 7 * second}},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := retracting(t)
			purges := c.watch(nhrp.PurgeRequest, test.lost)
			began := c.now
			b.apply(b.client.Prefixes(c.now, nil))
			c.pass(60 * second)
			var at []Instant
			for _, s := range *purges {
				p := s.packet
				at = append(at, s.at-began)
				if p.Flags != 0 || p.RequestID != (*purges)[0].packet.RequestID || p.DstProtocol != a.address || p.SrcProtocol != b.address {
					t.Errorf("purge %+v", p)
				}
				if want := []nhrp.CIE{{PrefixLen: 24, Protocol: b.lan.Addr()}}; !cmp.Equal(p.CIEs, want, addresses) {
					t.Errorf("entries %+v, want %+v", p.CIEs, want)
				}
			}
			if !slices.Equal(at, test.want) {
				t.Errorf("purged after %v, want %v", at, test.want)
			}
			if n := len(b.client.retractions); n != 0 {
				t.Errorf("%d purges are kept", n)
			}
		})
	}
}

// TestPurgeReplies: only who was asked, by the id of the purge, ends its repetition,
// and so does an error that it caused.
func TestPurgeReplies(t *testing.T) {
	indicate := func(p *nhrp.Packet) *nhrp.Packet {
		b, err := p.Marshal()
		if err != nil {
			panic(err)
		}
		e, _ := nhrp.NewErrorIndication(b, &nhrp.Fault{Code: nhrp.AddressUnreachable}, nbma1, hub1)
		return e
	}
	for name, test := range map[string]struct {
		from   string
		change func(*nhrp.Packet)
		fails  bool // the answer is an error indication
		ends   bool
	}{
		"by the hub":      {"198.51.100.1", func(*nhrp.Packet) {}, false, true},
		"straight":        {"203.0.113.1", func(*nhrp.Packet) {}, false, true},
		"of a stranger":   {"203.0.113.77", func(*nhrp.Packet) {}, false, false},
		"to another":      {"198.51.100.1", func(p *nhrp.Packet) { p.RequestID++ }, false, false},
		"to another's":    {"198.51.100.1", func(p *nhrp.Packet) { p.SrcProtocol = hub3 }, false, false},
		"unreachable":     {"198.51.100.1", func(*nhrp.Packet) {}, true, true},
		"another's error": {"203.0.113.77", func(*nhrp.Packet) {}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, b := retracting(t)
			b.apply(b.client.Came(c.now, netip.MustParseAddr("203.0.113.1")))
			purges := c.watch(nhrp.PurgeRequest, true)
			b.apply(b.client.Prefixes(c.now, nil))
			p := (*purges)[0].packet
			answer := p.Reply()
			if test.fails {
				answer = indicate(p)
			}
			test.change(answer)
			octets, err := answer.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			b.apply(b.client.Receive(c.now, netip.MustParseAddr(test.from), octets))
			c.pass(60 * second)
			if ended := len(*purges) == 1; ended != test.ends {
				t.Errorf("purged %d times", len(*purges))
			}
		})
	}
}

// TestPurgeIsOvertaken: what is true again is not purged any more once somebody has
// been told anew, nor what everybody has forgotten by now, nor what we said under
// another address.
func TestPurgeIsOvertaken(t *testing.T) {
	c, a, b := retracting(t)
	purges := c.watch(nhrp.PurgeRequest, true)
	b.apply(b.client.Prefixes(c.now, nil))
	b.apply(b.client.Prefixes(c.now, []netip.Prefix{b.lan}))
	p := packetFrom(nhrp.ResolutionRequest, a.address, a.public)
	p.DstProtocol = host2
	c.hub.pass(b, p)
	c.pass(60 * second)
	if len(*purges) != 1 {
		t.Errorf("purged %d times, though it is true", len(*purges))
	}

	c, _, b = retracting(t)
	c.pass(b.client.told[0].until - c.now - 2*second)
	purges = c.watch(nhrp.PurgeRequest, true)
	b.apply(b.client.Prefixes(c.now, nil))
	c.pass(60 * second)
	if len(*purges) != 2 {
		t.Errorf("purged %d times in the last two seconds of an answer, want twice", len(*purges))
	}

	c, _, b = retracting(t)
	purges = c.watch(nhrp.PurgeRequest, true)
	b.apply(b.client.Prefixes(c.now, nil))
	b.apply(b.client.Uplink(c.now, Uplink{Address: netip.MustParseAddr("203.0.113.50")}))
	c.pass(60 * second)
	if len(*purges) != 1 {
		t.Errorf("purged %d times, the others under an address that has told nothing", len(*purges))
	}
}

// TestPurgeOfPart: an answer that is for too much by now is purged.
func TestPurgeOfPart(t *testing.T) {
	c, _, b := retracting(t)
	purges := c.watch(nhrp.PurgeRequest, false)
	b.apply(b.client.Prefixes(c.now, []netip.Prefix{b.lan}))
	c.pass(second)
	if len(*purges) != 0 {
		t.Errorf("purged what is true: %+v", *purges)
	}
	for part, want := range map[string]int{"192.168.2.0/29": 0, "192.168.2.8/29": 1} { // who asked, asked about 192.168.2.9
		c, _, b := retracting(t)
		purges := c.watch(nhrp.PurgeRequest, false)
		b.apply(b.client.Prefixes(c.now, []netip.Prefix{b.lan, netip.MustParsePrefix(part)}))
		c.pass(second)
		if len(*purges) != want {
			t.Errorf("%s: purged %d times, want %d", part, len(*purges), want)
		}
	}
}

// TestPurgesAreBounded in number. Who asked straight may answer as straight.
func TestPurgesAreBounded(t *testing.T) {
	w := registered(t, testConfig(configured(hub1, nbma1)))
	for range 2 * maxRetractions {
		w.client.retract(told{nbma: nbma3, who: hub3, until: w.now + second})
	}
	if n := len(w.client.retractions); n != maxRetractions {
		t.Errorf("%d purges wait", n)
	}
	id := w.client.retractions[0].id
	if w.client.retracted(id, nbma2) || !w.client.retracted(id, nbma3) || w.client.retracted(id, nbma3) {
		t.Error("a purge is not answered by whom it was sent to, and only once")
	}
}

// TestCloseRetracts: who goes down has no time to wait for an answer, and asks for
// none.
func TestCloseRetracts(t *testing.T) {
	c, a, b := retracting(t)
	e := b.client.Close(c.now)
	retracted := 0
	for _, m := range e.Send {
		p, err := nhrp.Parse(m.Octets)
		if err != nil {
			t.Fatal(err)
		}
		if p.Type == nhrp.PurgeRequest && p.DstProtocol == a.address && p.Flags == nhrp.PurgeNoReply && p.CIEs[0].Protocol == b.lan.Addr() {
			retracted++
		}
	}
	if retracted != 1 {
		t.Errorf("sent %+v", e.Send)
	}
}
