package nhc

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// uniquePrefix is the prefix length of a registration that must be unique (RFC
// 2332, 5.2.3).
const uniquePrefix = 0xff

// registrationRequest asks the server for a binding of our tunnel address to
// the NBMA address claimed (RFC 2332, 5.2.3). The entry has no addresses of its
// own: they are those of the source. The NAT extension tells the server under
// which address we reach it, and its answer under which it sees us. A server
// whose address is not known is addressed by ours.
func (c *Client) registrationRequest(id uint32, s *server) *nhrp.Packet {
	ours := c.cfg.Address.Addr()
	destination, named := s.address, s.address
	if !s.address.IsValid() {
		destination, named = ours, netip.IPv4Unspecified()
		if ours.Is6() {
			named = netip.IPv6Unspecified()
		}
	}
	p := c.packet(nhrp.RegistrationRequest, id, destination)
	p.Flags = nhrp.NAT
	cie := nhrp.CIE{PrefixLen: uint8(ours.BitLen()), MTU: uint16(min(c.uplink.MTU, 0xffff)), HoldingTime: c.seconds()}
	if c.cfg.Unique {
		p.Flags |= nhrp.RegistrationUnique
		cie.PrefixLen = uniquePrefix
	}
	p.CIEs = []nhrp.CIE{cie}
	c.extend(p, nhrp.NATAddress, nhrp.CIE{PrefixLen: uint8(named.BitLen()), NBMA: s.nbma, Protocol: named})
	if c.cfg.Group != "" {
		p.Extensions = append(p.Extensions, nhrp.NewGroup(c.cfg.Group))
	}
	return p
}

// sendPurge takes the registration back (RFC 2332, 5.2.5). No reply is asked
// for: there are hubs that never send one.
func (c *Client) sendPurge(s *server) {
	ours := c.cfg.Address.Addr()
	destination := s.address
	if !destination.IsValid() {
		destination = ours
	}
	p := c.packet(nhrp.PurgeRequest, c.nextID(), destination)
	p.Flags = nhrp.PurgeNoReply
	p.CIEs = []nhrp.CIE{{PrefixLen: uint8(ours.BitLen()), Protocol: ours}}
	nbma := s.nbma
	if c.now < s.registration.Until {
		p.SrcNBMA, nbma = s.registration.Claimed, s.registration.NBMA
		p.Family = nhrp.FamilyOf(p.SrcNBMA)
	}
	c.send(nbma, p)
}

// packet returns what our requests have in common, the authentication on every
// one of them included.
func (c *Client) packet(kind nhrp.Type, id uint32, destination netip.Addr) *nhrp.Packet {
	source := c.cfg.Address.Addr()
	p := &nhrp.Packet{
		Family:      nhrp.FamilyOf(c.uplink.Address),
		Protocol:    nhrp.ProtocolOf(source),
		Hops:        nhrp.MaxHops,
		Type:        kind,
		RequestID:   id,
		SrcNBMA:     c.uplink.Address,
		SrcProtocol: source,
		DstProtocol: destination,
		Extensions: []nhrp.Extension{
			{Type: nhrp.ForwardTransit, Compulsory: true},
			{Type: nhrp.ReverseTransit, Compulsory: true},
			{Type: nhrp.ResponderAddress, Compulsory: true},
		},
	}
	if c.cfg.Secret != "" {
		p.Extensions = append(p.Extensions, nhrp.NewAuthentication(c.cfg.Secret))
	}
	return p
}

// seconds returns for how long others may keep what we say of ourselves.
func (c *Client) seconds() uint16 { return uint16(c.cfg.HoldingTime / time.Second) }

// extend adds an extension that is a list of CIEs.
func (c *Client) extend(p *nhrp.Packet, t nhrp.ExtensionType, cies ...nhrp.CIE) {
	e, err := nhrp.NewCIEExtension(t, false, p.Family, p.Protocol, cies...)
	if err != nil {
		c.broken(p, err)
		return
	}
	p.Extensions = append(p.Extensions, e)
}

// send has p sent to the member at an NBMA address.
func (c *Client) send(nbma netip.Addr, p *nhrp.Packet) {
	b, err := p.Marshal()
	if err != nil {
		c.broken(p, err)
		return
	}
	c.counters.sent(nbma, p, c.now)
	c.out.Send = append(c.out.Send, Message{nbma, p.Type, b})
}

// broken tells of a packet that cannot be written down, which addresses of
// different families bring about.
func (c *Client) broken(p *nhrp.Packet, err error) {
	c.out.Events = append(c.out.Events, Event{slog.LevelError, "cannot send an NHRP packet", []any{"type", p.Type.String(), "err", err}})
}
