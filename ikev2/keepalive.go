package ikev2

import (
	"cmp"
	"crypto/rand"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/keepalive"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/udp"
)

// translator is what is known of the NATs before one uplink. All of it is guarded
// by the Engine's mu.
type translator struct {
	learner *keepalive.Learner
	// path is along which the learner asks.
	path keepalive.Path
	// keepalives counts those sent since the process began.
	keepalives uint64
}

func (e *Engine) translatorsName() string { return "ikev2-nat-" + e.vrf }

// restoreTranslators reads what an earlier process has learned, by uplink.
func (e *Engine) restoreTranslators() {
	states := make(map[string]keepalive.State)
	if _, err := e.deps.Checkpoint.Load(e.translatorsName(), &states); err != nil {
		e.log.Warn("what was learned of the NATs cannot be read and is learned anew", "err", err)
	}
	e.translators = make(map[string]*translator)
	for uplink, state := range states {
		e.translators[uplink] = &translator{learner: keepalive.New(e.timing, state, rand.Reader)}
	}
}

// saveTranslators keeps what was learned. Nothing depends on it, so that a
// failure costs no more than learning it anew.
func (e *Engine) saveTranslators() {
	states := make(map[string]keepalive.State)
	for uplink, t := range e.translators {
		states[uplink] = t.learner.State()
	}
	if err := e.deps.Checkpoint.Save(e.translatorsName(), states); err != nil {
		e.log.Warn("what was learned of the NATs is lost with the process", "err", err)
	}
}

// translator returns that of the present uplink, nil while there is none.
func (e *Engine) translator() *translator {
	if !e.local.IsValid() {
		return nil
	}
	t, ok := e.translators[e.uplink]
	if !ok {
		t = &translator{learner: keepalive.New(e.timing, keepalive.State{}, rand.Reader)}
		e.translators[e.uplink] = t
	}
	return t
}

// setUplink notes by which uplink we are about to be reached. What another one's
// learner was about to find out is lost with its flow.
func (e *Engine) setUplink(name string, local netip.Addr) {
	if name == e.uplink && local == e.local {
		return
	}
	if t := e.translator(); t != nil {
		t.path = keepalive.Path{}
		e.applyLearned(t, t.learner.Follow(e.sinceBoot(), t.path))
	}
	e.uplink = name
}

// learn lets time pass in the learner of the present uplink, tells the sessions
// what it has found out, and returns when it wants to be called again.
func (e *Engine) learn(now session.Instant) (at session.Instant, ok bool) {
	t := e.translator()
	if t == nil {
		return 0, false
	}
	t.path = e.pathToAsk(t.path)
	e.applyLearned(t, t.learner.Follow(now, t.path))
	if at, ok := t.learner.Deadline(); ok && at <= now {
		e.applyLearned(t, t.learner.Tick(now))
	}
	for _, p := range e.peers {
		if interval := t.learner.Interval(); p.session.KeepaliveInterval() != interval {
			p.apply(p.session.KeepaliveEvery(now, interval))
		}
	}
	return t.learner.Deadline()
}

// pathToAsk returns the path to a peer that sees us behind a NAT: the present one
// for as long as it is of use, so that one search asks one peer.
func (e *Engine) pathToAsk(present keepalive.Path) keepalive.Path {
	var paths []keepalive.Path
	for _, p := range e.peers {
		if public, ok := p.session.BehindNAT(); ok {
			paths = append(paths, keepalive.Path{Local: e.local, Public: public, Peer: p.addr, Offer: p.profile.config.IKE})
		}
	}
	if len(paths) == 0 {
		return keepalive.Path{}
	}
	return slices.MinFunc(paths, func(a, b keepalive.Path) int {
		return cmp.Or(preferred(b, present)-preferred(a, present), a.Peer.Compare(b.Peer))
	})
}

// preferred is the higher the less a path differs from the present one.
func preferred(p, present keepalive.Path) int {
	switch {
	case p.Peer == present.Peer:
		return 2
	case p.Public == present.Public:
		return 1
	}
	return 0
}

// mappingMoved notes that a NAT has forgotten a session's mapping.
func (e *Engine) mappingMoved() {
	if t := e.translator(); t != nil {
		e.applyLearned(t, t.learner.Refute(e.sinceBoot()))
	}
}

// applyLearned does what a learner asks for.
func (e *Engine) applyLearned(t *translator, effects keepalive.Effects) {
	if effects.Note != "" {
		e.log.Info(effects.Note, "uplink", e.uplink)
	}
	if effects.Changed {
		e.saveTranslators()
	}
	if e.socket == nil {
		return
	}
	for _, packet := range effects.Send {
		if err := e.socket.Send(udp.Packet(packet)); err != nil {
			e.log.Debug("a question about the NAT was not sent", "err", err)
		}
	}
	for _, packet := range effects.Keepalive {
		e.keepalive(packet.Local, packet.Remote)
	}
}

// keepalive sends the octet that keeps a mapping alive.
func (e *Engine) keepalive(local, remote netip.AddrPort) {
	if err := e.socket.Keepalive(local, remote); err != nil {
		e.log.Debug("a NAT keepalive was not sent", "remote", remote, "err", err)
		return
	}
	if t := e.translator(); t != nil {
		t.keepalives++
	}
}

// answered gives a packet to the learner whose scratch port it came to, and
// reports whether there is one.
func (e *Engine) answered(packet udp.Packet) bool {
	t := e.translator()
	if t == nil {
		return false
	}
	port, ok := t.learner.Port()
	if !ok || port != packet.Local.Port() {
		return false
	}
	defer e.guard(packet, e.log, func() { t.learner = keepalive.New(e.timing, t.learner.State(), rand.Reader) })
	e.applyLearned(t, t.learner.Receive(e.sinceBoot(), keepalive.Packet(packet)))
	e.changed()
	return true
}

// TranslatorStatus is what is known of the NATs before one uplink.
type TranslatorStatus struct {
	Uplink string     `json:"uplink"`
	Public netip.Addr `json:"public,omitzero"`
	keepalive.Status
	// Keepalives counts those sent since the process began.
	Keepalives uint64 `json:"keepalives"`
}

// translatorStatus returns those of the uplinks that have a NAT before them.
func (e *Engine) translatorStatus() []TranslatorStatus {
	var all []TranslatorStatus
	for uplink, t := range e.translators {
		if public := t.learner.State().Public; public.IsValid() {
			all = append(all, TranslatorStatus{Uplink: uplink, Public: public, Status: t.learner.Status(), Keepalives: t.keepalives})
		}
	}
	slices.SortFunc(all, func(a, b TranslatorStatus) int { return cmp.Compare(a.Uplink, b.Uplink) })
	return all
}
