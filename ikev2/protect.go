package ikev2

import (
	"context"
	"fmt"
	"net/netip"
)

// Protector protects peers by one profile.
type Protector struct {
	engine  *Engine
	profile *profile
}

// Profile returns the Protector of the profile of the given name.
func (e *Engine) Profile(name string) (*Protector, error) {
	p, ok := e.profiles[name]
	if !ok {
		return nil, fmt.Errorf("there is no IPsec profile %s", name)
	}
	return &Protector{engine: e, profile: p}, nil
}

// Protect blocks until GRE to and from peer is protected. The channel it returns
// is closed when the protection is lost, or when a newly authenticated IKE SA
// took its place; rekeying does neither. An SA that an earlier process left and
// this one took over counts as not new.
//
// The error is about the attempt that failed while Protect waited, in the
// operator's words. The Engine goes on trying, with back-off, for as long as
// ctx lives; call Protect again to wait for the next outcome. When protection
// was lost because the peer answers nothing any more, the next call returns that
// at once, as its name may lead elsewhere by now.
//
// For as long as ctx lives the Engine calls probe when it wants to know whether
// the SAs carry anything: probe sends a packet that the peer is sure to answer
// through them. It must return at once, and must not call the Engine. Without
// one, nil, only IKE tells whether the peer lives.
func (p *Protector) Protect(ctx context.Context, addr netip.Addr, probe func()) (replaced <-chan struct{}, err error) {
	return p.protect(ctx, addr, probe, true)
}

// Meet is Protect for a peer that the profile does not mean by its remote
// identity: another spoke of the cloud. As with Accept it has to know the
// pre-shared key.
func (p *Protector) Meet(ctx context.Context, addr netip.Addr, probe func()) (replaced <-chan struct{}, err error) {
	return p.protect(ctx, addr, probe, false)
}

func (p *Protector) protect(ctx context.Context, addr netip.Addr, probe func(), named bool) (replaced <-chan struct{}, err error) {
	e := p.engine
	select {
	case <-e.restored:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	peer, ok := e.peers[addr]
	if !ok {
		if !addr.Is4() {
			return nil, fmt.Errorf("protect %s: only IPv4 is carried", addr)
		}
		if named {
			peer = e.newPeer(p.profile, addr)
			peer.apply(peer.session.Uplink(e.sinceBoot(), e.local))
		} else {
			peer = e.newGuest(p.profile, addr)
		}
	}
	if peer.profile != p.profile {
		return nil, fmt.Errorf("protect %s: profile %s protects it already, so %s cannot", addr, peer.profile.name, p.profile.name)
	}
	switch {
	case named:
		peer.name()
	case !peer.guest && len(peer.interest) == 0:
		peer.unname()
	}
	peer.want(ctx, probe)
	if err := peer.unanswered; err != nil {
		peer.unanswered = nil
		return nil, err
	}
	for peer.replaced == nil {
		outcome := peer.outcome
		e.mu.Unlock()
		select {
		case <-outcome:
		case <-ctx.Done():
		}
		e.mu.Lock()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case peer.failure != nil:
			return nil, peer.failure
		}
	}
	return peer.replaced, nil
}

// want notes that the peer is wanted for as long as ctx lives.
func (p *peer) want(ctx context.Context, probe func()) {
	if _, ok := p.interest[ctx]; !ok {
		p.interest[ctx] = probe
		context.AfterFunc(ctx, func() {
			p.engine.mu.Lock()
			defer p.engine.mu.Unlock()
			delete(p.interest, ctx)
			p.unwantedSince = p.engine.sinceBoot()
			p.leave()
			p.engine.changed()
		})
	}
	p.closing = false
	p.apply(p.session.Want(p.engine.sinceBoot()))
}

// SeenAs tells under which address a peer sees us, which traffic it protects has
// brought to light. It helps to learn about the NATs between.
func (p *Protector) SeenAs(peer, public netip.Addr) {
	e := p.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if peer, ok := e.peers[peer]; ok {
		peer.apply(peer.session.SeenAs(e.sinceBoot(), public))
	}
}
