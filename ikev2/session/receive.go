package session

import (
	"errors"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// Receive takes one datagram. Whatever it holds, it does no more than what an
// authenticated peer in that stage of that IKE SA may ask for.
func (s *Session) Receive(now Instant, p Packet) Effects {
	return s.step(now, func() {
		s.asked = p
		m, err := wire.Parse(p.Data)
		var version *wire.VersionError
		if errors.As(err, &version) {
			s.otherVersion(version)
		}
		if err != nil {
			s.state.Counters.Malformed++
			return
		}
		sa := s.find(m.Header)
		switch {
		case sa == nil && m.Exchange == wire.IKESAInit && !m.Response() && m.FromInitiator() && m.SPIr == 0 && m.MessageID == 0:
			s.respondInit(m, p)
		case sa == nil:
			s.state.Counters.Stray++
		case m.Encrypted == nil:
			s.clear(sa, m, p)
		case m.Response():
			s.response(sa, m, p)
		default:
			s.request(sa, m, p)
		}
	})
}

// clear takes a message that nothing protects: IKE_SA_INIT, or a hint.
func (s *Session) clear(sa *ikeSA, m *wire.Message, p Packet) {
	switch {
	case sa.Stage == stageOpening && m.Exchange == wire.IKESAInit && m.Response() && m.MessageID == 0:
		s.initResponse(sa, m, p)
	case sa.Stage == stageHalfOpen && m.Exchange == wire.IKESAInit && !m.Response() && m.SPIr == 0 && m.MessageID == 0:
		s.respondInit(m, p) // a copy, or that of another host that drew the same SPI
	case sa.Stage == stageUp && !sa.Suspect && s.now-sa.Heard >= hintPause:
		if _, ok := wire.FindNotify(m.Payloads, wire.InvalidIKESPI); ok {
			s.event(Note, "someone at %s says that peer %s does not know our IKE SA; asking it", p.Remote, s.peer())
			sa.Suspect = true
		}
	default:
		s.state.Counters.Unauthenticated++
	}
}

// open returns what is inside an encrypted message, and whether the peer sent
// it. The error is about the contents.
func (s *Session) open(sa *ikeSA, m *wire.Message) (payloads []wire.Payload, authentic bool, err error) {
	if sa.Stage == stageOpening {
		s.state.Counters.Unauthenticated++
		return nil, false, nil
	}
	payloads, err = sa.Suite.Open(m.Encrypted, sa.receiveKeys())
	var malformed *wire.Error
	if err != nil && !errors.As(err, &malformed) {
		s.state.Counters.Unauthenticated++
		return nil, false, nil
	}
	if err != nil {
		s.state.Counters.Malformed++
	}
	return payloads, true, err
}

// response takes the answer to our outstanding request.
func (s *Session) response(sa *ikeSA, m *wire.Message, p Packet) {
	r := sa.Request
	if r == nil || r.ID != m.MessageID || r.Exchange != m.Exchange {
		s.state.Counters.Duplicates++
		return
	}
	payloads, authentic, err := s.open(sa, m)
	if !authentic {
		return
	}
	if _, unknown := wire.UnknownCritical(payloads); err != nil || unknown {
		return // not an answer we can use; none that is better will come
	}
	s.heard(sa, p)
	s.answered(r)
	sa.Request = nil
	if _, busy := wire.FindNotify(payloads, wire.TemporaryFailure); !busy {
		sa.BusySince = 0
	}
	if _, fatal := wire.FindNotify(payloads, wire.InvalidSyntax); fatal && sa.Stage == stageUp && r.Kind != askCreateChild {
		s.ended(sa, "peer %s calls our request malformed (INVALID_SYNTAX)", s.peer())
		return
	}
	switch r.Kind {
	case askAuth:
		s.authResponse(sa, r, payloads)
	case askCreateChild, askRekeyChild:
		if sa.Stage == stageUp {
			s.childResponse(sa, r, payloads)
		}
	case askRekeyIKE:
		s.ikeResponse(sa, r, payloads)
	case askDeleteChild:
		if c := s.childIn(r.Old); c != nil {
			s.drain(c)
		}
	case askDeleteIKE:
		s.remove(sa)
	}
}

// heard notes that the peer lives, and where.
func (s *Session) heard(sa *ikeSA, p Packet) {
	sa.Heard, sa.Suspect = s.now, false
	if sa.NATRemote {
		s.follow(sa, p.Remote)
	}
}

// request takes a request of the peer, and answers it once (RFC 7296 section
// 2.1).
func (s *Session) request(sa *ikeSA, m *wire.Message, p Packet) {
	if !listens(sa.Stage, m.Exchange) {
		s.state.Counters.Stray++
		return
	}
	payloads, authentic, err := s.open(sa, m)
	if !authentic {
		return
	}
	switch {
	case m.MessageID+1 == sa.PeerID && sa.Response != nil:
		s.state.Counters.Duplicates++
		s.reply(sa, sa.Response)
		return
	case m.MessageID != sa.PeerID || sa.Stage == stageRefused:
		s.state.Counters.Stray++
		return
	}
	sa.PeerID++
	if sa.Stage == stageHalfOpen { // the initiator floats to port 4500 if it must
		sa.Local, sa.Remote = p.Local, p.Remote
	}
	s.heard(sa, p)
	if err != nil {
		s.refuse(sa, m, wire.Notify{Kind: wire.InvalidSyntax})
		return
	}
	if unknown, critical := wire.UnknownCritical(payloads); critical {
		s.refuse(sa, m, wire.Notify{Kind: wire.UnsupportedCriticalPayload, Data: []byte{byte(unknown)}})
		return
	}
	switch m.Exchange {
	case wire.IKEAuth:
		s.respondAuth(sa, m, payloads)
	case wire.CreateChildSA:
		s.respondCreate(sa, m, payloads)
	case wire.Informational:
		s.respondInformational(sa, m, payloads)
	}
}

// listens is the table of what a peer may ask for in which stage.
func listens(stage stage, exchange wire.ExchangeType) bool {
	switch exchange {
	case wire.IKEAuth:
		return stage == stageHalfOpen || stage == stageUp || stage == stageReplaced || stage == stageRefused // after the first: repetitions
	case wire.CreateChildSA, wire.Informational:
		return stage == stageUp || stage == stageReplaced || stage == stageClosing || stage == stageRefused
	}
	return false
}

// answer sends the response to the request m and keeps it for repetitions.
func (s *Session) answer(sa *ikeSA, m *wire.Message, payloads ...wire.Payload) {
	h := wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr, Exchange: m.Exchange, Flags: wire.FlagResponse, MessageID: m.MessageID}
	if sa.Initiator {
		h.Flags |= wire.FlagInitiator
	}
	sa.Response = s.seal(sa, h, payloads)
	s.reply(sa, sa.Response)
}

// reply sends an answer to where the request came from, from where it arrived
// (RFC 7296 section 2.11).
func (s *Session) reply(sa *ikeSA, data []byte) {
	sa.Said = s.now
	s.out.Send = append(s.out.Send, Packet{Local: s.asked.Local, Remote: s.asked.Remote, Data: data})
}

// refuse answers the request m by an error. INVALID_SYNTAX is the end of an IKE
// SA at both ends, and so is any error before the peer is authenticated (RFC 7296
// sections 2.21.2 and 2.21.3). What is left of it repeats the answer.
func (s *Session) refuse(sa *ikeSA, m *wire.Message, n wire.Notify) {
	s.answer(sa, m, n)
	switch {
	case sa.Stage == stageHalfOpen:
		s.remove(sa)
	case n.Kind == wire.InvalidSyntax:
		s.event(Warning, "peer %s sent a malformed %s request (INVALID_SYNTAX)", s.peer(), m.Exchange)
		s.ended(sa, "peer %s sent a malformed %s request", s.peer(), m.Exchange)
	default:
		return
	}
	sa.Stage, sa.Handshake, sa.Request, sa.GoneAt = stageRefused, nil, nil, s.now+lingerTime
	s.state.SAs = append(s.state.SAs, sa)
}
