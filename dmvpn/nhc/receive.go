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
	c.counters.Received[p.Type.String()]++
	unauthenticated := c.authenticate(p)
	if unauthenticated != nil {
		c.counters.Unauthenticated++
	}
	if !c.handle(p, from, unauthenticated) {
		c.counters.Unexpected++
		c.debug("dropped an unexpected NHRP packet", "nbma", from, "type", p.Type.String(), "request", p.RequestID)
	}
	return c.settle()
}

// handle acts on p and reports whether it was expected.
func (c *Client) handle(p *nhrp.Packet, from netip.Addr, unauthenticated error) bool {
	switch p.Type {
	case nhrp.RegistrationReply, nhrp.ErrorIndication:
		// RFC 2332 wants no extensions on an indication, so it is believed
		// without. It can only slow a registration down.
		kind, id := nhrp.RegistrationRequest, p.RequestID
		if p.Type == nhrp.ErrorIndication {
			kind, id, _ = p.Offender()
		}
		s := c.asked(from, id)
		if kind != nhrp.RegistrationRequest || s == nil {
			return false
		}
		c.answered(s, p, unauthenticated)
	}
	return true
}

// answeredID returns the id of the request that p answers.
func answeredID(p *nhrp.Packet) uint32 {
	if p.Type == nhrp.ErrorIndication {
		_, id, _ := p.Offender()
		return id
	}
	return p.RequestID
}

// authenticate reports what is wrong with the authentication of p.
func (c *Client) authenticate(p *nhrp.Packet) error {
	if c.cfg.Secret == "" || p.Type == nhrp.ErrorIndication {
		return nil
	}
	if e, ok := p.Extension(nhrp.Authentication); !ok || !e.Authenticates(c.cfg.Secret) {
		return errUnauthenticated
	}
	return nil
}

func (c *Client) debug(text string, attrs ...any) {
	c.out.Events = append(c.out.Events, Event{slog.LevelDebug, text, attrs})
}
