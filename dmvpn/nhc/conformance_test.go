package nhc

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// sent is a packet of the cloud on its way.
type sent struct {
	from, to netip.Addr
	at       Instant
	packet   *nhrp.Packet
}

// watch returns what spokes send from now on that is of a type. What lost is true for
// does not arrive.
func (c *cloud) watch(kind nhrp.Type, lost bool) *[]sent {
	all := new([]sent)
	c.drop = func(from, to netip.Addr, p *nhrp.Packet) bool {
		if p.Type != kind {
			return false
		}
		*all = append(*all, sent{from, to, c.now, p})
		return lost
	}
	return all
}

// addresses compares addresses by their values.
var addresses = cmpopts.EquateComparable(netip.Addr{})

// TestResolutionRequests: what we ask has the form that RFC 2332, 5.2.1 wants,
// whatever makes us ask, and all of it with authority.
func TestResolutionRequests(t *testing.T) {
	for name, natted := range map[string]bool{"no NAT": false, "behind a NAT": true} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, natted, false)
			a.client.cfg.Unique = true
			asked := c.watch(nhrp.ResolutionRequest, false)
			c.hub.redirect(a, host2)
			c.pass(second)
			a.apply(a.client.Missing(c.now, netip.MustParseAddr("172.16.100.99")))
			for i := range 60 {
				a.use(b.public, uint64(100*(i+1)))
				c.pass(5 * second)
			}
			a.apply(a.client.Probe(c.now, b.public))
			destinations := make(map[netip.Addr]bool)
			for _, q := range *asked {
				if q.from != a.public {
					continue
				}
				p := q.packet
				destinations[p.DstProtocol] = true
				if want := []nhrp.CIE{{PrefixLen: 32, HoldingTime: 300}}; !cmp.Equal(p.CIEs, want, addresses) {
					t.Errorf("entries %+v, want %+v", p.CIEs, want)
				}
				if want := nhrp.ResolutionRouter | nhrp.ResolutionAuthoritative | nhrp.ResolutionSourceStable | nhrp.NAT; p.Flags != want {
					t.Errorf("flags 0x%04x, want 0x%04x", p.Flags, want)
				}
				if probe := p.DstProtocol == b.address; probe != (q.to == b.public) || !probe && q.to != nbma1 {
					t.Errorf("asked %s about %s", q.to, p.DstProtocol)
				}
			}
			if len(destinations) != 3 {
				t.Errorf("asked about %v", destinations)
			}
		})
	}
}

// TestUnsolicitedReply: an answer that nobody asked for is wrong, a second one to the
// same question is not.
func TestUnsolicitedReply(t *testing.T) {
	answer := func(c *cloud, a *spoke, from netip.Addr, change func(*nhrp.Packet)) (errors []sent) {
		asked := c.watch(nhrp.ResolutionRequest, false)
		c.hub.redirect(a, host2)
		c.pass(second)
		p := (*asked)[0].packet.Reply()
		p.CIEs = []nhrp.CIE{{PrefixLen: 24, HoldingTime: 300, NBMA: netip.MustParseAddr("203.0.113.2"), Protocol: netip.MustParseAddr("172.16.100.18")}}
		change(p)
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		indications := c.watch(nhrp.ErrorIndication, false)
		a.apply(a.client.Receive(c.now, from, b))
		return *indications
	}
	for name, test := range map[string]struct {
		from   string
		change func(*nhrp.Packet)
		wrong  bool
	}{
		"of a hub":         {"198.51.100.1", func(p *nhrp.Packet) { p.RequestID += 1000 }, true},
		"of a spoke":       {"203.0.113.2", func(p *nhrp.Packet) { p.RequestID += 1000 }, true},
		"for another":      {"198.51.100.1", func(p *nhrp.Packet) { p.SrcProtocol = netip.MustParseAddr("172.16.100.99") }, true},
		"for the second":   {"198.51.100.1", func(*nhrp.Packet) {}, false},
		"straight, second": {"203.0.113.2", func(*nhrp.Packet) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, _ := two(t, false, false)
			before := a.client.kernel
			got := answer(c, a, netip.MustParseAddr(test.from), test.change)
			if !test.wrong {
				if len(got) != 0 {
					t.Errorf("answered by %s", got[0].packet.Error)
				}
				return
			}
			if len(got) != 1 || got[0].packet.Error != nhrp.InvalidReply || got[0].packet.ErrorOffset != idOffset || got[0].to.String() != test.from {
				t.Fatalf("answered by %+v", got)
			}
			if p := got[0].packet; p.DstProtocol != host2 || p.SrcProtocol != a.address {
				t.Errorf("from %s to %s", p.SrcProtocol, p.DstProtocol)
			}
			if before.equal(a.client.kernel) {
				t.Error("the path that was asked for is not there")
			}
		})
	}
}

