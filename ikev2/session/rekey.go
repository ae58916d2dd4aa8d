package session

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// rekeyIKE asks for an IKE SA that replaces sa (RFC 7296 section 1.3.2).
func (s *Session) rekeyIKE(sa *ikeSA, group suite.GroupID, rounds int) {
	share, err := suite.NewKeyShare(group, s.random)
	if err != nil {
		s.event(Warning, "%v", err)
		sa.RekeyAt = s.now + busyPause
		return
	}
	r := &request{Kind: askRekeyIKE, SPI: s.ikeSPI(), Share: share, Nonce: s.draw(nonceLength), Rounds: rounds}
	s.ask(sa, r, wire.CreateChildSA,
		s.config.IKE.Payload(wire.ProtocolIKE, spiOctets(r.SPI)),
		wire.Nonce(r.Nonce), wire.KE{Group: uint16(group), Data: share.Public})
}

// ikeResponse takes the answer to the request to rekey an IKE SA.
func (s *Session) ikeResponse(sa *ikeSA, r *request, payloads []wire.Payload) {
	if n, refused := wire.FindError(payloads); refused {
		if sa.Stage == stageUp {
			s.ikeRefused(sa, r, n)
		}
		return
	}
	fresh, contribution, err := s.replacement(sa, r, payloads)
	if err != nil {
		s.ikeUnusable(sa, r, err.Error())
		return
	}
	s.state.SAs = append(s.state.SAs, fresh)
	if sa.Stage != stageUp { // it is ending, and so does what we made of it
		s.move(sa, fresh)
		fresh.Stage, fresh.GoneAt = sa.Stage, sa.GoneAt
		s.close(sa)
		return
	}
	s.state.Counters.IKERekeys++
	rivalSA := s.rivalSA(r)
	if rivalSA != nil && r.Rival.beats(contribution) {
		s.succeed(sa, rivalSA)
		s.close(fresh)
		return
	}
	if rivalSA != nil {
		s.linger(rivalSA)
	}
	s.move(sa, fresh)
	s.close(sa)
	s.event(Note, "rekeyed the IKE SA with %s, %s", s.peer(), fresh.Suite)
}

// replacement makes an IKE SA of the answer to our request.
func (s *Session) replacement(sa *ikeSA, r *request, payloads []wire.Payload) (fresh *ikeSA, c suite.Contribution, err error) {
	answer, hasSA := wire.Find[wire.SA](payloads)
	ke, hasKE := wire.Find[wire.KE](payloads)
	nonce, hasNonce := wire.Find[wire.Nonce](payloads)
	if !hasSA || !hasKE || !hasNonce {
		return nil, c, fmt.Errorf("peer %s answers the rekeying of the IKE SA without SA, KE or nonce", s.peer())
	}
	chosen, err := s.config.IKE.Accepted(answer, wire.ProtocolIKE)
	if err != nil {
		return nil, c, fmt.Errorf("peer %s answers the rekeying of the IKE SA wrongly: %w", s.peer(), err)
	}
	negotiated := suite.NewIKE(chosen)
	spiR, sound := ikeSPI(chosen)
	if !sound || ke.Group != uint16(r.Share.Group) || negotiated.Group.ID != ke.Group {
		return nil, c, fmt.Errorf("peer %s answers the rekeying of the IKE SA with another group or SPI than agreed", s.peer())
	}
	shared, err := r.Share.Shared(ke.Data)
	if err != nil {
		return nil, c, fmt.Errorf("peer %s: %w", s.peer(), err)
	}
	c = suite.Contribution{Shared: shared, InitiatorNonce: r.Nonce, ResponderNonce: nonce}
	fresh = s.inherit(sa, true, r.SPI, spiR, negotiated, c)
	return fresh, c, nil
}

// inherit returns an IKE SA that takes the place of old, with message ids that
// begin at 0.
func (s *Session) inherit(old *ikeSA, initiator bool, spiI, spiR uint64, negotiated suite.IKE, c suite.Contribution) *ikeSA {
	fresh := &ikeSA{
		Initiator: initiator, SPIi: spiI, SPIr: spiR,
		Local: old.Local, Remote: old.Remote, NATLocal: old.NATLocal, NATRemote: old.NATRemote,
		Suite: negotiated, Keys: negotiated.RekeyKeys(old.Suite, old.Keys.Derive, c, spiI, spiR),
		PeerName: old.PeerName, Wide: old.Wide, NamedUs: old.NamedUs, NamedPeer: old.NamedPeer, Said: old.Said,
	}
	s.began(fresh)
	return fresh
}

// succeed gives the child SAs of an IKE SA to the one the peer made to replace
// it. The peer deletes the old one.
func (s *Session) succeed(old, fresh *ikeSA) {
	s.move(old, fresh)
	s.linger(old)
}

// linger keeps an IKE SA for the peer to delete.
func (s *Session) linger(sa *ikeSA) {
	sa.Stage, sa.GoneAt = stageReplaced, s.now+lingerTime
}

// ikeRefused deals with a peer that does not rekey an IKE SA now.
func (s *Session) ikeRefused(sa *ikeSA, r *request, n wire.Notify) {
	if rivalSA := s.rivalSA(r); rivalSA != nil {
		s.succeed(sa, rivalSA)
		return
	}
	switch n.Kind {
	case wire.TemporaryFailure:
		if s.waits(sa) {
			sa.RekeyAt = s.now + s.jitter(busyPause, 2)
			return
		}
	case wire.InvalidKEPayload:
		if len(n.Data) == 2 && r.Rounds < maxRounds {
			group := suite.GroupID(binary.BigEndian.Uint16(n.Data))
			if group != r.Share.Group && slices.Contains(s.config.IKE.Groups(), group) {
				s.rekeyIKE(sa, group, r.Rounds+1)
				return
			}
		}
	}
	s.ikeUnusable(sa, r, fmt.Sprintf("peer %s refuses to rekey the IKE SA with %s", s.peer(), n.Kind))
}

func (s *Session) ikeUnusable(sa *ikeSA, r *request, reason string) {
	if rivalSA := s.rivalSA(r); rivalSA != nil {
		s.succeed(sa, rivalSA)
		return
	}
	sa.RekeyAt = s.now + s.config.IKELifetime
	s.renew(reason)
}

// waits reports whether to ask once more a peer that answered TEMPORARY_FAILURE.
// One that goes on for minutes no longer shares our view of the IKE SA (RFC 7296
// section 2.25).
func (s *Session) waits(sa *ikeSA) bool {
	if sa.BusySince == 0 {
		sa.BusySince = s.now
	}
	return s.now-sa.BusySince < busyLimit
}

// ikeSPI returns the SPI of a proposal for an IKE SA, which must not be zero.
func ikeSPI(p wire.Proposal) (uint64, bool) {
	if len(p.SPI) != 8 {
		return 0, false
	}
	spi := binary.BigEndian.Uint64(p.SPI)
	return spi, spi != 0
}
