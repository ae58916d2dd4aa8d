package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// wantsAttempt reports whether an IKE SA is to be opened, now or at RetryAt.
func (s *Session) wantsAttempt() bool {
	for _, sa := range s.state.SAs {
		switch sa.Stage {
		case stageOpening, stageAuthenticating:
			return false
		case stageUp:
			if !s.state.Renew {
				return false
			}
		}
	}
	return true
}

// attempt opens an IKE SA if one is wanted and due.
func (s *Session) attempt() {
	if !s.state.Wanted || s.state.RetryAt > s.now || !s.wantsAttempt() {
		return
	}
	group := s.state.Group
	if offered := s.config.IKE.Groups(); !slices.Contains(offered, group) {
		group = offered[0]
	}
	share, err := suite.NewKeyShare(group, s.random)
	if err != nil {
		s.failed(err.Error())
		return
	}
	local, remote, glance := s.route()
	if s.state.DownSince == 0 {
		s.state.DownSince = s.now
	}
	sa := &ikeSA{
		Stage: stageOpening, Initiator: true, SPIi: s.ikeSPI(),
		Local: local, Remote: remote, Glance: glance,
		Wide: s.state.Wide, Pretend: s.state.Pretend,
		Handshake: &handshake{OwnNonce: s.draw(nonceLength), Share: share},
		Request:   &request{Kind: askInit, Exchange: wire.IKESAInit},
	}
	s.state.SAs = append(s.state.SAs, sa)
	s.sendInit(sa)
}

// sendInit sends IKE_SA_INIT, the first time or with what the peer asked for.
func (s *Session) sendInit(sa *ikeSA) {
	h := sa.Handshake
	var payloads []wire.Payload
	if len(h.Cookie) > 0 {
		payloads = append(payloads, wire.Notify{Kind: wire.Cookie, Data: h.Cookie})
	}
	payloads = append(payloads,
		s.config.IKE.Payload(wire.ProtocolIKE, nil),
		wire.KE{Group: uint16(h.Share.Group), Data: h.Share.Public},
		wire.Nonce(h.OwnNonce))
	payloads = append(payloads, natDetection(sa)...)
	m := &wire.Message{
		Header:   wire.Header{SPIi: sa.SPIi, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator},
		Payloads: payloads,
	}
	h.OwnMessage = m.Marshal()
	sa.Request.Packet, sa.Request.Tries = h.OwnMessage, 0
	sa.NextID = 1
	s.send(sa, sa.Request)
}

