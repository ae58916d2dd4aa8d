package dmvpn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// errUnauthenticated is what is wrong with a packet that lacks the cloud's
// authentication string.
var errUnauthenticated = errors.New("its answer does not bear our authentication string: set the same on hub and spoke")

// maxPacket is the largest NHRP packet: its length has 16 bits.
const maxPacket = 1<<16 - 1

// receive reads packets until ctx is cancelled, which closes the link.
func (t *Tunnel) receive(ctx context.Context) error {
	buffer := make([]byte, maxPacket)
	for {
		n, from, err := t.link.Receive(buffer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive NHRP on %s: %w", t.name, err)
		}
		t.handle(buffer[:n], from)
	}
}

// handle acts on one packet from the member at the given NBMA address. Packets
// of types that this box has no part in are counted, and harm nobody.
func (t *Tunnel) handle(b []byte, from netip.Addr) {
	p, err := nhrp.Parse(b)
	if err != nil {
		t.count(func(c *Counters) { c.Malformed++ })
		t.log.Debug("dropped a malformed NHRP packet", "nbma", from, "err", err)
		return
	}
	t.count(func(c *Counters) { c.Received[p.Type.String()]++ })
	unauthenticated := t.authenticate(p)
	if unauthenticated != nil {
		t.count(func(c *Counters) { c.Unauthenticated++ })
	}

	expected := true
	switch p.Type {
	case nhrp.RegistrationReply:
		expected = t.exchanges.deliver(p.RequestID, from, answer{p, unauthenticated})
	case nhrp.ErrorIndication:
		// RFC 2332 wants none, so an indication is believed without the
		// extension. It can only slow a registration down.
		kind, id, ok := p.Offender()
		expected = ok && kind == nhrp.RegistrationRequest && t.exchanges.deliver(id, from, answer{packet: p})
	}
	if !expected {
		t.count(func(c *Counters) { c.Unexpected++ })
		t.log.Debug("dropped an unexpected NHRP packet", "nbma", from, "type", p.Type.String(), "request", p.RequestID)
	}
}

// authenticate reports what is wrong with the authentication of p.
func (t *Tunnel) authenticate(p *nhrp.Packet) error {
	secret := t.cfg.NHRP.Authentication.Reveal()
	if secret == "" || p.Type == nhrp.ErrorIndication {
		return nil
	}
	if e, ok := p.Extension(nhrp.Authentication); !ok || !e.Authenticates(secret) {
		return errUnauthenticated
	}
	return nil
}

// send sends p to the member at the given NBMA address.
func (t *Tunnel) send(link Link, p *nhrp.Packet, nbma netip.Addr) error {
	b, err := p.Marshal()
	if err != nil {
		return err
	}
	if err := link.Send(nbma, b); err != nil {
		return fmt.Errorf("send NHRP %s to %s: %w", p.Type, nbma, err)
	}
	t.count(func(c *Counters) { c.Sent[p.Type.String()]++ })
	return nil
}

func (t *Tunnel) count(update func(*Counters)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	update(&t.counters)
}
