package ikev2

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/admission"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// maxHalfOpen bounds the IKE SAs that all sources together may have begun here
// and not authenticated. At the rate that admission lets in, even a flood leaves
// each more than three seconds before it has to make room.
const maxHalfOpen = 64

// Accept protects GRE to and from whoever asks for it by this profile, for as
// long as ctx lives: the other spokes of a cloud, which nobody here can name
// beforehand. It blocks until then. Who is let in has proven to know the
// pre-shared key, whatever the profile says of the remote identity: that is
// about the peers that Protect names. If several profiles of the Engine accept,
// a peer gets the first, by name, that shares an IKE proposal with it.
//
// Such a guest stays for as long as there is traffic, and is not called back
// once lost. came is called when one has come to be protected; it must return at
// once, and must not call the Engine.
func (p *Protector) Accept(ctx context.Context, came func(peer netip.Addr)) error {
	e := p.engine
	e.mu.Lock()
	p.profile.accepting[ctx] = came
	e.mu.Unlock()
	<-ctx.Done()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(p.profile.accepting, ctx)
	return nil
}

// admit returns the peer that a packet is for which belongs to no IKE SA, nil if
// it goes no further.
func (e *Engine) admit(header wire.Header, packet udp.Packet) *peer {
	p := e.peers[packet.Remote.Addr()]
	if !admission.Begins(header) || p == nil && e.host(nil) == nil {
		return p // a stray, to be counted; or nobody's
	}
	m, err := wire.Parse(packet.Data)
	if err != nil || packet.Remote.Addr() == e.local || !callable(packet.Remote.Addr()) {
		return p
	}
	request := admission.Request{Remote: packet.Remote, Message: m, Size: len(packet.Data)}
	if p != nil {
		request.Named = len(p.interest) > 0
		request.HalfOpen, _ = p.session.HalfOpen()
	}
	admitted, answer := e.gate.Judge(e.sinceBoot(), request)
	if answer != nil {
		if err := e.socket.Send(udp.Packet{Local: packet.Local, Remote: packet.Remote, Data: answer}); err != nil {
			e.log.Debug("a cookie was not sent", "to", packet.Remote, "err", err)
		}
	}
	if !admitted {
		return nil
	}
	e.makeRoom()
	if p == nil {
		p = e.newGuest(e.host(m), packet.Remote.Addr())
	}
	return p
}

// host returns the profile under which a stranger's request is answered, nil if
// there is none. Without a request any that accepts will do.
func (e *Engine) host(m *wire.Message) *profile {
	var first *profile
	for _, name := range slices.Sorted(maps.Keys(e.profiles)) {
		p := e.profiles[name]
		if len(p.accepting) == 0 {
			continue
		}
		if first == nil {
			first = p
		}
		if m == nil {
			break
		}
		asked, _ := wire.Find[wire.SA](m.Payloads)
		if _, ok := p.config.IKE.Choose(asked, wire.ProtocolIKE); ok {
			return p
		}
	}
	return first
}

// halfOpen counts the IKE SAs that others have begun, and returns the peer whose
// is the oldest.
func (e *Engine) halfOpen() (total int, oldest *peer) {
	first := e.sinceBoot()
	for p := range e.beginners {
		n, since := p.session.HalfOpen()
		switch {
		case n == 0:
			delete(e.beginners, p)
		case oldest == nil || since < first:
			first, oldest = since, p
		}
		total += n
	}
	return total, oldest
}

// makeRoom forgets the oldest IKE SA that others have begun if there are too
// many.
func (e *Engine) makeRoom() {
	if n, oldest := e.halfOpen(); n >= maxHalfOpen {
		oldest.apply(oldest.session.Abandon(e.sinceBoot()))
		e.discard(oldest)
	}
}