// initResponse takes the answer to IKE_SA_INIT. Nothing in it is authenticated,
// so what is not usable only leaves a hint.
func (s *Session) initResponse(sa *ikeSA, m *wire.Message, p Packet) {
	h := sa.Handshake
	if unknown, critical := wire.UnknownCritical(m.Payloads); critical {
		s.hint(sa, "peer %s answers IKE_SA_INIT with %s, which we do not know and must not ignore", s.peer(), unknown)
		return
	}
	if n, ok := wire.FindNotify(m.Payloads, wire.Cookie); ok {
		s.takeCookie(sa, n)
		return
	}
	if n, ok := wire.FindNotify(m.Payloads, wire.InvalidKEPayload); ok {
		s.takeGroup(sa, n)
		return
	}
	if n, ok := wire.FindError(m.Payloads); ok {
		if n.Kind == wire.NoProposalChosen {
			s.hint(sa, "peer %s accepts none of the IKE proposals we offered (NO_PROPOSAL_CHOSEN): %s", s.peer(), s.config.IKE)
			return
		}
		s.hint(sa, "peer %s refuses IKE_SA_INIT with %s", s.peer(), n.Kind)
		return
	}
	answer, hasSA := wire.Find[wire.SA](m.Payloads)
	ke, hasKE := wire.Find[wire.KE](m.Payloads)
	nonce, hasNonce := wire.Find[wire.Nonce](m.Payloads)
	if !hasSA || !hasKE || !hasNonce || m.SPIr == 0 {
		s.hint(sa, "peer %s answers IKE_SA_INIT without SA, KE or nonce", s.peer())
		return
	}
	chosen, err := s.config.IKE.Accepted(answer, wire.ProtocolIKE)
	if err != nil {
		s.hint(sa, "peer %s answers IKE_SA_INIT wrongly: %v", s.peer(), err)
		return
	}
	negotiated := suite.NewIKE(chosen)
	if ke.Group != uint16(h.Share.Group) || negotiated.Group.ID != ke.Group {
		s.hint(sa, "peer %s chose group %s and sent a key of group %s", s.peer(), suite.GroupID(negotiated.Group.ID), suite.GroupID(ke.Group))
		return
	}
	shared, err := h.Share.Shared(ke.Data)
	if err != nil {
		s.hint(sa, "peer %s: %v", s.peer(), err)
		return
	}
	sa.SPIr, sa.Suite = m.SPIr, negotiated
	h.PeerNonce, h.PeerMessage = bytes.Clone(nonce), bytes.Clone(p.Data)
	sa.Keys = negotiated.Keys(suite.Contribution{Shared: shared, InitiatorNonce: h.OwnNonce, ResponderNonce: h.PeerNonce}, sa.SPIi, sa.SPIr)
	h.Share = suite.KeyShare{}
	detectNAT(sa, m.Payloads, p)
	s.answered(sa.Request)
	s.reached(sa)
	sa.float()
	sa.Stage, sa.Request = stageAuthenticating, nil
	s.authenticate(sa)
}

// hint notes what an answer that anyone could have sent says against us. A
// real one may still come; we do not wait as long for it.
func (s *Session) hint(sa *ikeSA, format string, args ...any) {
	h := sa.Handshake
	if h.Hint == "" {
		h.HintedUntil = s.now + hintPatience
		sa.Request.Due = s.now + s.jitter(hintRepeat, 8)
	}
	h.Hint = fmt.Sprintf(format, args...)
}

// takeCookie repeats the request with the cookie, which shows the peer that we
// are where we say (RFC 7296 section 2.6).
//
// A second cookie answers a copy of the request without one, as a slow path
// brings it. To send that as well would make two requests of one SPI, and nobody
// could tell which of them an answer is for and AUTH is to sign. If the peer
// takes the first cookie no more it is better to begin again.
func (s *Session) takeCookie(sa *ikeSA, n wire.Notify) {
	h := sa.Handshake
	if len(n.Data) == 0 || len(n.Data) > maxCookie || bytes.Equal(n.Data, h.Cookie) || h.Rounds >= maxRounds {
		return
	}
	if h.Cookie != nil && h.CookieGroup == h.Share.Group {
		if sa.Request.Tries > maxCopies {
			s.hint(sa, "peer %s asks for one cookie after the other", s.peer())
		}
		return
	}
	h.Rounds++
	h.Cookie, h.CookieGroup, h.Hint = bytes.Clone(n.Data), h.Share.Group, ""
	s.sendInit(sa)
}

// takeGroup repeats the request in the group the peer wants, if it is one we
// offered.
func (s *Session) takeGroup(sa *ikeSA, n wire.Notify) {
	h := sa.Handshake
	if len(n.Data) != 2 || h.Rounds >= maxRounds {
		return
	}
	group := suite.GroupID(binary.BigEndian.Uint16(n.Data))
	if group == h.Share.Group {
		return
	}
	if !slices.Contains(s.config.IKE.Groups(), group) {
		s.hint(sa, "peer %s wants key exchange group %s, and we offer %s", s.peer(), group, s.config.IKE)
		return
	}
	share, err := suite.NewKeyShare(group, s.random)
	if err != nil {
		return
	}
	h.Rounds++
	h.Hint = ""
	h.Share, s.state.Group = share, group
	s.sendInit(sa)
}
