package nhc

import (
	"errors"
	"net/netip"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// check reports why p must not be acted on. A request for a path that was ours
// has come back to us (RFC 2332, 5.3.2).
func (c *Client) check(p *nhrp.Packet) *nhrp.Fault {
	ours := c.cfg.Address.Addr()
	if fault, bad := errors.AsType[*nhrp.Fault](p.Check(ours)); bad {
		return fault
	}
	if p.Type == nhrp.ResolutionRequest && p.SrcProtocol == ours {
		return &nhrp.Fault{Code: nhrp.LoopDetected, Problem: "our own request has come back"}
	}
	return nil
}

// indicate tells the peer at an NBMA address what is wrong with its packet p
// (RFC 2332, 5.2.7).
func (c *Client) indicate(from netip.Addr, p *nhrp.Packet, fault *nhrp.Fault) {
	c.debug("refused an NHRP packet", "nbma", from, "type", p.Type.String(), "cause", fault.Code.String(), "err", fault)
	if !p.SrcProtocol.IsValid() || !c.uplink.Address.IsValid() || !c.provoked(from) {
		return
	}
	answer, ok := nhrp.NewErrorIndication(c.octets, fault, c.uplink.Address, c.cfg.Address.Addr())
	if !ok {
		return
	}
	if c.cfg.Secret != "" {
		answer.Extensions = []nhrp.Extension{nhrp.NewAuthentication(c.cfg.Secret)}
	}
	c.send(from, answer)
}

// reply returns the answer to a request, which goes the way it came. What the
// request demanded in extensions is filled in, the authentication made anew, and
// everything else returned as it is.
func (c *Client) reply(p *nhrp.Packet) *nhrp.Packet {
	answer := p.Reply()
	if e, ok := p.Extension(nhrp.ResponderAddress); ok {
		filled, err := nhrp.NewCIEExtension(e.Type, e.Compulsory, p.Family, p.Protocol, nhrp.CIE{
			HoldingTime: c.seconds(), NBMA: c.uplink.Address, Protocol: c.cfg.Address.Addr(),
		})
		if err == nil {
			answer.SetExtension(filled)
		}
	}
	if c.cfg.Secret != "" {
		answer.SetExtension(nhrp.NewAuthentication(c.cfg.Secret))
	}
	return answer
}
