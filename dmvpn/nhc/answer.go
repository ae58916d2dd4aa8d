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
	until     Instant
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

// asksUs answers a resolution request (RFC 2332, 5.2.2). The reply goes the way
// that the request came, be it by a hub or straight from who asks. If only we are
// behind a NAT, it is for us to make the direct path.
func (c *Client) asksUs(p *nhrp.Packet, from netip.Addr) {
	ours := c.cfg.Address.Addr()
	prefix := c.local(p.DstProtocol)
	if p.DstProtocol == ours {
		prefix = netip.PrefixFrom(ours, ours.BitLen())
	}
	switch {
	case !c.cfg.Shortcut:
		c.refuse(p, from, nhrp.AdministrativelyRefused)
		return
	case !prefix.IsValid():
		c.refuse(p, from, nhrp.NoBinding)
		return
	case !c.provoked(from):
		return
	}
	answer := c.reply(p)
	answer.Flags = p.Flags&(nhrp.ResolutionRouter|nhrp.ResolutionSourceStable) | nhrp.ResolutionAuthoritative | nhrp.ResolutionDestStable | nhrp.NAT
	answer.CIEs = []nhrp.CIE{{
		PrefixLen: uint8(prefix.Bits()), MTU: uint16(min(c.uplink.MTU, 0xffff)), HoldingTime: c.seconds(),
		NBMA: c.uplink.Address, Protocol: ours,
	}}
	c.extend(answer, nhrp.NATAddress, c.ourNAT()...)
	c.send(from, answer)
	if prefix.Addr() != ours {
		c.remember(told{from, p.SrcProtocol, prefix, c.now + c.cfg.HoldingTime})
	}
	c.meet(p, from)
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

// meet makes the direct path to who has asked, if it is for us to do so.
func (c *Client) meet(p *nhrp.Packet, from netip.Addr) {
	who := binding{address: p.SrcProtocol, claimed: p.SrcNBMA, nbma: p.SrcNBMA, until: c.now + c.cfg.HoldingTime}
	if public, ok := publicOf(p, who.address); ok {
		who.nbma = public
	}
	if from != who.nbma && !c.isServer(from) || !who.address.IsValid() || !c.cfg.Address.Contains(who.address) || !ordinary(who.nbma) || c.isServer(who.nbma) {
		return
	}
	who.dst = who.address
	who.prefix = netip.PrefixFrom(who.address, who.address.BitLen())
	// A question is no proof of who asks: it moves no path that is up.
	known := slices.ContainsFunc(c.peers, func(p *peer) bool {
		return p.address == who.address && p.phase == PathUp && p.nbma != who.nbma
	})
	if _, natted := c.public(); natted && !known && who.claimed == who.nbma {
		c.bind(who)
	}
}
