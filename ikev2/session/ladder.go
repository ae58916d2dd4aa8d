package session

import (
	"slices"
	"time"
)

// rung is how far we have gone to get answers through the SAs again. IKE may
// live while ESP is dead: a peer sends it to where a NAT had us before, has lost
// its SAs, or something on the way drops it. And ESP may be dead with IKE, while
// nothing but our own port is at fault.
//
//	calm ── traffic or IKE unanswered ──▶ asking ── IKE answers, ESP not ──▶ rekeying
//	asking ── IKE is silent ──▶ renewing        rekeying ── nothing ──▶ renewing
//	renewing ── up, had been silent ──▶ calm    renewing ── up ──▶ proving
//	renewing ── no answer ──▶ told              proving ── nothing ──▶ told
//	told ── after a pause, if IKE answers ──▶ renewing
//	any ── a packet arrives through an SA ──▶ calm
//
// A packet that is sure to be answered is asked for on every rung but calm, so
// that traffic which expects no answer leads nowhere. All of it takes less than
// 10 s, with Traffic told every second.
type rung int

const (
	rungCalm rung = iota
	rungAsking
	rungRekeying
	rungRenewing
	rungProving
	rungTold
)

// String returns the words an operator reads.
func (r rung) String() string {
	return [...]string{"answered", "asking the peer", "rekeying the child SA", "opening another IKE SA", "trying the new IKE SA", "unanswered"}[r]
}

// ladder is where we are.
type ladder struct {
	Rung rung
	// Since is when the rung was reached, Began when calm was left.
	Since, Began Instant
	// Unanswered is when the first packet left that nothing came back after, 0 for
	// none, and Packets how many have left since.
	Unanswered Instant
	Packets    uint64
	// Patience is how long that may last, if longer than answerTime.
	Patience time.Duration
	// Probes says that the peer would answer a probe.
	Probes bool
	// Child is the SPIIn of the child SA to be replaced, 0 once that is done.
	Child uint32
	// Silent says that IKE was silent as well, Lame that IKE works and ESP does
	// not, whatever we do, and Deaf that ESP works and IKE does not.
	Silent, Lame, Deaf bool
	// ProbeAt is when to ask for the next probe.
	ProbeAt Instant
	// RenewAt is when another IKE SA may be opened again, after Pause the next
	// time.
	RenewAt Instant
	Pause   time.Duration
	// Tried is what was done, in words.
	Tried []string
}

const (
	// silentTime is how long IKE must be silent before another IKE SA is opened:
	// three messages. hintedTime is enough if something says that the peer has
	// forgotten us.
	silentTime = 2 * time.Second
	hintedTime = time.Second
	// tellTime is how long that one may be silent, after which it is told.
	tellTime = 2500 * time.Millisecond
	// ikeTime is how long IKE may be silent while ESP works, or has nothing to do:
	// there is no haste.
	ikeTime = 8 * time.Second
	// espTime is how long ESP must bring nothing while IKE answers: two probes.
	espTime = 1500 * time.Millisecond
	// renewPause is between two new IKE SAs, so that a link that is merely bad
	// does not spend itself on them. A peer whose IKE works and whose ESP does not
	// gets the next one after lamePause, and then after twice the time.
	renewPause   = 10 * time.Second
	lamePause    = time.Minute
	maxLamePause = 15 * time.Minute
	// toldProbe is between the probes of a peer that is known not to answer.
	toldProbe = 5 * time.Second
)

// slow stretches a time for a peer whose answers take long, to four of its round
// trips. That is about the path: what an answer took because keys had to be
// exchanged does not count.
func (s *Session) slow(d time.Duration) time.Duration {
	return max(d, 4*min(s.state.RoundTrip.Shortest, maxWait/2))
}

// probe asks for a packet that the peer must answer, if there is one.
func (s *Session) probe() {
	l := &s.state.Ladder
	if !l.Probes || l.ProbeAt > s.now {
		return
	}
	s.out.Probe = true
	if l.Rung == rungTold {
		l.ProbeAt = s.now + toldProbe
	}
}

// climb goes to the next rung when its time has come.
func (s *Session) climb() {
	sa, c := s.up(), s.current()
	if sa == nil && s.authenticating() {
		return // the peer has deleted the old IKE SA in favour of the new one
	}
	if sa == nil || c == nil || !s.state.Wanted {
		s.state.Ladder = ladder{RenewAt: s.state.Ladder.RenewAt}
		return
	}
	l := &s.state.Ladder
	if l.Rung == rungRekeying && l.Child != 0 && c.SPIIn != l.Child {
		l.Child, l.Since = 0, s.now
		s.probe()
	}
	if l.Deaf && sa.Heard >= l.Since {
		s.abandon()
		s.calm()
	}
	if at, ok := s.climbAt(sa); !ok || at > s.now {
		return
	}
	switch l.Rung {
	case rungCalm:
		if r := sa.Request; r != nil && r.Tries > 1 && max(r.Since+ikeTime, l.RenewAt) <= s.now {
			l.Began, l.Silent, l.Deaf = r.Since, true, true
			s.replace(c)
			return
		}
		s.question(sa)
	case rungAsking:
		s.judge(sa, c)
	case rungRekeying:
		s.tried("nor after the child SA was rekeyed")
		s.replace(c)
	case rungRenewing:
		s.tried("and another IKE SA from a new port gets no answer")
		s.tell()
	case rungProving:
		s.lame()
		s.tell()
	case rungTold:
		s.replace(c)
	}
}

// climbAt returns when the next rung is due, unless something happens before.
func (s *Session) climbAt(sa *ikeSA) (at Instant, ok bool) {
	l := &s.state.Ladder
	switch l.Rung {
	case rungCalm:
		if l.Unanswered != 0 {
			at, ok = l.Unanswered+s.slow(l.patience()), true
		}
		if r := sa.Request; r != nil && r.Tries > 1 {
			asked := max(r.Since, l.Since) + s.slow(answerTime)
			if !ok || asked < at {
				at, ok = asked, true
			}
		}
		return at, ok
	case rungAsking:
		switch {
		case sa.Heard >= l.Since && l.Probes:
			return l.Since + s.slow(espTime), true
		case sa.Heard >= l.Since:
			return l.Since, true
		case sa.Suspect:
			return max(l.Since+s.slow(hintedTime), l.RenewAt), true
		case l.Unanswered == 0:
			return max(l.Since+s.slow(ikeTime), l.RenewAt), true
		}
		return max(l.Since+s.slow(silentTime), l.RenewAt), true
	case rungRekeying:
		if l.Child == 0 {
			return max(l.Since+s.slow(espTime), l.RenewAt), true
		}
		return max(l.Since+s.slow(silentTime), l.RenewAt), true
	case rungRenewing:
		at = l.Since + s.slow(tellTime)
		if s.authenticating() {
			at += s.slow(tellTime)
		}
		return at, !l.Deaf
	case rungProving:
		return l.Since + 2*s.slow(espTime), true
	}
	return l.RenewAt, l.Lame
}

// authenticating reports whether the peer answers an attempt to open an IKE SA.
func (s *Session) authenticating() bool {
	return slices.ContainsFunc(s.state.SAs, func(sa *ikeSA) bool { return sa.Stage == stageAuthenticating })
}

func (l *ladder) enter(r rung, now Instant) { l.Rung, l.Since = r, now }
