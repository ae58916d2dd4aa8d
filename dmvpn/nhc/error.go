package nhc

import (
	"net/netip"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// maxOffender is how much of a packet in error is sent back: its headers and the
// entries that it may be about.
const maxOffender = 256

// indicate tells the peer at an NBMA address what is wrong with its packet b,
// from the octet at offset on (RFC 2332, 5.2.7). About an error indication
// nothing is ever said.
func (c *Client) indicate(from netip.Addr, p *nhrp.Packet, code nhrp.ErrorCode, offset int) {
	c.debug("refused an NHRP packet", "nbma", from, "type", p.Type.String(), "cause", code.String())
	if p.Type == nhrp.ErrorIndication || !p.SrcProtocol.IsValid() || !c.uplink.Address.IsValid() || !c.provoked(from) {
		return
	}
	b := c.octets
	b = b[:min(len(b), maxOffender)&^1]
	answer := &nhrp.Packet{
		Family: nhrp.FamilyOf(c.uplink.Address), Protocol: p.Protocol, Hops: hops, Type: nhrp.ErrorIndication,
		Error: code, ErrorOffset: uint16(offset),
		SrcNBMA: c.uplink.Address, DstProtocol: p.SrcProtocol, Payload: b,
	}
	if ours := c.cfg.Address.Addr(); nhrp.ProtocolOf(ours) == p.Protocol {
		answer.SrcProtocol = ours
	}
	if c.cfg.Secret != "" {
		answer.Extensions = []nhrp.Extension{nhrp.NewAuthentication(c.cfg.Secret)}
	}
	c.counters.ErrorsSent[code.String()]++
	c.send(from, answer)
}

// looped reports whether a request has been here before: it is ours, or its
// record of those who passed it on has us (RFC 2332, 5.3.2).
func (c *Client) looped(p *nhrp.Packet) bool {
	ours := c.cfg.Address.Addr()
	if p.SrcProtocol == ours {
		return true
	}
	record, ok := p.Extension(nhrp.ForwardTransit)
	if !ok {
		return false
	}
	cies, err := record.CIEs(p.Family, p.Protocol)
	if err != nil {
		return false
	}
	for _, e := range cies {
		if e.Protocol == ours {
			return true
		}
	}
	return false
}

// reply returns the answer to a request, which goes the way it came. What the
// request demanded in extensions is filled in, and what we do not know returned.
func (c *Client) reply(p *nhrp.Packet, kind nhrp.Type) *nhrp.Packet {
	answer := *p
	answer.Type, answer.Hops = kind, hops
	answer.Extensions = nil
	if p.Extensions != nil {
		answer.Extensions = []nhrp.Extension{}
	}
	for _, e := range p.Extensions {
		switch e.Type {
		case nhrp.Authentication, nhrp.NATAddress:
			continue
		case nhrp.ReverseTransit:
			e.Value = nil
		case nhrp.ResponderAddress:
			filled, err := nhrp.NewCIEExtension(e.Type, e.Compulsory, p.Family, p.Protocol, nhrp.CIE{
				HoldingTime: c.seconds(), NBMA: c.uplink.Address, Protocol: c.cfg.Address.Addr(),
			})
			if err == nil {
				e = filled
			}
		}
		answer.Extensions = append(answer.Extensions, e)
	}
	if c.cfg.Secret != "" {
		answer.Extensions = append(answer.Extensions, nhrp.NewAuthentication(c.cfg.Secret))
	}
	return &answer
}
