package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// respondInit answers IKE_SA_INIT. Whom to answer is the caller's to decide.
func (s *Session) respondInit(m *wire.Message, p Packet) {
	offer, hasSA := wire.Find[wire.SA](m.Payloads)
	ke, hasKE := wire.Find[wire.KE](m.Payloads)
	nonce, hasNonce := wire.Find[wire.Nonce](m.Payloads)
	origin := sha256.Sum256(p.Data)
	if i := slices.IndexFunc(s.state.SAs, func(sa *ikeSA) bool { return bytes.Equal(sa.Origin, origin[:]) }); i >= 0 {
		s.repeatInit(s.state.SAs[i])
		return
	}
	if s.state.Closing || m.SPIi == 0 || !hasSA || !hasKE || !hasNonce {
		s.state.Counters.Stray++
		return
	}
	if unknown, critical := wire.UnknownCritical(m.Payloads); critical {
		s.refuseInit(m, p, wire.Notify{Kind: wire.UnsupportedCriticalPayload, Data: []byte{byte(unknown)}})
		return
	}
	chosen, ok := s.config.IKE.Choose(offer, wire.ProtocolIKE)
	if !ok {
		s.event(Warning, "%s asks for an IKE SA with %s, and we accept only %s", p.Remote, suite.FromPayload(offer), s.config.IKE)
		s.refuseInit(m, p, wire.Notify{Kind: wire.NoProposalChosen})
		return
	}
	negotiated := suite.NewIKE(chosen)
	if ke.Group != negotiated.Group.ID {
		s.refuseInit(m, p, wire.Notify{Kind: wire.InvalidKEPayload, Data: binary.BigEndian.AppendUint16(nil, negotiated.Group.ID)})
		return
	}
	public, shared, err := suite.Answer(suite.GroupID(ke.Group), ke.Data, s.random)
	if err != nil {
		s.state.Counters.Malformed++
		return // INVALID_SYNTAX is never sent unprotected
	}
	sa := &ikeSA{
		Stage: stageHalfOpen, SPIi: m.SPIi, SPIr: s.ikeSPI(), Local: p.Local, Remote: p.Remote,
		Suite: negotiated, PeerID: 1, GoneAt: s.now + halfOpenTime, Origin: origin[:],
		Handshake: &handshake{PeerMessage: bytes.Clone(p.Data), PeerNonce: bytes.Clone(nonce), OwnNonce: s.draw(nonceLength)},
	}
	h := sa.Handshake
	sa.Keys = negotiated.Keys(suite.Contribution{Shared: shared, InitiatorNonce: h.PeerNonce, ResponderNonce: h.OwnNonce}, sa.SPIi, sa.SPIr)
	detectNAT(sa, m.Payloads, p)
	answer := &wire.Message{
		Header: wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr, Exchange: wire.IKESAInit, Flags: wire.FlagResponse},
		Payloads: append([]wire.Payload{
			wire.SA{Proposals: []wire.Proposal{chosen}},
			wire.KE{Group: ke.Group, Data: public},
			wire.Nonce(h.OwnNonce),
		}, natDetection(sa)...),
	}
	h.OwnMessage = answer.Marshal()
	if n, _ := s.HalfOpen(); n >= maxHalfOpen {
		s.makeRoom()
	}
	s.state.SAs = append(s.state.SAs, sa)
	s.transmit(sa, h.OwnMessage)
}

// repeatInit answers a copy of the request that began sa, unless IKE_AUTH has
// shown that the answer arrived (RFC 7296 section 2.1).
func (s *Session) repeatInit(sa *ikeSA) {
	s.state.Counters.Duplicates++
	if sa.Stage == stageHalfOpen {
		s.reply(sa, sa.Handshake.OwnMessage)
	}
}

