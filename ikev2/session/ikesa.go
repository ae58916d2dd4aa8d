package session

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// stage is how far an IKE SA has come.
//
//	opening ── IKE_SA_INIT answered ──▶ authenticating ── IKE_AUTH answered ──▶ up
//	(asked) ── IKE_SA_INIT answered ──▶ halfOpen ──────── IKE_AUTH answered ──▶ up
//	halfOpen ── IKE_AUTH refused ──▶ refused ── after a while ──▶ gone
//	up ── rekeyed by the peer ──▶ replaced ── the peer deletes it ──▶ gone
//	up ── rekeyed by us, or no longer wanted ──▶ closing ── DELETE answered ──▶ gone
type stage int

const (
	stageOpening stage = iota
	stageAuthenticating
	stageHalfOpen
	stageUp
	stageReplaced
	stageClosing
	// stageRefused repeats its last answer and does nothing else.
	stageRefused
)

// String returns the word an operator reads.
func (s stage) String() string {
	return [...]string{"opening", "authenticating", "half-open", "up", "replaced", "closing", "refused"}[s]
}

// ikeSA is one IKE SA. Its fields are exported to be saved, not to be used by
// others.
type ikeSA struct {
	Stage stage
	// Initiator says that we are the original initiator.
	Initiator  bool
	SPIi, SPIr uint64
	// Local and Remote are the ends as we see them.
	Local, Remote netip.AddrPort
	// NATLocal and NATRemote say that the addresses of that end are translated.
	NATLocal, NATRemote bool
	Suite               suite.IKE
	Keys                suite.IKEKeys

	// NextID is the message id of our next request, PeerID the one the peer's
	// next request must bear.
	NextID, PeerID uint32
	Request        *request
	// Response answered the peer's request PeerID-1.
	Response []byte

	// Handshake is there until the peer is authenticated.
	Handshake *handshake
	PeerName  string

	RekeyAt Instant
	// Heard is when the peer last proved that it lives, Said when anything last
	// went to it.
	Heard, Said Instant
	// GoneAt is when to stop waiting for the peer to finish or to delete.
	GoneAt Instant
	// Suspect says that the peer may have forgotten this SA.
	Suspect bool
	// Wide says that the peer refused our exact traffic selectors.
	Wide bool
	// NamedUs and NamedPeer are the hosts in the traffic selectors of a child SA
	// that the peer asked for, invalid while it asked for none.
	NamedUs, NamedPeer netip.Addr
	// Glance says that opening it only looks whether another path works.
	Glance bool
	// Pretend says that we let the peer see a NAT that is not there, so that ESP
	// travels in UDP.
	Pretend bool
	// CreateAt is the earliest time to ask for a child SA when there is none.
	CreateAt Instant
	// Crossed says that another IKE SA came up while this one was being opened.
	Crossed bool
	// Origin is the SHA-256 of the IKE_SA_INIT request by which the peer began
	// this SA, nil for any other. A late copy is known by it.
	Origin []byte
	// BusySince is since when the peer has answered nothing but
	// TEMPORARY_FAILURE to what we wanted made, 0 if it does not.
	BusySince Instant
	// Farewell are the payloads of the DELETE request, when it has a reason.
	Farewell wire.NotifyType
}

// handshake is what IKE_SA_INIT leaves for IKE_AUTH.
type handshake struct {
	// OwnMessage and PeerMessage are what AUTH signs.
	OwnMessage, PeerMessage []byte
	OwnNonce, PeerNonce     []byte
	// Cookie is what the peer wants to see in a request with a key exchange in
	// CookieGroup.
	Cookie      []byte
	CookieGroup suite.GroupID
	Rounds      int
	Share       suite.KeyShare
	// Hint is what an unauthenticated answer said against us, believed at
	// HintedUntil if there is no better one.
	Hint        string
	HintedUntil Instant
}

// localSPI returns the SPI by which the peer addresses us.
func (sa *ikeSA) localSPI() uint64 {
	if sa.Initiator {
		return sa.SPIi
	}
	return sa.SPIr
}

// String names the IKE SA as strongSwan does.
func (sa *ikeSA) String() string { return fmt.Sprintf("%016x_i %016x_r", sa.SPIi, sa.SPIr) }

// sendKeys and receiveKeys are the keys of our and the peer's messages.
func (sa *ikeSA) sendKeys() suite.Direction {
	if sa.Initiator {
		return sa.Keys.Initiator
	}
	return sa.Keys.Responder
}

