package session

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// createChild asks for a child SA where there is none (RFC 7296 section 1.3.1).
func (s *Session) createChild(sa *ikeSA) {
	s.askChild(sa, &request{Kind: askCreateChild, ChildSPI: s.childSPI(), Nonce: s.draw(nonceLength)}, s.childGroup(sa))
}

// rekeyChild asks for a child SA that replaces c (section 1.3.3), with the key
// exchange in the given group, 0 for the one that is likely right.
func (s *Session) rekeyChild(sa *ikeSA, c *childSA, rounds int) {
	r := &request{Kind: askRekeyChild, ChildSPI: s.childSPI(), Nonce: s.draw(nonceLength), Old: c.SPIIn, Rounds: rounds}
	s.askChild(sa, r, s.childGroup(sa), wire.Notify{Protocol: wire.ProtocolESP, SPI: espOctets(c.SPIIn), Kind: wire.RekeySA})
}

// childGroup returns the group for the key exchange of a child SA, 0 for none.
func (s *Session) childGroup(sa *ikeSA) suite.GroupID {
	groups := s.config.rekeyOffer(suite.GroupID(sa.Suite.Group.ID)).Groups()
	switch {
	case len(groups) == 0:
		return 0
	case slices.Contains(groups, s.state.ChildGroup):
		return s.state.ChildGroup
	}
	return groups[0]
}

func (s *Session) askChild(sa *ikeSA, r *request, group suite.GroupID, first ...wire.Payload) {
	offer := s.config.rekeyOffer(suite.GroupID(sa.Suite.Group.ID))
	payloads := append(first, wire.Notify{Kind: wire.UseTransportMode},
		offer.Payload(wire.ProtocolESP, espOctets(r.ChildSPI)), wire.Nonce(r.Nonce))
	if group != 0 {
		share, err := suite.NewKeyShare(group, s.random)
		if err != nil {
			s.event(Warning, "%v", err)
			return
		}
		r.Share = share
		payloads = append(payloads, wire.KE{Group: uint16(group), Data: share.Public})
	}
	payloads = append(payloads, s.selectors(sa)...)
	s.ask(sa, r, wire.CreateChildSA, payloads...)
}

// childAccepted checks the peer's answer about a child SA and returns what was
// agreed on.
func (s *Session) childAccepted(sa *ikeSA, offer suite.Offer, payloads []wire.Payload) (spi uint32, esp suite.ESP, err error) {
	answer, hasSA := wire.Find[wire.SA](payloads)
	if !hasSA {
		return 0, esp, fmt.Errorf("peer %s answers without a child SA", s.peer())
	}
	chosen, err := offer.Accepted(answer, wire.ProtocolESP)
	if err != nil {
		return 0, esp, fmt.Errorf("peer %s answers wrongly about the child SA: %w", s.peer(), err)
	}
	if _, transport := wire.FindNotify(payloads, wire.UseTransportMode); !transport {
		return 0, esp, fmt.Errorf("peer %s insists on tunnel mode; configure transport mode there", s.peer())
	}
	if !s.selected(sa, payloads) {
		return 0, esp, fmt.Errorf("peer %s answers with traffic selectors that do not cover our GRE", s.peer())
	}
	spi, ok := espSPI(chosen)
	if !ok {
		return 0, esp, fmt.Errorf("peer %s answers with a reserved SPI for the child SA", s.peer())
	}
	return spi, suite.NewESP(chosen), nil
}

// createRefused deals with an IKE SA whose first child SA the peer refused.
func (s *Session) createRefused(sa *ikeSA, r *request, n wire.Notify) {
	switch n.Kind {
	case wire.TSUnacceptable:
		if !sa.Wide {
			s.event(Note, "peer %s does not accept GRE from %s (%s); offering all of GRE, to be narrowed down", s.peer(), sa.Local.Addr(), n.Kind)
			sa.Wide, s.state.Wide = true, true
			return
		}
		s.state.Wide = false
	case wire.TemporaryFailure:
		if s.waits(sa) {
			sa.CreateAt = s.now + s.jitter(busyPause, 2)
			return
		}
	case wire.InvalidKEPayload:
		if s.takeChildGroup(sa, r, n) {
			s.createChild(sa)
			sa.Request.Rounds = r.Rounds + 1
			return
		}
	}
	s.close(sa)
	s.fail(sa, "%s", s.childRefusal(sa, r, n))
}