// refuseInit answers IKE_SA_INIT by a notification and forgets it.
func (s *Session) refuseInit(m *wire.Message, p Packet, n wire.Notify) {
	answer := &wire.Message{
		Header:   wire.Header{SPIi: m.SPIi, Exchange: wire.IKESAInit, Flags: wire.FlagResponse},
		Payloads: []wire.Payload{n},
	}
	s.out.Send = append(s.out.Send, Packet{Local: p.Local, Remote: p.Remote, Data: answer.Marshal()})
}

// respondAuth answers IKE_AUTH.
func (s *Session) respondAuth(sa *ikeSA, m *wire.Message, payloads []wire.Payload) {
	if sa.Stage != stageHalfOpen {
		s.refuse(sa, m, wire.Notify{Kind: wire.InvalidSyntax})
		return
	}
	peer, err := s.verify(sa, payloads)
	if err != nil {
		s.event(Warning, "%v", err)
		s.refuse(sa, m, wire.Notify{Kind: wire.AuthenticationFailed})
		return
	}
	id := s.localID(sa)
	answer := []wire.Payload{id, s.ownAuth(sa, id)}
	nonces := suite.Contribution{InitiatorNonce: sa.Handshake.PeerNonce, ResponderNonce: sa.Handshake.OwnNonce}
	s.established(sa, peer)
	// A peer that says this is its only IKE SA with us has forgotten all others,
	// but for one that came up meanwhile.
	_, alone := wire.FindNotify(payloads, wire.InitialContact)
	if alone = alone && !sa.Crossed; alone {
		for _, other := range s.each() {
			if other != sa && other.PeerName == sa.PeerName {
				s.remove(other)
			}
		}
	}
	if wantsNoChild(payloads) {
		// So libreswan reauthenticates: whoever wants a child SA asks for it next.
		s.answer(sa, m, answer...)
		return
	}
	agreed, refusal := s.agree(sa, payloads, s.config.firstOffer(), nil)
	if refusal != nil && refusal.Kind == wire.InvalidSyntax {
		s.refuse(sa, m, *refusal)
		return
	}
	if refusal != nil {
		s.answer(sa, m, append(answer, *refusal)...)
		return
	}
	c := s.addChild(sa, false, s.childSPI(), agreed.spi, agreed.esp, nonces)
	s.answer(sa, m, append(answer, agreed.payloads(c.SPIIn)...)...)
	s.bringUp(sa, c, alone)
}

// wantsNoChild reports whether an IKE_AUTH request asks for no child SA at all (RFC
// 6023).
func wantsNoChild(payloads []wire.Payload) bool {
	_, hasSA := wire.Find[wire.SA](payloads)
	_, hasTS := wire.Find[wire.TS](payloads)
	return !hasSA && !hasTS
}

// agreement is a child SA that the peer asked for and we accept.
type agreement struct {
	chosen    wire.Proposal
	spi       uint32
	esp       suite.ESP
	selectors []wire.Payload
	// nonce and public are ours, and contribution both sides', when the child SA
	// has an exchange of its own; public only with perfect forward secrecy.
	nonce, public []byte
	contribution  suite.Contribution
}

// payloads answers the request, giving our SPI.
func (a *agreement) payloads(spi uint32) []wire.Payload {
	a.chosen.SPI = espOctets(spi)
	all := []wire.Payload{wire.Notify{Kind: wire.UseTransportMode}, wire.SA{Proposals: []wire.Proposal{a.chosen}}}
	if a.nonce != nil {
		all = append(all, wire.Nonce(a.nonce))
	}
	if a.public != nil {
		all = append(all, wire.KE{Group: a.esp.Group.ID, Data: a.public})
	}
	return append(all, a.selectors...)
}

