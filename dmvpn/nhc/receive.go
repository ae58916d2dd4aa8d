package nhc

import (
	"log/slog"
	"net/netip"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// Receive acts on one packet from the member at an NBMA address, as the outer
// header has it. Packets that nobody asked for are counted, and harm nobody.
func (c *Client) Receive(now Instant, from netip.Addr, b []byte) Effects {
	c.now = now
	p, err := nhrp.Parse(b)
	if err != nil {
		c.counters.Malformed++
		c.debug("dropped a malformed NHRP packet", "nbma", from, "err", err)
		return c.settle()
	}
	c.counters.received(from, p, c.now)
	c.octets = b
	if !c.handle(p, from) {
		c.counters.Unexpected++
		c.debug("dropped an unexpected NHRP packet", "nbma", from, "type", p.Type.String(), "request", p.RequestID)
	}
	return c.settle()
}

// handle acts on p and reports whether it was expected.
func (c *Client) handle(p *nhrp.Packet, from netip.Addr) bool {
	unauthenticated := c.authenticate(p)
	if unauthenticated != nil {
		c.counters.Unauthenticated++
	}
	switch p.Type {
	case nhrp.RegistrationReply, nhrp.ErrorIndication:
		// RFC 2332 wants no extensions on an indication, so it is believed
		// without. It can only slow things down.
		kind, id := nhrp.RegistrationRequest, p.RequestID
		if p.Type == nhrp.ErrorIndication {
			kind, id, _ = p.Offender()
		}
		switch kind {
		case nhrp.ResolutionRequest:
			return c.answeredResolution(p, from)
		case nhrp.PurgeRequest:
			return c.retracted(id, from)
		}
		s := c.asked(from, id)
		if kind != nhrp.RegistrationRequest || s == nil {
			return false
		}
		c.answered(s, p, unauthenticated)
		return true
	}
	if unauthenticated != nil {
		c.indicate(from, p, &nhrp.Fault{Code: nhrp.AuthenticationFailure, Problem: unauthenticated.Error()})
		return true
	}
	if fault := c.check(p); fault != nil {
		c.indicate(from, p, fault)
		return true
	}
	c.heard(from)
	switch p.Type {
	case nhrp.RegistrationRequest:
		c.refuse(p, from, nhrp.AdministrativelyRefused)
	case nhrp.ResolutionRequest:
		c.asksUs(p, from)
	case nhrp.PurgeRequest:
		c.purged(p, from)
	case nhrp.PurgeReply:
		return p.SrcProtocol == c.cfg.Address.Addr() && c.retracted(p.RequestID, from)
	case nhrp.ResolutionReply:
		return c.resolutionReply(p, from)
	case nhrp.TrafficIndication:
		return c.indicated(p, from)
	default:
		c.indicate(from, p, &nhrp.Fault{Code: nhrp.ProtocolError, Offset: typeOffset, Problem: "nobody knows packets of " + p.Type.String()})
	}
	return true
}

// typeOffset and idOffset are where a packet has its type and the id of the request.
const (
	typeOffset = 17
	idOffset   = 24
)

// refuse answers a request in the negative: silence would have it repeated.
func (c *Client) refuse(p *nhrp.Packet, from netip.Addr, code nhrp.Code) {
	if c.provoked(from) {
		c.decline(p, from, code)
	}
}

// decline sends an answer in the negative. One to a question about a direct path
// says behind which NAT we are, which may be the reason.
func (c *Client) decline(p *nhrp.Packet, to netip.Addr, code nhrp.Code) {
	answer := c.reply(p)
	if p.Type == nhrp.ResolutionRequest {
		answer.Flags, answer.CIEs = replyFlags(p), nil
		c.sayNAT(answer)
	}
	if len(answer.CIEs) == 0 {
		answer.CIEs = []nhrp.CIE{{}}
	}
	for i := range answer.CIEs {
		answer.CIEs[i].Code, answer.CIEs[i].HoldingTime = code, 0
	}
	c.send(to, answer)
}

// answeredID returns the id of the request that p answers.
func answeredID(p *nhrp.Packet) uint32 {
	if p.Type == nhrp.ErrorIndication {
		_, id, _ := p.Offender()
		return id
	}
	return p.RequestID
}

// authenticate reports what is wrong with the authentication of p. A traffic
// indication may do without: FRR before 10.2 sends it so, and all it does is make us
// ask a hub, whose answer is authenticated.
func (c *Client) authenticate(p *nhrp.Packet) error {
	if c.cfg.Secret == "" || p.Type == nhrp.ErrorIndication {
		return nil
	}
	e, ok := p.Extension(nhrp.Authentication)
	if ok && e.Authenticates(c.cfg.Secret) || !ok && p.Type == nhrp.TrafficIndication {
		return nil
	}
	return errUnauthenticated
}

func (c *Client) debug(text string, attrs ...any) {
	c.out.Events = append(c.out.Events, Event{slog.LevelDebug, text, attrs})
}