// childRefusal says why the peer does not make a child SA.
func (s *Session) childRefusal(sa *ikeSA, r *request, n wire.Notify) string {
	offer := s.config.firstOffer()
	if r.Kind != askAuth {
		offer = s.config.rekeyOffer(suite.GroupID(sa.Suite.Group.ID))
	}
	switch n.Kind {
	case wire.NoProposalChosen:
		return s.noESPProposal(offer)
	case wire.InvalidKEPayload:
		return fmt.Sprintf("peer %s wants another key exchange group for ESP than we offer: %s", s.peer(), offer)
	case wire.TSUnacceptable:
		return s.authRefusal(sa, n.Kind)
	}
	return fmt.Sprintf("peer %s refuses a child SA with %s", s.peer(), n.Kind)
}

// takeChildGroup notes the group that the peer wants, and reports whether to ask
// again.
func (s *Session) takeChildGroup(sa *ikeSA, r *request, n wire.Notify) bool {
	if len(n.Data) != 2 || r.Rounds >= maxRounds {
		return false
	}
	group := suite.GroupID(binary.BigEndian.Uint16(n.Data))
	offered := s.config.rekeyOffer(suite.GroupID(sa.Suite.Group.ID)).Groups()
	if group == r.Share.Group || !slices.Contains(offered, group) {
		return false
	}
	s.state.ChildGroup = group
	return true
}

// childResponse takes the answer to a request for a child SA, new or rekeyed.
func (s *Session) childResponse(sa *ikeSA, r *request, payloads []wire.Payload) {
	old := s.childIn(r.Old)
	if n, refused := wire.FindError(payloads); refused {
		switch {
		case r.Kind == askCreateChild:
			s.createRefused(sa, r, n)
		case r.Rival == nil && old != nil:
			s.rekeyRefused(sa, old, r, n)
		}
		return
	}
	spi, esp, contribution, err := s.childExchange(sa, r, payloads)
	if err != nil {
		s.childUnusable(sa, r, err)
		return
	}
	if slices.Contains(r.Deleted, spi) {
		s.childGone(sa, old)
		return
	}
	fresh := s.addChild(sa, true, r.ChildSPI, spi, esp, contribution)
	theirs := s.rivalChild(r)
	if theirs == nil && old != nil {
		theirs = s.replacedBy(old) // beside it, without being asked to replace it
	}
	if r.Kind == askRekeyChild {
		s.state.Counters.ChildRekeys++
	}
	if r.Rival != nil && theirs != nil && r.Rival.beats(contribution) {
		s.installIn(fresh) // the peer may already send on it
		s.retire(fresh)
		fresh.Delete = true
		return
	}
	if r.Kind == askCreateChild {
		s.bringUpAgain(fresh, true)
	} else {
		s.installIn(fresh)
		s.installOut(fresh)
		s.event(Note, "rekeyed the child SA with %s, %s", s.peer(), esp)
	}
	if theirs != nil {
		s.redundant(theirs)
	}
	if old != nil {
		s.retire(old)
		old.Delete = true
	}
}

// childGone deals with a child SA that the peer deleted before its answer told
// us of it.
func (s *Session) childGone(sa *ikeSA, old *childSA) {
	if old != nil {
		old.RekeyAt = s.now + minRetry
		return
	}
	s.state.LastError = fmt.Sprintf("peer %s deleted the child SA", s.peer())
	sa.CreateAt = s.now + minRetry
}