// agree accepts or refuses a child SA that the peer asks for. Without PFS of our
// own wanting, fallback says which groups a peer may bring all the same.
func (s *Session) agree(sa *ikeSA, payloads []wire.Payload, offer, fallback suite.Offer) (*agreement, *wire.Notify) {
	asked, hasSA := wire.Find[wire.SA](payloads)
	if !hasSA {
		return nil, &wire.Notify{Kind: wire.InvalidSyntax}
	}
	if _, transport := wire.FindNotify(payloads, wire.UseTransportMode); !transport {
		s.event(Warning, "peer %s asks for tunnel mode; configure transport mode there", s.peer())
		return nil, &wire.Notify{Kind: wire.NoProposalChosen}
	}
	chosen, ok := offer.Choose(asked, wire.ProtocolESP)
	if !ok {
		chosen, ok = fallback.Choose(asked, wire.ProtocolESP)
	}
	spi, sound := espSPI(chosen)
	if !ok || !sound {
		s.event(Warning, "peer %s asks for ESP with %s, and we accept only %s", s.peer(), suite.FromPayload(asked), offer)
		return nil, &wire.Notify{Kind: wire.NoProposalChosen}
	}
	if neighbour := s.neighbour(sa); neighbour != nil {
		return nil, s.turnAway(sa, neighbour)
	}
	selectors, ok := s.narrow(sa, payloads)
	if !ok {
		s.event(Warning, "peer %s asks for traffic selectors that are not GRE between it and us", s.peer())
		return nil, &wire.Notify{Kind: wire.TSUnacceptable}
	}
	return &agreement{chosen: chosen, spi: spi, esp: suite.NewESP(chosen), selectors: selectors}, nil
}

// exchangeKeys answers the peer's half of the key exchange, if group says that
// there is one, by our public value, and draws the nonce.
func (s *Session) exchangeKeys(group uint16, payloads []wire.Payload) (public []byte, c suite.Contribution, refusal *wire.Notify) {
	nonce, ok := wire.Find[wire.Nonce](payloads)
	if !ok {
		return nil, c, &wire.Notify{Kind: wire.InvalidSyntax}
	}
	c = suite.Contribution{InitiatorNonce: nonce, ResponderNonce: s.draw(nonceLength)}
	if group == 0 {
		return nil, c, nil
	}
	ke, _ := wire.Find[wire.KE](payloads)
	if ke.Group != group {
		return nil, c, &wire.Notify{Kind: wire.InvalidKEPayload, Data: binary.BigEndian.AppendUint16(nil, group)}
	}
	public, shared, err := suite.Answer(suite.GroupID(group), ke.Data, s.random)
	if err != nil {
		return nil, c, &wire.Notify{Kind: wire.InvalidSyntax}
	}
	c.Shared = shared
	return public, c, nil
}

// respondCreate answers CREATE_CHILD_SA, by the rules of RFC 7296 section 2.25
// about what crosses what.
func (s *Session) respondCreate(sa *ikeSA, m *wire.Message, payloads []wire.Payload) {
	asked, _ := wire.Find[wire.SA](payloads)
	busy := sa.Stage != stageUp
	if len(asked.Proposals) > 0 && asked.Proposals[0].Protocol == wire.ProtocolIKE {
		if r := sa.Request; busy || r != nil && r.Kind != askRekeyIKE && r.Kind != askLiveness {
			s.answer(sa, m, wire.Notify{Kind: wire.TemporaryFailure})
			return
		}
		s.respondRekeyIKE(sa, m, asked, payloads)
		return
	}
	if busy || sa.Request != nil && sa.Request.Kind == askRekeyIKE {
		s.answer(sa, m, wire.Notify{Kind: wire.TemporaryFailure})
		return
	}
	s.respondChild(sa, m, payloads)
}

