package nhc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// reply is an answer to a question about a direct path, as it leaves.
type reply struct {
	to   netip.Addr
	code nhrp.Code
	// after says how long after the question it came, and path that IPsec was up
	// with who asked.
	after Instant
	path  bool
}

// ask lets a spoke that nobody simulates ask b about its LAN by way of the hub, once
// or several times under the same id, and returns what b answers in 20 s.
func ask(c *cloud, b *spoke, claimed, public netip.Addr, times int) (replies []reply) {
	asked := c.now
	c.drop = func(from, to netip.Addr, p *nhrp.Packet) bool {
		if p.Type == nhrp.ResolutionReply && from == b.public {
			replies = append(replies, reply{to, p.CIEs[0].Code, c.now - asked, b.paths[public]})
		}
		return false
	}
	question := packetFrom(nhrp.ResolutionRequest, netip.MustParseAddr("172.16.100.99"), claimed)
	question.DstProtocol = host2
	if claimed != public {
		nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, nhrp.FamilyIPv4, nhrp.ProtocolIPv4, nhrp.CIE{PrefixLen: 32, NBMA: public, Protocol: question.SrcProtocol})
		if err != nil {
			c.t.Fatal(err)
		}
		question.Extensions = append(question.Extensions, nat)
	}
	for range times {
		c.hub.pass(b, question)
		c.pass(20 * second / Instant(times))
	}
	return replies
}

// TestAnswerWaitsForThePath: a spoke that sends to us from the moment it has our
// answer loses nothing, because we make the path before we answer; unless only it
// can make the path.
func TestAnswerWaitsForThePath(t *testing.T) {
	asker, behind, public := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("100.64.0.1"), netip.MustParseAddr("203.0.113.9")
	for name, test := range map[string]struct {
		natted  bool // we are
		claimed netip.Addr
		public  netip.Addr
		times   int
		want    []reply
	}{
		"nobody is behind a NAT":   {false, asker, asker, 1, []reply{{asker, nhrp.Success, second/10 + delay, true}}},
		"we are":                   {true, asker, asker, 1, []reply{{asker, nhrp.Success, second/10 + delay, true}}},
		"it is, and calls":         {false, behind, public, 1, []reply{{nbma1, nhrp.Success, delay, false}}},
		"both are":                 {true, behind, public, 1, []reply{{nbma1, nhrp.AdministrativelyRefused, delay, false}}},
		"the answer is lost":       {false, asker, asker, 2, []reply{{asker, nhrp.Success, second/10 + delay, true}, {nbma1, nhrp.Success, 10*second + delay, true}}},
		"it cannot be called":      {false, public, public, 1, []reply{{nbma1, nhrp.Success, 3*second + delay, false}}},
		"neither can, and we hide": {true, public, public, 1, []reply{{nbma1, nhrp.AdministrativelyRefused, 5*second + delay, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, b := two(t, false, test.natted)
			got := ask(c, b, test.claimed, test.public, test.times)
			if !slices.Equal(got, test.want) {
				t.Errorf("answered %v, want %v", got, test.want)
			}
			if n := len(b.client.questions); n != 0 {
				t.Errorf("%d questions wait still", n)
			}
		})
	}
}

// TestQuestionsAreBounded: a flood of questions costs a bounded amount of memory,
// and those that find no room are told so.
func TestQuestionsAreBounded(t *testing.T) {
	c, _, b := two(t, false, true)
	refused := 0
	c.drop = func(_, _ netip.Addr, p *nhrp.Packet) bool {
		if p.Type == nhrp.ResolutionReply && p.CIEs[0].Code == nhrp.InsufficientResources {
			refused++
		}
		return false
	}
	for i := range 2 * maxQuestions {
		question := packetFrom(nhrp.ResolutionRequest, netip.AddrFrom4([4]byte{172, 16, 100, byte(100 + i%100)}), netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}))
		question.DstProtocol, question.RequestID = host2, uint32(i)
		c.hub.pass(b, question)
		c.pass(second / 100)
	}
	if n := len(b.client.questions); n > maxQuestions {
		t.Errorf("%d questions wait", n)
	}
	c.pass(20 * second)
	if n := len(b.client.questions); n != 0 {
		t.Errorf("%d questions wait still", n)
	}
	if refused == 0 {
		t.Error("nobody was told that there is no room")
	}
}

// TestOneCalls: two who ask each other at the same time do not both call.
func TestOneCalls(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, b.lan.Addr().Next())
	c.hub.redirect(b, a.lan.Addr().Next())
	c.pass(second / 2)
	if a.called[b.public] || !b.called[a.public] {
		t.Errorf("the lower has called: %t, the higher: %t", a.called[b.public], b.called[a.public])
	}
	for _, s := range []*spoke{a, b} {
		o := map[*spoke]*spoke{a: b, b: a}[s]
		if via, nbma := s.route(o.lan.Addr().Next()); via != o.address || nbma != o.public {
			t.Errorf("%s goes via %s at %s: %s", s.name, via, nbma, s.why())
		}
	}
}
