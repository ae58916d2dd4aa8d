package nhc

import (
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// maxTold bounds what is remembered of answers.
const maxTold = 1024

// told is an answer that somebody believes until it expires or is purged.
type told struct {
	// nbma is where the question came from, and who asked.
	nbma, who netip.Addr
	prefix    netip.Prefix
	// request is the id of the question.
	request uint32
	until   Instant
}

// Prefixes tells which networks are behind the box. Who was told of others hears
// that it is so no more.
func (c *Client) Prefixes(now Instant, prefixes []netip.Prefix) Effects {
	c.now = now
	c.prefixes = slices.Clone(prefixes)
	c.told = slices.DeleteFunc(c.told, func(t told) bool {
		gone := !slices.Contains(prefixes, t.prefix)
		if gone && now < t.until && c.isUp(t.nbma) {
			c.retract(t)
		}
		return gone || now >= t.until
	})
	for _, s := range c.shortcuts {
		if slices.ContainsFunc(prefixes, s.prefix.Overlaps) {
			s.until = now // it is ours by now
		}
	}
	return c.settle()
}

// retract purges an answer. It goes the way of the answer, and no reply is asked
// for, as there are those that never send one.
func (c *Client) retract(t told) {
	p := c.packet(nhrp.PurgeRequest, c.nextID(), t.who)
	p.Flags = nhrp.PurgeNoReply
	p.CIEs = []nhrp.CIE{{PrefixLen: uint8(t.prefix.Bits()), Protocol: t.prefix.Addr()}}
	c.send(t.nbma, p)
}

// local returns the network behind the box that an address belongs to, invalid if
// none: the most specific one, but no single address if there is another.
func (c *Client) local(a netip.Addr) netip.Prefix {
	var best netip.Prefix
	for _, p := range c.prefixes {
		switch {
		case !p.Contains(a):
		case !best.IsValid(), best.IsSingleIP():
			best = p
		case p.Bits() > best.Bits() && !p.IsSingleIP():
			best = p
		}
	}
	return best
}

// asksUs sees to a resolution request (RFC 2332, 5.2.2).
func (c *Client) asksUs(p *nhrp.Packet, from netip.Addr) {
	ours := c.cfg.Address.Addr()
	prefix := c.local(p.DstProtocol)
	if p.DstProtocol == ours {
		prefix = netip.PrefixFrom(ours, ours.BitLen())
	}
	switch {
	case !c.cfg.Shortcut:
		c.refuse(p, from, nhrp.AdministrativelyRefused)
	case !prefix.IsValid():
		c.refuse(p, from, nhrp.NoBinding)
	case c.provoked(from):
		c.consider(&question{packet: p, from: from, prefix: prefix})
	}
}

// answer answers a question positively, to the member at an NBMA address.
func (c *Client) answer(q *question, to netip.Addr) {
	ours, p := c.cfg.Address.Addr(), q.packet
	answer := c.reply(p)
	answer.Flags = p.Flags&(nhrp.ResolutionRouter|nhrp.ResolutionSourceStable) | nhrp.ResolutionAuthoritative | nhrp.ResolutionDestStable | nhrp.NAT
	answer.CIEs = []nhrp.CIE{{
		PrefixLen: uint8(q.prefix.Bits()), MTU: uint16(min(c.uplink.MTU, 0xffff)), HoldingTime: c.seconds(),
		NBMA: c.uplink.Address, Protocol: ours,
	}}
	c.extend(answer, nhrp.NATAddress, c.ourNAT()...)
	c.send(to, answer)
	if q.prefix.Addr() != ours {
		c.remember(told{nbma: q.from, who: p.SrcProtocol, prefix: q.prefix, request: p.RequestID, until: c.now + c.cfg.HoldingTime})
	}
}

func (c *Client) remember(t told) {
	i := slices.IndexFunc(c.told, func(o told) bool { return o.who == t.who && o.prefix == t.prefix })
	switch {
	case i >= 0:
		c.told[i] = t
	case len(c.told) < maxTold:
		c.told = append(c.told, t)
	}
}
