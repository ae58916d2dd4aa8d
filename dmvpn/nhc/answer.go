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
	// nbma is where the question came from, who asked, and dst what about.
	nbma, who, dst netip.Addr
	prefix         netip.Prefix
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
		gone := c.covering(t.dst) != t.prefix
		if gone && now < t.until {
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

// covering returns what we answer for if somebody asks about an address behind the
// box: the network that it belongs to, or as much of it as holds nothing that the
// tunnel leads to (RFC 2332, 6.3). It is invalid if the tunnel leads to the address.
func (c *Client) covering(a netip.Addr) netip.Prefix {
	best := c.local(a)
	away := append(slices.Clone(c.cfg.Routes), c.cfg.Address.Masked())
	for _, p := range away {
		for best.IsValid() && p.Bits() > best.Bits() && best.Overlaps(p) {
			if p.Contains(a) {
				return netip.Prefix{}
			}
			best = netip.PrefixFrom(a, best.Bits()+1).Masked()
		}
	}
	return best
}

// asksUs sees to a resolution request (RFC 2332, 5.2.2).
func (c *Client) asksUs(p *nhrp.Packet, from netip.Addr) {
	ours := c.cfg.Address.Addr()
	prefix := c.covering(p.DstProtocol)
	if p.DstProtocol == ours {
		prefix = netip.PrefixFrom(ours, ours.BitLen())
	}
	switch {
	case !c.cfg.Shortcut:
		c.refuse(p, from, nhrp.AdministrativelyRefused)
	case !prefix.IsValid():
		c.refuse(p, from, nhrp.NoBinding)
	case p.Flags&nhrp.ResolutionUnique != 0 && (p.DstProtocol != ours || !c.cfg.Unique):
		c.refuse(p, from, nhrp.BindingNotUnique)
	case c.provoked(from):
		c.consider(&question{packet: p, from: from, prefix: prefix})
	}
}

// answer answers a question positively, to the member at an NBMA address.
func (c *Client) answer(q *question, to netip.Addr) {
	ours, p := c.cfg.Address.Addr(), q.packet
	answer := c.reply(p)
	answer.Flags = replyFlags(p) | p.Flags&nhrp.ResolutionUnique | nhrp.ResolutionDestStable
	answer.CIEs = []nhrp.CIE{{
		PrefixLen: uint8(q.prefix.Bits()), MTU: uint16(min(c.uplink.MTU, 0xffff)), HoldingTime: c.seconds(),
		NBMA: c.uplink.Address, Protocol: ours,
	}}
	c.sayNAT(answer)
	c.send(to, answer)
	if q.prefix.Addr() != ours {
		c.remember(told{nbma: q.from, who: p.SrcProtocol, dst: p.DstProtocol, prefix: q.prefix, request: p.RequestID, until: c.now + c.cfg.HoldingTime})
	}
}

// replyFlags returns what the flags of a reply to a resolution request have at
// least. What we say of ourselves is authoritative.
func replyFlags(p *nhrp.Packet) uint16 {
	return p.Flags&(nhrp.ResolutionRouter|nhrp.ResolutionSourceStable) | nhrp.ResolutionAuthoritative | nhrp.NAT
}

// sayNAT has the reply to a resolution request say behind which NAT we are, if any.
// Who does not ask is told as well, as we cannot be reached without.
func (c *Client) sayNAT(answer *nhrp.Packet) {
	ours := c.ourNAT()
	if _, asked := answer.Extension(nhrp.NATAddress); !asked && ours == nil {
		return
	}
	e, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, answer.Family, answer.Protocol, ours...)
	if err != nil {
		c.broken(answer, err)
		return
	}
	answer.SetExtension(e)
}

// remember keeps an answer, so that it can be purged. What was purged before is true
// again.
func (c *Client) remember(t told) {
	c.retractions = slices.DeleteFunc(c.retractions, func(r *retraction) bool { return r.who == t.who && r.prefix.Overlaps(t.prefix) })
	i := slices.IndexFunc(c.told, func(o told) bool { return o.who == t.who && o.prefix == t.prefix })
	switch {
	case i >= 0:
		c.told[i] = t
	case len(c.told) < maxTold:
		c.told = append(c.told, t)
	}
}
