package nhc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

const (
	// answerAfter is how long an answer waits for the direct path that we make, if
	// the other spoke could make it as well.
	answerAfter = 3 * time.Second
	// refuseAfter is how long it waits if only we can. Nobody waits longer for it.
	refuseAfter = 20 * time.Second
	// yieldFor is how long a spoke that we have asked as well is given to call us.
	yieldFor = time.Second
	// maxQuestions bounds those that wait.
	maxQuestions = 256
)

// question is what another spoke asked about a network behind us. Its answer waits
// for the direct path: there are spokes that send that way from the moment they
// have it, whether or not anything arrives.
type question struct {
	packet *nhrp.Packet
	// from is where it came from, and nbma where the spoke is.
	from, nbma netip.Addr
	prefix     netip.Prefix
	until      Instant
}

// consider decides whether a question is answered at once, after a while, or in the
// negative.
//
// Who asks by way of a hub and can be called is called, and has the answer
// straight once it can come that way. Two who ask each other, because their hosts
// talk to each other, would call each other; the one with the lower address waits
// for the other's call. Who is behind a NAT is told at once, as it has to call us.
// Where neither can call the other, traffic is to stay on the hub.
// Who does not let us remember where it is cannot be called.
func (c *Client) consider(q *question) {
	who := c.asker(q.packet)
	public, natted := c.public()
	q.nbma = who.nbma
	switch {
	case q.from == who.nbma || !c.isServer(q.from) || !c.mayMeet(who) || c.repeated(q):
		c.answer(q, q.from)
	case who.nbma == public:
		c.share(who.address)
		c.decline(q.packet, q.from, nhrp.AdministrativelyRefused)
	case natted && (who.claimed != who.nbma || !learnable(q.packet)):
		c.decline(q.packet, q.from, nhrp.AdministrativelyRefused)
	case who.claimed != who.nbma, !learnable(q.packet):
		c.answer(q, q.from)
	case slices.ContainsFunc(c.questions, q.same):
		// It is being dealt with.
	case len(c.questions) >= maxQuestions || !c.bind(who):
		c.counters.Limited++
		c.decline(q.packet, q.from, nhrp.InsufficientResources)
	default:
		q.until = c.now + answerAfter
		if natted {
			q.until = c.now + refuseAfter
		} else if c.asking() && c.cfg.Address.Addr().Less(who.address) {
			c.yield(who.nbma)
		}
		c.questions = append(c.questions, q)
	}
}

// asking reports whether a question of ours is on its way.
func (c *Client) asking() bool {
	return slices.ContainsFunc(c.targets, func(t *target) bool { return t.held == 0 && t.tries > 0 })
}

// yield leaves the call to a peer that is about to make it. What it does instead,
// or nothing, ends the wait.
func (c *Client) yield(nbma netip.Addr) {
	for _, p := range c.peers {
		if p.nbma == nbma && p.phase == PathProtecting && !c.isUp(nbma) {
			p.phase, p.next = PathWaiting, c.now+yieldFor
		}
	}
}

// asker returns what a question says of who asks.
func (c *Client) asker(p *nhrp.Packet) binding {
	who := binding{address: p.SrcProtocol, claimed: p.SrcNBMA, nbma: p.SrcNBMA, dst: p.SrcProtocol}
	if learnable(p) {
		who.until = c.now + min(c.cfg.HoldingTime, time.Duration(p.CIEs[0].HoldingTime)*time.Second)
	}
	if public, ok := publicOf(p, who.address); ok {
		who.nbma = public
	}
	who.prefix = netip.PrefixFrom(who.address, who.address.BitLen())
	return who
}

// learnable reports whether what a question says of who asks may be remembered (RFC
// 2332, 6.2.1): it is said to be stable, and for how long.
func learnable(p *nhrp.Packet) bool {
	return p.Flags&nhrp.ResolutionSourceStable != 0 && len(p.CIEs) > 0 && p.CIEs[0].HoldingTime > 0
}

// mayMeet reports whether a direct path may be made for a question of who. A
// question is no proof of who asks: it moves no path that is up.
func (c *Client) mayMeet(who binding) bool {
	return who.address.IsValid() && c.cfg.Address.Contains(who.address) && ordinary(who.nbma) && !c.isServer(who.nbma) &&
		!slices.ContainsFunc(c.peers, func(p *peer) bool {
			return p.address == who.address && p.phase == PathUp && p.nbma != who.nbma
		})
}

// repeated reports whether the question was answered before. That answer has not
// arrived, so this one goes another way.
func (c *Client) repeated(q *question) bool {
	return slices.ContainsFunc(c.told, func(t told) bool {
		return t.who == q.packet.SrcProtocol && t.prefix == q.prefix && t.request == q.packet.RequestID
	})
}

func (q *question) same(o *question) bool {
	return o.packet.SrcProtocol == q.packet.SrcProtocol && o.packet.RequestID == q.packet.RequestID
}

// answerQuestions answers those that have waited long enough.
func (c *Client) answerQuestions() {
	c.questions = slices.DeleteFunc(c.questions, func(q *question) bool {
		_, natted := c.public()
		held := slices.ContainsFunc(c.peers, func(p *peer) bool { return p.nbma == q.nbma && p.phase == PathHeld })
		switch {
		case c.isUp(q.nbma):
			c.answer(q, q.nbma)
		case c.now < q.until && !held:
			return false
		case natted:
			c.decline(q.packet, q.from, nhrp.AdministrativelyRefused)
		default:
			// We cannot call it, and it may well call us.
			c.answer(q, q.from)
		}
		return true
	})
}
