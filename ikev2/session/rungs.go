package session

import (
	"fmt"
	"strings"
	"time"
)

// question asks by a packet and by IKE at once.
func (s *Session) question(sa *ikeSA) {
	l := &s.state.Ladder
	l.enter(rungAsking, s.now)
	l.Began = s.now
	s.probe()
	if l.Unanswered == 0 {
		return
	}
	l.Began = l.Unanswered
	if r := sa.Request; r != nil && r.Tries < s.tries(sa) {
		r.Due = s.now // once, whatever the wait has come to
	}
}

// questioned reports whether IKE is to answer on behalf of the ladder.
func (s *Session) questioned(sa *ikeSA) bool {
	l := &s.state.Ladder
	return l.Rung == rungAsking && sa.Heard < l.Since && sa == s.up()
}

// judge draws the conclusion from what IKE answered, or did not.
func (s *Session) judge(sa *ikeSA, c *childSA) {
	l := &s.state.Ladder
	switch {
	case sa.Heard < l.Since:
		l.Silent = true
		s.replace(c)
	case !l.Probes:
		// The peer lives, and nothing says that it should have sent ESP.
		s.expected()
	default:
		s.tried("not to a packet that the peer must answer")
		s.event(Note, "peer %s answers by IKE, but for %s nothing has come back through ESP; rekeying the child SA", s.peer(), seconds(s.now-l.Began))
		l.enter(rungRekeying, s.now)
		l.Child, c.RekeyAt = c.SPIIn, s.now
	}
}

// replace opens another IKE SA from another port, beside the present one, which
// stays until the new one is up or its own time has come.
func (s *Session) replace(c *childSA) {
	l := &s.state.Ladder
	again := l.Rung == rungTold
	l.enter(rungRenewing, s.now)
	l.RenewAt = s.now + renewPause
	s.state.Renew, s.state.Escape, s.state.RetryAt = true, true, s.now
	if !l.Silent {
		s.state.Pretend = !c.Encap // something on the way may drop ESP outside UDP
	}
	switch {
	case again:
	case l.Deaf:
		s.event(Note, "peer %s answers through ESP, but not by IKE for %s; opening another IKE SA from a new port", s.peer(), seconds(s.now-l.Began))
	case l.Silent:
		s.event(Note, "peer %s has been silent for %s; opening another IKE SA from a new port", s.peer(), seconds(s.now-l.Began))
	default:
		s.event(Note, "nothing has come back through a new child SA with %s either; opening another IKE SA from a new port", s.peer())
	}
}

// replaced goes on once another IKE SA is up, and reports whether its traffic
// can be counted on.
func (s *Session) replaced(sa *ikeSA) bool {
	l := &s.state.Ladder
	if l.Rung >= rungRenewing && !l.Silent {
		s.tried(fmt.Sprintf("nor through another IKE SA from UDP port %d", sa.Local.Port()))
		l.enter(rungProving, s.now)
		s.probe()
		return !l.Lame
	}
	s.state.Ladder = ladder{Since: s.now, RenewAt: l.RenewAt, Probes: l.Probes}
	return true
}

// lame notes that a peer answers by IKE and never through ESP. It is tried anew
// now and then, for the fault may be its own and be mended.
func (s *Session) lame() {
	l := &s.state.Ladder
	l.Lame = true
	l.Pause = min(max(2*l.Pause, lamePause), maxLamePause)
	l.RenewAt = s.now + l.Pause
}

// tell says that traffic is not answered, to whoever could take it elsewhere. We
// go on trying.
func (s *Session) tell() {
	s.state.Ladder.enter(rungTold, s.now)
	if !s.state.Protected {
		return
	}
	s.state.Protected = false
	s.state.LastError = s.story()
	s.out.Events = append(s.out.Events, Event{Kind: Lost, Text: s.state.LastError, Unanswered: true})
}

// tried keeps what was done for the story, until that is told.
func (s *Session) tried(what string) {
	if s.state.Protected {
		s.state.Ladder.Tried = append(s.state.Ladder.Tried, what)
	}
}

// story is what happened, in one sentence.
func (s *Session) story() string {
	l := &s.state.Ladder
	lasted := seconds(s.now - l.Began)
	if l.Silent {
		return fmt.Sprintf("peer %s has been silent for %s: no answer comes through ESP, by IKE, or by IKE from a new port", s.peer(), lasted)
	}
	return fmt.Sprintf("peer %s answers by IKE, but for %s nothing has come back through ESP, %s; is ESP filtered on the way, or the peer's tunnel or NHRP down?",
		s.peer(), lasted, strings.Join(l.Tried, ", "))
}

// flows notes that so many packets came through an SA.
func (s *Session) flows(packets uint64) {
	l := &s.state.Ladder
	was := l.Rung
	if l.Deaf {
		l.Unanswered = 0 // which is known, and IKE still needs another SA
		return
	}
	if was == rungAsking && packets <= 2 { // nothing but the answer to the probe
		s.expected()
		return
	}
	if was == rungRenewing || was == rungTold {
		s.abandon()
	}
	if was == rungRekeying {
		s.moved()
	}
	if was >= rungRekeying {
		s.event(Note, "traffic with peer %s is answered again after %s", s.peer(), seconds(s.now-l.Began))
		s.state.LastError = ""
	}
	s.calm()
	if c := s.current(); c != nil && !s.state.Protected && s.state.Wanted {
		s.protected(c)
	}
}

// expected ends the ladder where it began, as the traffic turns out to be of a
// kind that nobody answers.
func (s *Session) expected() {
	patience := min(2*s.state.Ladder.patience(), max(s.config.DPD, answerTime))
	s.calm()
	s.state.Ladder.Patience = patience
}

// calm ends the ladder. What one fault has cost does not slow the way up at the
// next by more than renewPause.
func (s *Session) calm() {
	l := &s.state.Ladder
	if l.Rung == rungCalm {
		l.Unanswered, l.Packets, l.Patience = 0, 0, 0
		return
	}
	s.state.Ladder = ladder{Since: s.now, RenewAt: min(l.RenewAt, s.now+renewPause), Probes: l.Probes}
}

// abandon ends the attempt to open another IKE SA, which is not needed any more.
// One that the peer is already working on comes up and takes over.
func (s *Session) abandon() {
	s.state.Renew, s.state.Escape, s.state.Silent = false, false, 0
	for _, sa := range s.each() {
		if sa.Stage == stageOpening {
			s.remove(sa)
		}
	}
}

func seconds(d time.Duration) time.Duration { return d.Round(time.Second) }