// TestReplyToAnother: a reply that bears another source is not for us, whatever its id.
func TestReplyToAnother(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
		reply := p.Reply()
		reply.SrcProtocol = netip.MustParseAddr("172.16.100.99")
		reply.CIEs = []nhrp.CIE{{PrefixLen: 24, HoldingTime: 300, NBMA: b.public, Protocol: b.address}}
		return reply
	}
	c.hub.redirect(a, host2)
	c.pass(30 * second)
	if len(a.client.shortcuts) != 0 {
		t.Errorf("shortcuts %+v", a.client.Shortcuts(c.now))
	}
}

// TestPreference: of several entries the one of the highest preference counts, and
// refusals only if there is nothing else.
func TestPreference(t *testing.T) {
	entry := func(last byte, preference uint8, code nhrp.Code) nhrp.CIE {
		return nhrp.CIE{
			Code: code, PrefixLen: 24, HoldingTime: 300, Preference: preference,
			NBMA: netip.AddrFrom4([4]byte{203, 0, 113, last}), Protocol: netip.AddrFrom4([4]byte{172, 16, 100, last}),
		}
	}
	for name, test := range map[string]struct {
		entries []nhrp.CIE
		want    byte
	}{
		"the first is best":   {[]nhrp.CIE{entry(51, 9, 0), entry(52, 8, 0)}, 51},
		"a later one is best": {[]nhrp.CIE{entry(51, 0, 0), entry(52, 255, 0), entry(53, 3, 0)}, 52},
		"equal":               {[]nhrp.CIE{entry(51, 7, 0), entry(52, 7, 0)}, 51},
		"refused":             {[]nhrp.CIE{entry(51, 9, nhrp.NoBinding), entry(52, 0, 0)}, 52},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, _ := two(t, false, false)
			c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
				reply := p.Reply()
				reply.CIEs = test.entries
				return reply
			}
			c.hub.redirect(a, host2)
			c.pass(second)
			if s := a.client.Shortcuts(c.now); len(s) != 1 || s[0].Peer != netip.AddrFrom4([4]byte{172, 16, 100, test.want}) {
				t.Errorf("shortcuts %+v", s)
			}
		})
	}
}

// TestPrefixOfLength0 is that of the whole address, as one of 0xff is.
func TestPrefixOfLength0(t *testing.T) {
	for _, bits := range []uint8{0, 32, 0xff} {
		c, a, b := two(t, false, false)
		c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
			reply := p.Reply()
			reply.CIEs = []nhrp.CIE{{PrefixLen: bits, HoldingTime: 300, NBMA: b.public, Protocol: b.address}}
			return reply
		}
		c.hub.redirect(a, host2)
		c.pass(second)
		if s := a.client.Shortcuts(c.now); len(s) != 1 || s[0].Destination != netip.PrefixFrom(host2, 32) {
			t.Errorf("%d: shortcuts %+v", bits, s)
		}
	}
}

// TestAnswersExpire: what an answer says is forgotten when its time is over, though it
// is in use, if nobody says it again.
func TestAnswersExpire(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	c.watch(nhrp.ResolutionRequest, true)
	for i := range 58 {
		a.use(b.public, uint64(100*(i+1)))
		c.pass(5 * second)
		if via, _ := a.route(host2); via != b.address {
			t.Fatalf("%v: via %s", c.now, via)
		}
	}
	c.pass(10 * second)
	if via, _ := a.route(host2); via != hub1 || len(a.client.shortcuts) != 0 {
		t.Errorf("via %s", via)
	}
}

// TestAuthorityAfterPurge: what was purged and is asked for again is asked for with
// authority, so that no server on the way answers with what it remembers.
func TestAuthorityAfterPurge(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	b.apply(b.client.Prefixes(c.now, nil))
	c.pass(second)
	asked := c.watch(nhrp.ResolutionRequest, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	if len(*asked) == 0 || (*asked)[0].packet.Flags&nhrp.ResolutionAuthoritative == 0 {
		t.Errorf("asked %+v", *asked)
	}
}

// TestDomino: a packet that came in by the tunnel and leaves by it does not make us
// ask, or everybody on its way would.
func TestDomino(t *testing.T) {
	for name, test := range map[string]struct {
		source string
		asked  bool
	}{
		"from behind us":       {"192.168.1.7", true},
		"ours":                 {"172.16.100.17", true},
		"of another member":    {"172.16.100.99", false},
		"from behind a hub":    {"192.168.200.1", false},
		"by another's network": {"10.9.0.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, false, false)
			b.lan = netip.MustParsePrefix("10.9.0.0/16")
			b.apply(b.client.Prefixes(c.now, []netip.Prefix{b.lan}))
			c.hub.redirect(a, netip.MustParseAddr("10.9.0.9"))
			c.pass(second)
			asked := c.watch(nhrp.ResolutionRequest, false)
			c.hub.redirectFrom(a, netip.MustParseAddr(test.source), host2)
			c.pass(second)
			if (len(*asked) > 0) != test.asked {
				t.Errorf("asked %+v", *asked)
			}
		})
	}
}