func (sa *ikeSA) receiveKeys() suite.Direction {
	if sa.Initiator {
		return sa.Keys.Responder
	}
	return sa.Keys.Initiator
}

// encap reports whether ESP must travel in UDP.
func (sa *ikeSA) encap() bool { return sa.NATLocal || sa.NATRemote }

// LocalPorts yields the local ports that the IKE and child SAs use, some of them
// several times.
func (s *Session) LocalPorts(yield func(port uint16) bool) {
	for _, sa := range s.state.SAs {
		if !yield(sa.Local.Port()) {
			return
		}
	}
	for _, c := range s.state.Children {
		if (c.HasIn || c.HasOut) && !yield(c.Local.Port()) {
			return
		}
	}
}

// find returns the IKE SA a message belongs to.
func (s *Session) find(h wire.Header) *ikeSA {
	i := slices.IndexFunc(s.state.SAs, func(sa *ikeSA) bool {
		switch {
		case sa.Initiator == h.FromInitiator():
			return false
		case sa.Stage == stageOpening:
			return sa.SPIi == h.SPIi && h.Response()
		case !sa.Initiator && h.SPIr == 0: // IKE_SA_INIT, sent again
			return sa.SPIi == h.SPIi && sa.Stage == stageHalfOpen
		}
		return sa.SPIi == h.SPIi && sa.SPIr == h.SPIr
	})
	if i < 0 {
		return nil
	}
	return s.state.SAs[i]
}

func (s *Session) bySPI(local uint64) *ikeSA {
	i := slices.IndexFunc(s.state.SAs, func(sa *ikeSA) bool { return sa.localSPI() == local })
	if i < 0 {
		return nil
	}
	return s.state.SAs[i]
}

// up returns the IKE SA that carries the child SAs, nil if there is none.
func (s *Session) up() *ikeSA {
	i := slices.IndexFunc(s.state.SAs, func(sa *ikeSA) bool { return sa.Stage == stageUp })
	if i < 0 {
		return nil
	}
	return s.state.SAs[i]
}

// remove forgets an IKE SA and its child SAs, but for those that drain: they go
// by themselves.
func (s *Session) remove(sa *ikeSA) {
	s.state.SAs = slices.DeleteFunc(s.state.SAs, func(other *ikeSA) bool { return other == sa })
	for _, c := range slices.Backward(s.children()) {
		if c.Owner == sa.localSPI() && c.RemoveAt == 0 {
			s.removeChild(c)
		}
	}
}

// close lets an IKE SA end by DELETE. Its child SAs end now: whoever wants to
// keep them has moved them to another IKE SA before.
func (s *Session) close(sa *ikeSA) {
	sa.Stage, sa.GoneAt = stageClosing, 0
	if sa.Request != nil && sa.Request.Kind != askDeleteIKE {
		// The answer does not matter any more, and the peer must take requests in
		// order: the DELETE waits for it, but not for long.
		sa.Request.Tries = max(sa.Request.Tries, maxTries-suspectTries)
	}
	s.drainAll(sa)
}

// lose forgets an IKE SA that worked, and says why.
func (s *Session) lose(sa *ikeSA, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	carried := sa.Stage == stageUp
	s.remove(sa)
	if !carried {
		return
	}
	s.state.LastError = reason
	if s.current() == nil {
		s.state.Failures, s.state.RetryAt = 0, s.now
	}
}

// ended forgets an IKE SA that ends at the peer too. Another is opened at once,
// but not over and over with a peer that ends whatever it gets.
func (s *Session) ended(sa *ikeSA, format string, args ...any) {
	s.lose(sa, format, args...)
	s.state.RetryAt = max(s.state.RetryAt, s.state.UpSince+minRetry)
}

// fail ends an attempt to open an IKE SA, and says why.
func (s *Session) fail(sa *ikeSA, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if sa.Stage != stageClosing {
		s.remove(sa)
	}
	s.failed(reason)
}

func (s *Session) failed(reason string) {
	s.state.LastError = reason
	pause := min(minRetry<<min(s.state.Failures, 10), maxRetry)
	s.state.Failures++
	s.state.RetryAt = s.now + s.jitter(pause, 4)
	s.event(Failed, "%s", reason)
}

func spiOctets(spi uint64) []byte { return binary.BigEndian.AppendUint64(nil, spi) }