func (s *Session) respondChild(sa *ikeSA, m *wire.Message, payloads []wire.Payload) {
	var old *childSA
	if n, rekey := wire.FindNotify(payloads, wire.RekeySA); rekey {
		if len(n.SPI) != 4 {
			s.refuse(sa, m, wire.Notify{Kind: wire.InvalidSyntax})
			return
		}
		if n.Protocol == wire.ProtocolESP {
			old = s.childOut(sa.localSPI(), binary.BigEndian.Uint32(n.SPI))
		}
		switch {
		case old == nil && sa.Request.makesChild(), old != nil && (old.Delete || s.replacedBy(old) != nil):
			// We may be about to hear of it, or it is on its way out.
			s.answer(sa, m, wire.Notify{Kind: wire.TemporaryFailure})
			return
		case old == nil || old.Retired:
			s.answer(sa, m, wire.Notify{Protocol: n.Protocol, SPI: n.SPI, Kind: wire.ChildSANotFound})
			return
		}
	}
	agreed, refusal := s.agree(sa, payloads, s.config.rekeyOffer(suite.GroupID(sa.Suite.Group.ID)), s.anyGroup())
	if refusal == nil {
		agreed.public, agreed.contribution, refusal = s.exchangeKeys(agreed.esp.Group.ID, payloads)
	}
	if refusal != nil {
		s.refuse(sa, m, *refusal)
		return
	}
	agreed.nonce = agreed.contribution.ResponderNonce
	c := s.addChild(sa, false, s.childSPI(), agreed.spi, agreed.esp, agreed.contribution)
	s.answer(sa, m, agreed.payloads(c.SPIIn)...)
	r := sa.Request
	switch {
	case old == nil && r != nil && r.Kind == askCreateChild, old != nil && r != nil && r.Kind == askRekeyChild && r.Old == old.SPIIn:
		r.crossed(uint64(c.SPIIn), agreed.contribution)
	case old != nil:
		s.state.Counters.ChildRekeys++
		s.event(Note, "peer %s rekeyed the child SA, %s", s.peer(), c.Suite)
	}
	if old == nil {
		s.bringUpAgain(c, false)
	} else {
		s.standBy(c, old, lingerTime)
	}
}

// anyGroup is what a peer may ask for when we do not insist on PFS: more than we
// do is welcome.
func (s *Session) anyGroup() suite.Offer {
	if s.config.PFS {
		return nil
	}
	return s.config.ESP.WithGroups(s.config.IKE.Groups()...)
}

func (s *Session) respondRekeyIKE(sa *ikeSA, m *wire.Message, asked wire.SA, payloads []wire.Payload) {
	chosen, ok := s.config.IKE.Choose(asked, wire.ProtocolIKE)
	spiI, sound := ikeSPI(chosen)
	if !ok || !sound {
		s.event(Warning, "peer %s asks to rekey the IKE SA with %s, and we accept only %s", s.peer(), suite.FromPayload(asked), s.config.IKE)
		s.answer(sa, m, wire.Notify{Kind: wire.NoProposalChosen})
		return
	}
	if r := sa.Request; r != nil && r.Rival != nil {
		s.answer(sa, m, wire.Notify{Kind: wire.TemporaryFailure})
		return
	}
	negotiated := suite.NewIKE(chosen)
	public, c, refusal := s.exchangeKeys(negotiated.Group.ID, payloads)
	if refusal != nil {
		s.refuse(sa, m, *refusal)
		return
	}
	spi := s.ikeSPI()
	fresh := s.inherit(sa, false, spiI, spi, negotiated, c)
	chosen.SPI = spiOctets(spi)
	s.answer(sa, m, wire.SA{Proposals: []wire.Proposal{chosen}}, wire.Nonce(c.ResponderNonce), wire.KE{Group: negotiated.Group.ID, Data: public})
	s.state.SAs = append(s.state.SAs, fresh)
	if r := sa.Request; r != nil && r.Kind == askRekeyIKE {
		r.crossed(fresh.localSPI(), c)
		fresh.CreateAt = s.now + lingerTime // the child SAs come once it has won
		return
	}
	s.state.Counters.IKERekeys++
	s.succeed(sa, fresh)
	s.event(Note, "peer %s rekeyed the IKE SA, %s", s.peer(), fresh.Suite)
}
