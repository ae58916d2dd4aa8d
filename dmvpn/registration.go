package dmvpn

import (
	"errors"
	"fmt"
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

// grant is what a server's reply grants.
type grant struct {
	holdingTime time.Duration
	// observed is the NBMA address that the server sees us under, invalid if it
	// does not say.
	observed netip.Addr
}

// judge reads the answer to a registration request. The error is a sentence
// about the server, without naming it.
func (t *Tunnel) judge(a answer, claimed netip.Addr) (grant, error) {
	p := a.packet
	if p.Type == nhrp.ErrorIndication {
		if p.Error == nhrp.AuthenticationFailure {
			return grant{}, errors.New("it rejects our authentication string: set the same on hub and spoke")
		}
		return grant{}, fmt.Errorf("it reports an error: %s", p.Error)
	}
	if a.err != nil {
		return grant{}, a.err
	}
	if e, ok := p.Unrecognized(); ok {
		return grant{}, fmt.Errorf("its reply demands the unknown extension %d", e.Type)
	}
	if len(p.CIEs) == 0 {
		return grant{}, errors.New("its reply holds no entry")
	}
	if code := p.CIEs[0].Code; code != nhrp.Success {
		return grant{}, fmt.Errorf("it refuses the registration: %s", code)
	}
	observed, err := t.observed(p, claimed)
	if err != nil {
		return grant{}, err
	}
	g := grant{holdingTime: t.cfg.NHRP.HoldingTime, observed: observed}
	// A server may grant less than asked for; 0 is its way to say nothing.
	if granted := time.Duration(p.CIEs[0].HoldingTime) * time.Second; granted != 0 {
		g.holdingTime = min(g.holdingTime, granted)
	}
	return g, nil
}

// observed returns the NBMA address that the server sees us under. A server
// that knows the NAT extension repeats ours and, only if the outer source
// differs from what we claimed, adds an entry for us.
func (t *Tunnel) observed(p *nhrp.Packet, claimed netip.Addr) (netip.Addr, error) {
	nat, ok := p.Extension(nhrp.NATAddress)
	if !ok || p.Flags&nhrp.NAT == 0 {
		return netip.Addr{}, nil
	}
	cies, err := nat.CIEs(p.Family, p.Protocol)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("its NAT extension is malformed: %w", err)
	}
	for _, c := range cies {
		if c.Protocol == t.cfg.Address.Addr() && c.NBMA.IsValid() {
			return c.NBMA, nil
		}
	}
	return claimed, nil
}
