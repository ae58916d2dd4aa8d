package session

import (
	"crypto/hmac"
	"fmt"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// localID returns our identity in an IKE SA.
func (s *Session) localID(sa *ikeSA) wire.ID {
	id := s.config.LocalID
	if id.Form == 0 {
		id = wire.AddressIdentity(sa.Local.Addr())
	}
	id.Responder = !sa.Initiator
	return id
}

// remoteID returns the identity that the peer must prove.
func (s *Session) remoteID() wire.ID {
	if s.config.RemoteID.Form != 0 {
		return s.config.RemoteID
	}
	return wire.AddressIdentity(s.state.Peer)
}

// authenticate sends IKE_AUTH: who we are, the proof, and the first child SA.
func (s *Session) authenticate(sa *ikeSA) {
	id := s.localID(sa)
	r := &request{Kind: askAuth, ChildSPI: s.childSPI()}
	payloads := []wire.Payload{id}
	if s.config.RemoteID.Form != 0 && !s.config.AnyRemoteID {
		wanted := s.config.RemoteID
		wanted.Responder = true
		payloads = append(payloads, wanted)
	}
	payloads = append(payloads, s.ownAuth(sa, id))
	if s.up() == nil {
		payloads = append(payloads, wire.Notify{Kind: wire.InitialContact})
	}
	payloads = append(payloads, wire.Notify{Kind: wire.UseTransportMode},
		s.config.firstOffer().Payload(wire.ProtocolESP, espOctets(r.ChildSPI)))
	payloads = append(payloads, s.selectors(sa)...)
	s.ask(sa, r, wire.IKEAuth, payloads...)
}

// ownAuth and peerAuth are the proofs of the two sides (RFC 7296 section 2.15).
func (s *Session) ownAuth(sa *ikeSA, id wire.ID) wire.Auth {
	key := sa.Keys.AuthInitiator
	if !sa.Initiator {
		key = sa.Keys.AuthResponder
	}
	h := sa.Handshake
	return wire.Auth{
		Method: wire.AuthSharedKey,
		Data:   sa.Suite.PSKAuth(s.config.PSK, h.OwnMessage, h.PeerNonce, key, id.Body()),
	}
}

func (s *Session) peerAuth(sa *ikeSA, id wire.ID) wire.Auth {
	key := sa.Keys.AuthResponder
	if !sa.Initiator {
		key = sa.Keys.AuthInitiator
	}
	h := sa.Handshake
	return wire.Auth{
		Method: wire.AuthSharedKey,
		Data:   sa.Suite.PSKAuth(s.config.PSK, h.PeerMessage, h.OwnNonce, key, id.Body()),
	}
}

// verify checks the peer's identity and proof. The error is in the operator's
// words.
func (s *Session) verify(sa *ikeSA, payloads []wire.Payload) (peer wire.ID, err error) {
	id, hasID := findID(payloads, sa.Initiator)
	auth, hasAuth := wire.Find[wire.Auth](payloads)
	host := s.peer()
	switch {
	case !hasID || !hasAuth:
		return id, fmt.Errorf("authentication failed: peer %s did not say who it is", host)
	case !s.config.AnyRemoteID && !id.Same(s.remoteID()):
		return id, fmt.Errorf("authentication failed: peer %s is %s, and we expect %s; correct remote id here or the hub's own identity", host, id, s.remoteID())
	case auth.Method != wire.AuthSharedKey:
		return id, fmt.Errorf("authentication failed: peer %s proves itself by method %d, and we expect a pre-shared key", host, auth.Method)
	case !hmac.Equal(auth.Data, s.peerAuth(sa, id).Data):
		return id, fmt.Errorf("authentication failed: peer %s (%s) has another pre-shared key than ours (secret %s)", host, id, s.config.PSKName)
	}
	return id, nil
}

// authResponse takes the answer to IKE_AUTH.
func (s *Session) authResponse(sa *ikeSA, r *request, payloads []wire.Payload) {
	refusal, refused := wire.FindError(payloads)
	if _, proven := wire.Find[wire.Auth](payloads); refused && !proven {
		s.fail(sa, "%s", s.authRefusal(sa, refusal.Kind))
		return
	}
	id, err := s.verify(sa, payloads)
	if err != nil {
		sa.Farewell = wire.AuthenticationFailed
		s.close(sa)
		s.fail(sa, "%v", err)
		return
	}
	nonces := suite.Contribution{InitiatorNonce: sa.Handshake.OwnNonce, ResponderNonce: sa.Handshake.PeerNonce}
	s.established(sa, id)
	if refused {
		s.createRefused(sa, r, refusal)
		return
	}
	spi, esp, err := s.childAccepted(sa, s.config.firstOffer(), payloads)
	if err != nil {
		s.close(sa)
		s.fail(sa, "%v", err)
		return
	}
	s.bringUp(sa, s.addChild(sa, true, r.ChildSPI, spi, esp, nonces), false)
}

func findID(payloads []wire.Payload, responder bool) (wire.ID, bool) {
	for _, p := range payloads {
		if id, ok := p.(wire.ID); ok && id.Responder == responder {
			return id, true
		}
	}
	return wire.ID{}, false
}

// authRefusal says why the peer ended IKE_AUTH.
func (s *Session) authRefusal(sa *ikeSA, kind wire.NotifyType) string {
	switch kind {
	case wire.AuthenticationFailed:
		return fmt.Sprintf("authentication failed: peer %s rejected our pre-shared key (secret %s) or our identity %s", s.peer(), s.config.PSKName, s.localID(sa))
	case wire.NoProposalChosen:
		return s.noESPProposal(s.config.firstOffer())
	case wire.TSUnacceptable:
		return fmt.Sprintf("peer %s does not accept GRE between %s and %s (TS_UNACCEPTABLE)", s.peer(), sa.Local.Addr(), s.state.Peer)
	}
	return fmt.Sprintf("peer %s refuses IKE_AUTH with %s", s.peer(), kind)
}

// noESPProposal says that the peer refuses our child SA.
func (s *Session) noESPProposal(offer suite.Offer) string {
	return fmt.Sprintf("peer %s accepts none of the ESP proposals we offered (NO_PROPOSAL_CHOSEN): %s", s.peer(), offer)
}

// established begins the life of an IKE SA whose peer is authenticated.
func (s *Session) established(sa *ikeSA, peer wire.ID) {
	s.began(sa)
	sa.PeerName = peer.String()
	s.state.Counters.Authentications++
	s.event(Note, "authenticated peer %s as %s, %s, from UDP port %d", s.peer(), peer, sa.Suite, sa.Local.Port())
	s.noteNAT(sa)
}

// began sets the timers of an IKE SA that is up, new or rekeyed.
func (s *Session) began(sa *ikeSA) {
	sa.Stage, sa.Handshake, sa.GoneAt = stageUp, nil, 0
	sa.Heard = s.now
	sa.RekeyAt = s.now + s.jitter(s.config.IKELifetime*19/20, 10)
}

// path says how ESP travels.
func (c *childSA) path() string {
	if c.Encap {
		return fmt.Sprintf(" in UDP, ports %d and %d", c.Local.Port(), c.Remote.Port())
	}
	return ""
}
