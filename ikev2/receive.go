package ikev2

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"runtime/debug"

	"github.com/farspoke/farspoke/ikev2/admission"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/wire"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// receive passes on the packets of the sockets.
func (e *Engine) receive(ctx context.Context, socket Socket) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case packet := <-socket.Packets():
			e.packet(packet)
		}
	}
}

// packet gives a packet to the session it belongs to. One that begins something
// goes to the session of the address it comes from, if it is admitted; one of
// another version too, for what that says about the peer.
func (e *Engine) packet(packet udp.Packet) {
	header, err := wire.ParseHeader(packet.Data)
	var version *wire.VersionError
	if err != nil && !errors.As(err, &version) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.local.IsValid() || e.answered(packet) {
		return
	}
	p := e.correspondent(header, packet.Remote.Addr())
	if p == nil && version != nil {
		p = e.peers[packet.Remote.Addr()]
	} else if p == nil {
		p = e.admit(header, packet)
	}
	if p != nil {
		p.receive(packet)
	}
}

// correspondent returns the peer that has the IKE SA of a message. Only one that
// a NAT has moved has it under another address than where the message is from.
func (e *Engine) correspondent(header wire.Header, from netip.Addr) *peer {
	if p, ok := e.peers[from]; ok && p.session.Owns(header) {
		return p
	}
	if admission.Begins(header) {
		return nil
	}
	for _, p := range e.peers {
		if p.session.Owns(header) {
			return p
		}
	}
	return nil
}

// receive gives a packet to the session. Should it meet a bug there, the packet
// is lost and the session goes on from where it was.
func (p *peer) receive(packet udp.Packet) {
	defer p.engine.guard(packet, p.log, func() { p.engine.rewind(p) })
	p.apply(p.session.Receive(p.engine.sinceBoot(), session.Packet(packet)))
}

// guard is to be deferred while a packet is worked on. Should that meet a bug,
// it reports it and goes on.
func (e *Engine) guard(packet udp.Packet, log *slog.Logger, goOn func()) {
	if reason := recover(); reason != nil {
		e.panics++
		log.Error("a packet met a bug; please report it", "panic", reason, "from", packet.Remote, "packet", packet.Data, "stack", string(debug.Stack()))
		goOn()
	}
}

// kernelEvent passes on what the kernel says about SAs.
func (e *Engine) kernelEvent(event xfrm.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.sinceBoot()
	switch event := event.(type) {
	case xfrm.Expire:
		if p := e.owner(event.ID); p != nil {
			p.apply(p.session.SAExpired(now, event.ID.SPI, event.Hard))
		}
	case xfrm.Mapping:
		if p := e.owner(event.ID); p != nil {
			p.apply(p.session.SAMoved(now, event.ID.SPI, event.New))
		}
	case xfrm.Acquire:
		e.acquire(event)
	case xfrm.Lost:
		e.check()
	}
}

// owner returns the peer that an SA belongs to.
func (e *Engine) owner(id xfrm.ID) *peer {
	for _, p := range e.peers {
		for _, sa := range p.session.InstalledSAs() {
			if kernelID(sa) == id {
				return p
			}
		}
	}
	return nil
}
