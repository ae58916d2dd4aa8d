package session

import (
	"bytes"
	"time"
)

// Retransmission of requests (RFC 7296 section 2.1), made for a radio link: the
// first repetition comes when an answer of this peer is overdue, the further
// ones slower up to a cap. A dead peer thus costs at most maxTries messages and
// 19 to 25 s.
const (
	// minWait is also the wait while nothing has been measured. A seventh is added
	// to every wait at most.
	minWait = 500 * time.Millisecond
	maxWait = 3500 * time.Millisecond
	// leastVariation is what even a steady peer's answers vary by.
	leastVariation = 100 * time.Millisecond
	maxTries       = 8
	giveUp         = 25 * time.Second
	// openTries are for an IKE SA that is not up yet, about 10 s: the next attempt
	// costs nothing more, and may go by another port.
	openTries = 7
	// glanceTries are for an attempt that only looks whether something has
	// changed.
	glanceTries = 2
	// suspectTries is enough when something unauthenticated says the peer has
	// forgotten us.
	suspectTries = 3
	// unsentPause comes before a message is tried again that the uplink did not
	// take; as nothing leaves the box, it costs nothing.
	unsentPause = time.Second
)

// roundTrip is how long answers of the peer take, estimated by RFC 6298.
type roundTrip struct {
	Smoothed, Variation time.Duration
	// Shortest is the shortest of late, free of what a key exchange takes the peer.
	Shortest time.Duration
	// Least holds until the next sample, after an answer that was none.
	Least time.Duration
}

// measure takes one more sample.
func (r *roundTrip) measure(sample time.Duration) {
	r.Least = 0
	if r.Smoothed == 0 {
		r.Smoothed, r.Variation, r.Shortest = sample, sample/2, sample
		return
	}
	r.Shortest = min(sample, r.Shortest+r.Shortest/8)
	if r.Shortest == 0 { // a record of before it was kept
		r.Shortest = sample
	}
	r.Variation += ((r.Smoothed - sample).Abs() - r.Variation) / 4
	r.Smoothed += (sample - r.Smoothed) / 8
}

// overdue is how long after a request its answer is overdue.
func (r *roundTrip) overdue() time.Duration {
	return min(max(r.Smoothed+max(4*r.Variation, leastVariation), r.Least, minWait), maxWait)
}

// answered notes that the answer to r has come. If r was repeated nobody knows
// which copy was answered, so that it is no sample (Karn's algorithm). If it comes
// sooner after the last copy than answers do, that copy was in vain, and the next
// request waits long enough to be a sample.
func (s *Session) answered(r *request) {
	switch trip := &s.state.RoundTrip; {
	case r.Tries == 1 && r.Unsent == 0:
		trip.measure(s.now - r.Since)
	case s.now-r.Sent < trip.Smoothed/2 || trip.Smoothed == 0:
		trip.Least = 2 * (s.now - r.Since)
	}
}

// send sends the outstanding request and sets when to send it again.
func (s *Session) send(sa *ikeSA, r *request) {
	if r.Tries == 0 {
		r.Since = s.now
	}
	wait := s.state.RoundTrip.overdue()
	for range r.Tries {
		if sa.Stage < stageUp {
			wait = min(wait*4/3, maxWait) // traffic waits for it
		} else {
			wait = min(wait*9/5, maxWait)
		}
	}
	r.Tries++
	r.Sent = s.now
	r.Due = s.now + s.jitter(wait*8/7, 8)
	s.transmit(sa, r.Packet)
}

func (s *Session) transmit(sa *ikeSA, data []byte) {
	sa.Said = s.now
	s.out.Send = append(s.out.Send, Packet{Local: sa.Local, Remote: sa.Remote, Data: data})
}

// Unsent tells that the uplink did not take a packet, as it has no route or its
// link is gone. That says nothing about the peer and does not count as a try:
// the packet is sent again until it leaves.
func (s *Session) Unsent(now Instant, p Packet, cause error) Effects {
	return s.step(now, func() {
		for _, sa := range s.state.SAs {
			r := sa.Request
			if r == nil || r.Tries == 0 || !bytes.Equal(r.Packet, p.Data) {
				continue
			}
			r.Tries--
			r.Unsent++
			r.Since, r.Due = now, now+unsentPause
			if r.Unsent%int(giveUp/unsentPause) == 0 {
				s.state.LastError = "messages to peer " + s.peer() + " cannot leave the box: " + cause.Error()
				s.event(Failed, "%s", s.state.LastError)
			}
		}
	})
}

// resend repeats the outstanding requests at once, as the first time.
func (s *Session) resend() {
	for _, sa := range s.state.SAs {
		if sa.Request != nil {
			sa.Request.Tries, sa.Request.Due = 0, s.now
		}
	}
}

// retransmit repeats the outstanding request when it is due, and draws the
// conclusion when it was repeated often enough.
func (s *Session) retransmit(sa *ikeSA) {
	r := sa.Request
	switch {
	case r == nil || r.Due > s.now:
		return
	case sa.Stage == stageOpening && sa.Handshake.Hint != "":
		s.askRefuser(sa, r)
		return
	}
	if r.Tries > 0 {
		r.Since += s.now - r.Due // while we stand still the peer is not silent
	}
	if r.Tries < s.tries(sa) && (r.Tries == 0 || s.now-r.Since < giveUp) {
		if r.Tries > 0 {
			s.state.Counters.Retransmissions++
		}
		s.send(sa, r)
		return
	}
	switch sa.Stage {
	case stageOpening:
		s.silent(sa, "peer %s does not answer on UDP port %d; is it reachable, and does it speak IKEv2?%s", s.peer(), sa.Remote.Port(), s.translation(sa))
	case stageAuthenticating:
		s.state.Escape = true
		s.silent(sa, "peer %s answered IKE_SA_INIT but not IKE_AUTH; is UDP port %d filtered on the way?%s", s.peer(), sa.Remote.Port(), s.translation(sa))
	case stageClosing:
		s.remove(sa)
	default:
		s.lose(sa, "peer %s has stopped answering", s.peer())
	}
}

// askRefuser repeats a request that was refused by somebody, the peer or not,
// until the refusal has to be believed.
func (s *Session) askRefuser(sa *ikeSA, r *request) {
	h := sa.Handshake
	if s.now >= h.HintedUntil {
		s.fail(sa, "%s", h.Hint)
		return
	}
	s.state.Counters.Retransmissions++
	r.Tries++
	r.Sent, r.Due = s.now, min(s.now+s.jitter(hintRepeat, 8), h.HintedUntil)
	s.transmit(sa, r.Packet)
}

// tries returns how often the outstanding request of an IKE SA may be sent.
func (s *Session) tries(sa *ikeSA) int {
	switch {
	case sa.Stage == stageOpening && (sa.Glance || s.longDown()):
		return glanceTries
	case sa.Stage == stageOpening, sa.Stage == stageAuthenticating:
		return openTries
	case sa.Suspect:
		return suspectTries
	}
	return maxTries
}
