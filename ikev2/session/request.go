package session

import (
	"bytes"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// ask is the purpose of a request.
type ask int

const (
	askInit ask = iota
	askAuth
	askCreateChild
	askRekeyChild
	askDeleteChild
	askRekeyIKE
	askDeleteIKE
	askLiveness
)

// request is the one that is outstanding on an IKE SA.
type request struct {
	Kind     ask
	Exchange wire.ExchangeType
	ID       uint32
	Packet   []byte
	Tries    int
	Due      Instant

	// What an answer needs: our halves of the key exchange, and the SPI of what
	// is being made.
	Share    suite.KeyShare
	Nonce    []byte
	SPI      uint64
	ChildSPI uint32
	// Old is the SPIIn of the child SA to be rekeyed or deleted.
	Old uint32
	// Rival is what the peer made at the same time for the same purpose.
	Rival *rival
	// Rounds counts INVALID_KE_PAYLOAD.
	Rounds int
}

// rival is the product of a simultaneous rekeying (RFC 7296 section 2.8.1).
type rival struct {
	// SPI is ours, of the IKE SA or the inbound child SA.
	SPI uint64
	// Lowest is the lower of its two nonces.
	Lowest []byte
}

func lower(a, b []byte) []byte {
	if bytes.Compare(a, b) <= 0 {
		return a
	}
	return b
}

// ask sends a request under the next message id.
func (s *Session) ask(sa *ikeSA, r *request, exchange wire.ExchangeType, payloads ...wire.Payload) {
	h := wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr, Exchange: exchange, MessageID: sa.NextID}
	if sa.Initiator {
		h.Flags = wire.FlagInitiator
	}
	r.ID, r.Exchange, r.Packet = h.MessageID, exchange, s.seal(sa, h, payloads)
	sa.NextID++
	sa.Request = r
	s.send(sa, r)
}

func (s *Session) seal(sa *ikeSA, h wire.Header, payloads []wire.Payload) []byte {
	b, err := sa.Suite.Seal(h, payloads, sa.sendKeys(), s.random)
	if err != nil {
		panic("session: " + err.Error()) // as in draw
	}
	return b
}

// send sends the outstanding request and sets when to send it again.
func (s *Session) send(sa *ikeSA, r *request) {
	wait := firstWait
	for range r.Tries {
		wait = min(wait*9/5, maxWait)
	}
	r.Tries++
	r.Due = s.now + s.jitter(wait, 8)
	s.transmit(sa, r.Packet)
}

func (s *Session) transmit(sa *ikeSA, data []byte) {
	sa.Said = s.now
	s.out.Send = append(s.out.Send, Packet{Local: sa.Local, Remote: sa.Remote, Data: data})
}

// retransmit repeats the outstanding request when it is due, and draws the
// conclusion when it was repeated often enough.
func (s *Session) retransmit(sa *ikeSA) {
	r := sa.Request
	if r == nil || r.Due > s.now {
		return
	}
	limit := maxTries
	if sa.Suspect {
		limit = suspectTries
	}
	if r.Tries < limit {
		s.state.Counters.Retransmissions++
		s.send(sa, r)
		return
	}
	peer := s.peer()
	switch sa.Stage {
	case stageOpening:
		if hint := sa.Handshake.Hint; hint != "" {
			s.fail(sa, "%s", hint)
			return
		}
		s.fail(sa, "peer %s does not answer on UDP port %d; is it reachable, and does it speak IKEv2?", peer, sa.Remote.Port())
	case stageAuthenticating:
		s.fail(sa, "peer %s answered IKE_SA_INIT but not IKE_AUTH; is UDP port %d filtered on the way?", peer, sa.Remote.Port())
	case stageClosing:
		s.remove(sa)
	default:
		s.lose(sa, "peer %s has stopped answering", peer)
	}
}

// pump begins whatever is next on an IKE SA that has no request outstanding. What
// is next follows from the state alone, so nothing is queued.
func (s *Session) pump(sa *ikeSA) {
	if sa.Request != nil {
		return
	}
	switch sa.Stage {
	case stageClosing:
		s.deleteIKE(sa)
	case stageUp:
		s.pumpUp(sa)
	}
}

