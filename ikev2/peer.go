package ikev2

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/udp"
)

// unwantedTime is how long a peer stays protected that nobody asks for any more:
// long enough for a restarted process to ask again.
const unwantedTime = 2 * time.Minute

// peer is a session and those who wait for it. All of it is guarded by the
// Engine's mu.
type peer struct {
	engine  *Engine
	log     *slog.Logger
	profile *profile
	addr    netip.Addr
	session *session.Session

	// replaced is closed when protection ends or begins anew; nil while there is
	// none.
	replaced chan struct{}
	// outcome is closed at the next success or failure; failure is what went
	// wrong, nil after a success.
	outcome chan struct{}
	failure error
	// unanswered is why protection ended although there are SAs, until somebody
	// has been told.
	unanswered error
	// interest are the contexts under which the peer's protection is wanted, with
	// the probes of those who want it, and unwantedSince is when the last of them
	// ended.
	interest      map[context.Context]func()
	unwantedSince session.Instant
	closing       bool
	// guest says that no profile names the peer: it came by itself, because of a
	// packet to it, or is another spoke that somebody wants to meet.
	guest bool
	// carried is how many packets its SAs had carried at the last check, and
	// carriedAt when there was traffic last.
	carried   uint64
	carriedAt session.Instant
	// missing are the SPIs of its SAs that the last check did not find.
	missing map[uint32]bool
}

func (e *Engine) newPeer(profile *profile, addr netip.Addr) *peer {
	p := &peer{
		engine: e, log: e.peerLog(profile, addr), profile: profile, addr: addr,
		outcome:  make(chan struct{}),
		interest: make(map[context.Context]func()), unwantedSince: e.sinceBoot(),
	}
	p.session = p.newSession()
	e.peers[addr] = p
	return p
}

func (e *Engine) peerLog(profile *profile, addr netip.Addr) *slog.Logger {
	return e.log.With("peer", addr, "profile", profile.name)
}

func (p *peer) newSession() *session.Session {
	return session.New(p.profile.sessionConfig(p.guest), p.addr, rand.Reader)
}

// apply does what the session asks for. The order keeps two promises: traffic
// is never without an SA, and nothing leaves the box that the checkpoint does
// not know.
func (p *peer) apply(effects session.Effects) {
	p.engine.changed()
	if n, _ := p.session.HalfOpen(); n > 0 {
		p.engine.beginners[p] = struct{}{}
	}
	if effects.Empty() || p.session.Peer() != p.addr && !p.relocate(effects) {
		return
	}
	kernel := p.engine.deps.Kernel
	failed := make(map[uint32]error)
	for _, sa := range effects.Install {
		if err := kernel.AddSA(kernelSA(sa)); err != nil {
			failed[sa.SPI] = err
		}
	}
	saved := p.engine.save(p)
	if saved != nil {
		p.log.Error("IKE stays silent, because its state cannot be kept", "err", saved)
	}
	for _, sa := range effects.Remove {
		p.deleteSA(kernelID(sa))
	}
	for _, sa := range effects.Update {
		if err := kernel.UpdateSA(kernelSA(sa)); err != nil {
			p.log.Warn("an SA does not follow the peer", "err", err)
		}
	}
	for _, move := range effects.Move {
		if err := kernel.MoveSA(kernelID(move.From), kernelSA(move.To)); err != nil {
			failed[move.To.SPI] = err
		}
	}
	var unsent []unsent
	if saved == nil {
		unsent = p.send(effects)
	}
	if effects.Probe || effects.MappingMoved {
		// Who sends the probe also learns by its answer where the peer sees us.
		p.probe()
	}
	if effects.MappingMoved {
		p.engine.mappingMoved()
	}
	if len(effects.Install)+len(effects.Remove) > 0 {
		p.engine.measure(p.profile)
	}
	for _, event := range effects.Events {
		if event.Kind != session.Up || len(failed) == 0 {
			p.event(event)
		}
	}
	for spi, err := range failed {
		p.apply(p.session.SAFailed(p.engine.sinceBoot(), spi, err))
	}
	for _, u := range unsent {
		p.apply(p.session.Unsent(p.engine.sinceBoot(), u.packet, u.cause))
	}
	if slices.ContainsFunc(effects.Events, session.Event.Settles) {
		p.leave()
	}
}

// unsent is a message that the uplink did not take.
type unsent struct {
	packet session.Packet
	cause  error
}

// send sends messages, and returns those that did not leave.
func (p *peer) send(effects session.Effects) (left []unsent) {
	socket := p.engine.socket
	if socket == nil {
		return nil
	}
	for _, packet := range effects.Send {
		if err := socket.Send(udp.Packet(packet)); err != nil {
			p.log.Debug("an IKE message was not sent", "err", err)
			left = append(left, unsent{packet, err})
		}
	}
	for _, packet := range effects.Keepalive {
		p.engine.keepalive(packet.Local, packet.Remote)
	}
	return left
}

func (p *peer) event(event session.Event) {
	if p.guest && len(p.interest) == 0 && p.replaced == nil && event.Kind != session.Up && !p.engine.words.Take(p.engine.sinceBoot()) {
		return // strangers must not fill the log
	}
	switch event.Kind {
	case session.Up:
		p.log.Info("IKE SA and child SA are up", "how", event.Text, "milestone", "ike")
		p.drop()
		p.keep()
		if p.guest {
			for _, came := range p.profile.accepting {
				came(p.addr)
			}
		}
	case session.Lost:
		if p.replaced == nil {
			return
		}
		level := slog.LevelWarn
		if p.closing {
			level = slog.LevelInfo
		}
		p.log.Log(context.Background(), level, "traffic is not protected any more, and so not sent", "why", event.Text)
		p.drop()
		if event.Unanswered {
			p.unanswered = errors.New(event.Text)
			p.engine.reach.silent = true
		}
	case session.Failed:
		p.log.Warn("IKE did not come up", "why", event.Text)
		if p.replaced == nil {
			p.settle(errors.New(event.Text))
		}
	case session.Warning:
		p.log.Warn(event.Text)
	case session.Note:
		p.log.Info(event.Text)
	}
}

// keep notes that the peer is protected.
func (p *peer) keep() {
	p.replaced, p.unanswered = make(chan struct{}), nil
	p.settle(nil)
}

// drop tells those who rely on the protection that there is another or none.
func (p *peer) drop() {
	if p.replaced != nil {
		close(p.replaced)
		p.replaced = nil
	}
}

// settle tells those who wait for protection how it went.
func (p *peer) settle(failure error) {
	p.failure = failure
	close(p.outcome)
	p.outcome = make(chan struct{})
}

// close says good-bye to the peer.
func (p *peer) close(now session.Instant) {
	p.closing = true
	p.apply(p.session.Close(now))
}

// deadline returns when something is to be done next, false for never.
func (p *peer) deadline() (at session.Instant, ok bool) {
	at, ok = p.session.Deadline()
	if release, unwanted := p.releaseAt(); unwanted && (!ok || release < at) {
		at, ok = release, true
	}
	return at, ok
}
