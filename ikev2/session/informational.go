package session

import (
	"fmt"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// deleteChild tells the peer that a child SA has ended (RFC 7296 section 1.4.1).
func (s *Session) deleteChild(sa *ikeSA, c *childSA) {
	s.ask(sa, &request{Kind: askDeleteChild, Old: c.SPIIn}, wire.Informational,
		wire.Delete{Protocol: wire.ProtocolESP, SPIs: []uint32{c.SPIIn}})
}

// deleteIKE tells the peer that an IKE SA has ended, and why if there is a
// reason.
func (s *Session) deleteIKE(sa *ikeSA) {
	payloads := []wire.Payload{wire.Delete{Protocol: wire.ProtocolIKE}}
	if sa.Farewell != 0 {
		payloads = append([]wire.Payload{wire.Notify{Kind: sa.Farewell}}, payloads...)
	}
	s.ask(sa, &request{Kind: askDeleteIKE}, wire.Informational, payloads...)
}

// respondInformational answers a request that deletes SAs, tells something, or
// asks whether we live.
func (s *Session) respondInformational(sa *ikeSA, m *wire.Message, payloads []wire.Payload) {
	var gone []uint32
	had := s.current() != nil
	for _, p := range payloads {
		switch p := p.(type) {
		case wire.Delete:
			if p.Protocol == wire.ProtocolIKE {
				s.answer(sa, m)
				s.deletedIKE(sa)
				return
			}
			if p.Protocol == wire.ProtocolESP {
				for _, spi := range p.SPIs {
					gone = append(gone, s.deletedChild(sa, spi)...)
				}
			}
		case wire.Notify:
			if p.Kind == wire.AuthenticationFailed && sa.Origin != nil && m.MessageID == 2 {
				// The exchange right after IKE_AUTH, and the only one in which this
				// ends an IKE SA (RFC 7296 section 2.21.2).
				s.answer(sa, m)
				s.ended(sa, "peer %s accepts neither our identity %s nor our pre-shared key (secret %s)", s.peer(), s.localID(sa), s.config.PSKName)
				return
			}
			if p.Kind.Error() {
				s.event(Warning, "peer %s reports %s", s.peer(), p.Kind)
			}
		}
	}
	if len(gone) > 0 {
		s.answer(sa, m, wire.Delete{Protocol: wire.ProtocolESP, SPIs: gone})
	} else {
		s.answer(sa, m)
	}
	if had && s.current() == nil {
		s.state.LastError = fmt.Sprintf("peer %s deleted the child SA", s.peer())
	}
}

// deletedChild ends the child SA on which the peer receives by spi, and returns
// our SPI of it for the answer. When both delete at once, each tells it only
// once (RFC 7296 section 1.4.1).
func (s *Session) deletedChild(sa *ikeSA, spi uint32) []uint32 {
	c := s.childOut(sa.localSPI(), spi)
	if c == nil {
		if sa.Request.makesChild() {
			sa.Request.Deleted = append(lastFew(sa.Request.Deleted), spi)
		}
		return nil
	}
	crossing := sa.Request != nil && sa.Request.Kind == askDeleteChild && sa.Request.Old == c.SPIIn
	// If it was the only one another is made at once, but not over and over with
	// a peer that deletes whatever it gets.
	sa.CreateAt = max(sa.CreateAt, c.Created+minRetry)
	s.drain(c)
	if crossing {
		return nil
	}
	return []uint32{c.SPIIn}
}

// deletedIKE ends an IKE SA that the peer has deleted. If it did so while we
// asked for a successor and made one itself, that one goes on.
func (s *Session) deletedIKE(sa *ikeSA) {
	if r := sa.Request; r != nil && r.Kind == askRekeyIKE {
		if rivalSA := s.rivalSA(r); rivalSA != nil {
			s.move(sa, rivalSA)
			s.remove(sa)
			return
		}
	}
	if s.authenticating() {
		// It does so in favour of the IKE SA that we are opening.
		s.drainAll(sa)
	}
	s.ended(sa, "peer %s deleted the IKE SA", s.peer())
}