func (s *Session) pumpUp(sa *ikeSA) {
	for _, c := range s.children() {
		if c.Owner == sa.localSPI() && c.Delete {
			s.deleteChild(sa, c)
			return
		}
	}
	switch due := s.childDue(sa); {
	case s.lacksChild(sa) && sa.CreateAt <= s.now:
		s.createChild(sa)
	case due != nil && due != s.current():
		// The peer made another beside it: one is enough.
		s.retire(due)
		due.Delete = true
		s.deleteChild(sa, due)
	case due != nil:
		s.rekeyChild(sa, due, 0)
	case sa.RekeyAt <= s.now:
		s.rekeyIKE(sa, suite.GroupID(sa.Suite.Group.ID), 0)
	case sa.Heard+s.config.DPD <= s.now || sa.Suspect:
		s.ask(sa, &request{Kind: askLiveness}, wire.Informational)
	}
}

// lacksChild reports whether a child SA is to be asked for.
func (s *Session) lacksChild(sa *ikeSA) bool {
	return s.state.Wanted && !slices.ContainsFunc(s.state.Children, func(c *childSA) bool {
		return c.Owner == sa.localSPI() && !c.Retired
	})
}

// childDue returns a child SA that is to be rekeyed now.
func (s *Session) childDue(sa *ikeSA) *childSA {
	for _, c := range s.state.Children {
		if c.Owner == sa.localSPI() && c.rekeyable() && c.RekeyAt <= s.now {
			return c
		}
	}
	return nil
}

// rekeyable reports whether c is in use and not on its way out.
func (c *childSA) rekeyable() bool { return c.HasOut && !c.Retired && !c.Delete }

// expire ends what has lasted too long.
func (s *Session) expire() {
	for _, c := range s.children() {
		switch {
		case c.RemoveAt != 0 && c.RemoveAt <= s.now:
			s.removeChild(c)
		case c.ActivateAt != 0 && c.ActivateAt <= s.now:
			s.activate(c)
		case c.HardAt <= s.now && !c.Retired:
			s.removeChild(c)
			if sa := s.bySPI(c.Owner); sa != nil && s.current() == nil {
				s.lose(sa, "the child SA reached the end of its lifetime; peer %s let us not rekey it", s.peer())
			}
		}
	}
	for _, sa := range s.each() {
		if sa.GoneAt != 0 && sa.GoneAt <= s.now {
			s.remove(sa)
		}
	}
}

// keepalives keep the mapping of a NAT before us while nothing else is sent by
// IKE (RFC 3948 section 4).
func (s *Session) keepalives() {
	for _, sa := range s.state.SAs {
		if sa.Stage == stageUp && sa.NATLocal && sa.Said+keepaliveInterval <= s.now {
			sa.Said = s.now
			s.out.Keepalive = append(s.out.Keepalive, Packet{Local: sa.Local, Remote: sa.Remote})
		}
	}
}

// Deadline returns when Tick must be called at the latest, false for never.
func (s *Session) Deadline() (at Instant, ok bool) {
	earliest := func(t Instant) {
		if !ok || t < at {
			at, ok = t, true
		}
	}
	online := s.state.Local.IsValid()
	if online && s.state.Wanted && s.wantsAttempt() {
		earliest(s.state.RetryAt)
	}
	for _, c := range s.state.Children {
		if c.RemoveAt != 0 {
			earliest(c.RemoveAt)
		}
		if c.ActivateAt != 0 {
			earliest(c.ActivateAt)
		}
		if !c.Retired {
			earliest(c.HardAt)
		}
	}
	for _, sa := range s.state.SAs {
		if sa.GoneAt != 0 {
			earliest(sa.GoneAt)
		}
		if !online {
			continue
		}
		if sa.Stage == stageUp && sa.NATLocal {
			earliest(sa.Said + keepaliveInterval)
		}
		if sa.Request != nil {
			earliest(sa.Request.Due)
			continue
		}
		if sa.Stage == stageUp {
			s.upDeadlines(sa, earliest)
		}
	}
	return at, ok
}

func (s *Session) upDeadlines(sa *ikeSA, earliest func(Instant)) {
	earliest(sa.RekeyAt)
	earliest(sa.Heard + s.config.DPD)
	if s.lacksChild(sa) {
		earliest(sa.CreateAt)
	}
	for _, c := range s.state.Children {
		if c.Owner == sa.localSPI() && c.rekeyable() {
			earliest(c.RekeyAt)
		}
	}
}
