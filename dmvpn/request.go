package dmvpn

import (
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// hops is the hop count of our packets, the same as IOS sends: hubs exist that
// drop a packet which arrives with none left.
const hops = 255

// registrationRequest asks the server for a binding of our tunnel address to
// the NBMA address claimed (RFC 2332, 5.2.3). The entry has no addresses of its
// own: they are those of the source. The NAT extension tells the server under
// which address we reach it, and its answer under which it sees us.
func (t *Tunnel) registrationRequest(id uint32, claimed netip.Addr, server Neighbour) (*nhrp.Packet, error) {
	p := t.packet(nhrp.RegistrationRequest, id, claimed, server.Address)
	p.Flags = nhrp.NAT
	p.CIEs = []nhrp.CIE{{
		PrefixLen:   uint8(t.cfg.Address.Addr().BitLen()),
		HoldingTime: uint16(t.cfg.NHRP.HoldingTime / time.Second),
	}}
	nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, p.Family, p.Protocol, nhrp.CIE{
		PrefixLen: uint8(server.Address.BitLen()),
		NBMA:      server.NBMA,
		Protocol:  server.Address,
	})
	p.Extensions = append(p.Extensions, nat)
	return p, err
}

// purgeRequest takes the registration back (RFC 2332, 5.2.5). No reply is asked
// for: the box is about to leave, and there are hubs that never send one.
func (t *Tunnel) purgeRequest(id uint32, claimed netip.Addr, server netip.Addr) *nhrp.Packet {
	p := t.packet(nhrp.PurgeRequest, id, claimed, server)
	p.Flags = nhrp.PurgeNoReply
	p.CIEs = []nhrp.CIE{{
		PrefixLen: uint8(t.cfg.Address.Addr().BitLen()),
		Protocol:  t.cfg.Address.Addr(),
	}}
	return p
}

// packet returns what our requests have in common, the authentication on every
// one of them included.
func (t *Tunnel) packet(kind nhrp.Type, id uint32, claimed, destination netip.Addr) *nhrp.Packet {
	source := t.cfg.Address.Addr()
	p := &nhrp.Packet{
		Family:      nhrp.FamilyOf(claimed),
		Protocol:    nhrp.ProtocolOf(source),
		Hops:        hops,
		Type:        kind,
		RequestID:   id,
		SrcNBMA:     claimed,
		SrcProtocol: source,
		DstProtocol: destination,
		Extensions: []nhrp.Extension{
			{Type: nhrp.ForwardTransit, Compulsory: true},
			{Type: nhrp.ReverseTransit, Compulsory: true},
			{Type: nhrp.ResponderAddress, Compulsory: true},
		},
	}
	if secret := t.cfg.NHRP.Authentication.Reveal(); secret != "" {
		p.Extensions = append(p.Extensions, nhrp.NewAuthentication(secret))
	}
	return p
}
