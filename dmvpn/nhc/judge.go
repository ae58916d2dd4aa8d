package nhc

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// errTaken is that the server has our address as another's.
var errTaken = errors.New("it refuses the registration")

// errUnauthenticated is what is wrong with a packet that lacks the cloud's
// authentication string.
var errUnauthenticated = errors.New("its answer does not bear our authentication string: set the same on hub and spoke")

// grant is what a server's reply grants.
type grant struct {
	// address is the server's in the tunnel.
	address     netip.Addr
	holdingTime time.Duration
	// observed is the NBMA address that the server sees us under, invalid if it
	// does not say.
	observed netip.Addr
}

// judge reads the answer of s to a registration request. The error is a sentence
// about the server, without naming it.
func (c *Client) judge(s *server, p *nhrp.Packet, unauthenticated error) (grant, error) {
	if p.Type == nhrp.ErrorIndication {
		if p.Error == nhrp.AuthenticationFailure {
			return grant{}, errors.New("it rejects our authentication string: set the same on hub and spoke")
		}
		return grant{}, fmt.Errorf("it reports an error: %s", p.Error)
	}
	if unauthenticated != nil {
		return grant{}, unauthenticated
	}
	if e, ok := p.Unrecognized(); ok {
		return grant{}, fmt.Errorf("its reply demands the unknown extension %d", e.Type)
	}
	if len(p.CIEs) == 0 {
		return grant{}, errors.New("its reply holds no entry")
	}
	switch code := p.CIEs[0].Code; code {
	case nhrp.Success:
	case nhrp.UniqueAlreadyRegistered:
		return grant{}, fmt.Errorf("%w: %s", errTaken, code)
	default:
		return grant{}, fmt.Errorf("it refuses the registration: %s", code)
	}
	g := grant{address: s.address, holdingTime: c.cfg.HoldingTime}
	var err error
	if g.observed, err = c.observed(p); err != nil {
		return grant{}, err
	}
	if !s.cfg.Address.IsValid() {
		if g.address, err = c.introduced(p); err != nil {
			return grant{}, err
		}
	}
	// A server may grant less than asked for; 0 is its way to say nothing.
	if granted := time.Duration(p.CIEs[0].HoldingTime) * time.Second; granted != 0 {
		g.holdingTime = min(g.holdingTime, granted)
	}
	return g, nil
}

// observed returns the NBMA address that the server sees us under. A server
// that knows the NAT extension repeats ours and, only if the outer source
// differs from what we claimed, adds an entry for us.
func (c *Client) observed(p *nhrp.Packet) (netip.Addr, error) {
	nat, ok := p.Extension(nhrp.NATAddress)
	if !ok || p.Flags&nhrp.NAT == 0 {
		return netip.Addr{}, nil
	}
	cies, err := nat.CIEs(p.Family, p.Protocol)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("its NAT extension is malformed: %w", err)
	}
	for _, e := range cies {
		if e.Protocol == c.cfg.Address.Addr() && e.NBMA.IsValid() {
			return e.NBMA, nil
		}
	}
	return c.uplink.Address, nil
}

// introduced returns the address in the tunnel that a server gives for itself: as
// the reply's destination, to which the request was addressed to us for want of
// better, or as the one who answered.
func (c *Client) introduced(p *nhrp.Packet) (netip.Addr, error) {
	candidates := []netip.Addr{p.DstProtocol}
	if e, ok := p.Extension(nhrp.ResponderAddress); ok {
		if cies, err := e.CIEs(p.Family, p.Protocol); err == nil && len(cies) > 0 {
			candidates = append(candidates, cies[0].Protocol)
		}
	}
	for _, a := range candidates {
		if a.IsValid() && a != c.cfg.Address.Addr() && c.cfg.Address.Contains(a) {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("its reply does not say which address in %s it has: write it instead of having it learned", c.cfg.Address.Masked())
}
