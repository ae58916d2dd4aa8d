package ikev2

import (
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/wire"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// idleTime is how long a guest stays that neither sends nor is sent anything.
const idleTime = 10 * time.Minute

// newGuest adds a peer that no profile names.
func (e *Engine) newGuest(profile *profile, addr netip.Addr) *peer {
	p := e.newPeer(profile, addr)
	p.guest = true
	p.session = p.newSession()
	p.apply(p.session.Uplink(e.sinceBoot(), e.local))
	return p
}

// sessionConfig returns what a session of the profile goes by. A guest is whoever
// knows the key.
func (p *profile) sessionConfig(guest bool) session.Config {
	c := p.config
	if guest {
		c.RemoteID, c.AnyRemoteID = wire.ID{}, true
	}
	return c
}

// name makes a guest a peer that somebody asked for, and so one that must prove
// the identity that the profile demands.
func (p *peer) name() {
	if !p.guest {
		return
	}
	p.guest = false
	p.session = session.Restore(p.profile.sessionConfig(p.guest), p.session.State(), rand.Reader)
	if !p.session.Proven() {
		p.log.Info("the peer came by itself as somebody else than the profile demands; calling it")
		p.apply(p.session.Close(p.engine.sinceBoot()))
	}
}

// unname makes a peer that nobody asks for by name a guest.
func (p *peer) unname() {
	p.guest = true
	p.session = session.Restore(p.profile.sessionConfig(p.guest), p.session.State(), rand.Reader)
}

// release deals with a peer that nobody has wanted for long. If it still carries
// traffic and guests are welcome, it becomes one; else it is closed.
func (p *peer) release(now session.Instant) {
	at, unwanted := p.releaseAt()
	switch {
	case !unwanted || at > now:
	case !p.guest && len(p.profile.accepting) > 0 && p.carriedAt+unwantedTime > now:
		p.unname()
		p.apply(p.session.Forgo(now))
	default:
		p.close(now)
	}
}

func (p *peer) releaseAt() (at session.Instant, unwanted bool) {
	at = p.unwantedSince + unwantedTime
	if p.guest {
		at = max(p.unwantedSince, p.carriedAt) + idleTime
	}
	return at, len(p.interest) == 0 && !p.closing
}

// leave lets a guest be lost for good from now on, unless somebody wants to meet
// it: it was called once, because of a packet to it.
func (p *peer) leave() {
	if p.guest && len(p.interest) == 0 && p.session.Wanted() {
		p.apply(p.session.Forgo(p.engine.sinceBoot()))
	}
}

// relocate notes that a guest is at another address than before, and reports
// false if it cannot go on there.
func (p *peer) relocate(effects session.Effects) bool {
	e, from, to := p.engine, p.addr, p.session.Peer()
	delete(e.peers, from)
	e.forget(from)
	if other, taken := e.peers[to]; taken {
		p.log.Warn("the peer's NAT has moved it to the public address of another peer, and ESP in transport mode cannot tell the two apart: its SAs end",
			"to", to, "other", other.session.Status(e.sinceBoot()).Identity)
		for _, sa := range p.session.InstalledSAs() {
			p.deleteSA(kernelID(sa))
		}
		for _, move := range effects.Move {
			p.deleteSA(kernelID(move.From))
		}
		p.drop()
		return false
	}
	p.addr, p.log = to, e.peerLog(p.profile, to)
	e.peers[to] = p
	return true
}

func (p *peer) deleteSA(id xfrm.ID) {
	if err := p.engine.deps.Kernel.DeleteSA(id); err != nil {
		p.log.Warn("an SA stays behind", "err", err)
	}
}

// acquire opens SAs to a peer to which the kernel wants to send GRE: at once if
// it is known, and as a guest if it is not.
func (e *Engine) acquire(event xfrm.Acquire) {
	if event.ReqID != ReqID || !e.local.IsValid() || event.Src != e.local {
		return // of another underlay, or of another program
	}
	now := e.sinceBoot()
	if p, ok := e.peers[event.Dst]; ok {
		if p.guest && !p.closing && p.replaced == nil {
			p.apply(p.session.Want(now))
		}
		p.apply(p.session.Hurry(now))
		return
	}
	host := e.host(nil)
	if host == nil || event.Dst == e.local || !callable(event.Dst) {
		return
	}
	p := e.newGuest(host, event.Dst)
	p.log.Info("traffic to the peer waits: calling it")
	p.apply(p.session.Want(now))
}

// callable reports whether an address can be a peer's.
func callable(a netip.Addr) bool {
	return a.Is4() && a.IsGlobalUnicast()
}
