package dmvpn

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

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