// childExchange checks the answer about a child SA that brings its own nonces
// and key exchange.
func (s *Session) childExchange(sa *ikeSA, r *request, payloads []wire.Payload) (spi uint32, esp suite.ESP, c suite.Contribution, err error) {
	spi, esp, err = s.childAccepted(sa, s.config.rekeyOffer(suite.GroupID(sa.Suite.Group.ID)), payloads)
	if err != nil {
		return 0, esp, c, err
	}
	nonce, ok := wire.Find[wire.Nonce](payloads)
	if !ok {
		return 0, esp, c, fmt.Errorf("peer %s answers without a nonce", s.peer())
	}
	c = suite.Contribution{InitiatorNonce: r.Nonce, ResponderNonce: nonce}
	if r.Share.Group != 0 {
		ke, _ := wire.Find[wire.KE](payloads)
		if ke.Group != uint16(r.Share.Group) || esp.Group.ID != ke.Group {
			return 0, esp, c, fmt.Errorf("peer %s answers in another key exchange group than %s", s.peer(), r.Share.Group)
		}
		if c.Shared, err = r.Share.Shared(ke.Data); err != nil {
			return 0, esp, c, fmt.Errorf("peer %s: %w", s.peer(), err)
		}
	}
	return spi, esp, c, nil
}

// childUnusable deals with an answer that makes no child SA although the peer
// believes it does. The peer's half dies with the IKE SA.
func (s *Session) childUnusable(sa *ikeSA, r *request, err error) {
	if r.Kind == askCreateChild {
		s.close(sa)
		s.fail(sa, "%v", err)
		return
	}
	s.renew(err.Error())
	if old := s.childIn(r.Old); old != nil {
		old.RekeyAt = old.HardAt
	}
}

// rekeyRefused deals with a peer that does not rekey a child SA. The old one
// carries traffic for as long as it may.
func (s *Session) rekeyRefused(sa *ikeSA, old *childSA, r *request, n wire.Notify) {
	switch n.Kind {
	case wire.TemporaryFailure:
		if s.waits(sa) {
			old.RekeyAt = s.now + s.jitter(busyPause, 2)
			return
		}
	case wire.ChildSANotFound:
		s.event(Note, "peer %s has lost the child SA; making another", s.peer())
		s.removeChild(old)
		return
	case wire.InvalidKEPayload:
		if s.takeChildGroup(sa, r, n) {
			s.rekeyChild(sa, old, r.Rounds+1)
			return
		}
	}
	old.RekeyAt = old.HardAt
	s.renew("rekeying the child SA: " + s.childRefusal(sa, r, n))
}

// renew opens a new IKE SA beside the present one, which then ends. The first
// child SA of an IKE SA is often possible where others are not.
func (s *Session) renew(reason string) {
	s.state.Renew, s.state.LastError = true, reason
	s.state.RetryAt = max(s.state.RetryAt, s.now)
	s.event(Warning, "%s; opening a new IKE SA instead", reason)
}

// bringUpAgain puts to work a child SA that was made where there was none.
func (s *Session) bringUpAgain(c *childSA, ours bool) {
	sa := s.bySPI(c.Owner)
	if sa != nil && sa.Stage == stageUp {
		sa.GoneAt = 0
	}
	s.putToWork(c, ours)
	if ours {
		s.only(sa)
	}
	s.state.LastError = ""
	if s.state.Protected {
		s.event(Note, "made another child SA with %s, %s", s.peer(), c.Suite)
		return
	}
	s.protected(c)
}

// only ends the IKE SAs beside sa, which the peer opened without a child SA of
// its own to authenticate anew.
func (s *Session) only(sa *ikeSA) {
	for _, other := range s.each() {
		if other != sa && other.Stage == stageUp {
			s.close(other)
		}
	}
}

// protected notes that traffic flows.
func (s *Session) protected(c *childSA) {
	s.state.Protected, s.state.UpSince = true, s.now
	s.event(Up, "protected by %s%s", c.Suite, c.path())
}

// unprotected notes that traffic has stopped, unless it is about to go on.
func (s *Session) unprotected() {
	if !s.state.Protected || s.current() != nil {
		return
	}
	if sa := s.up(); sa != nil && sa.Request != nil && sa.Request.Kind == askCreateChild {
		return
	}
	if s.authenticating() {
		return
	}
	s.state.Protected = false
	s.event(Lost, "%s", s.state.LastError)
}
