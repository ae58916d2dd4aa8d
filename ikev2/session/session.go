// Package session is IKEv2 between us and one peer, in both roles (RFC 7296),
// as a pure state machine: it takes messages, the passing of time and commands,
// and returns what is to be done about them. It has no clock, no socket and no
// kernel in it, so that a test can run two of them against each other in any
// order of events.
//
// A Session holds every IKE SA it has with its peer: the one that carries the
// child SAs, one that is being opened, those that replaced each other and wait
// to be deleted. All of its state is one value, State, that survives the
// process: a Session made from a saved State goes on with the same SPIs, keys
// and message ids.
//
// Invariants:
//   - Two different messages never leave under one message id and role; the
//     initialization vectors of suite.Seal rest on that.
//   - At most one request is outstanding per IKE SA, and the last response is
//     kept for a peer that asks again (window of 1, RFC 7296 section 2.3).
//   - What is not authenticated is a hint. It may end waiting early; it never
//     ends an SA.
//   - A new pair of child SAs is installed before the old one is removed.
package session

import (
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// Ports of IKE, without and with NAT traversal (RFC 7296 section 2.23).
const (
	Port    = 500
	PortNAT = 4500
)

// Instant is a time on a clock that never jumps and goes on over a restart of
// the process, counted from the start of the system.
type Instant = time.Duration

// Packet is one IKE message and the addresses it travels between. Local's port
// is Port or PortNAT.
type Packet struct {
	Local, Remote netip.AddrPort
	Data          []byte
}

// Session is the state machine. It is not safe for concurrent use.
type Session struct {
	config Config
	random io.Reader
	state  State
	now    Instant
	out    Effects
	// asked is the packet being taken; its ends are those of the answer.
	asked Packet
}

// State is all that a Session remembers. It holds keys. Only this package looks
// into it; others keep it as JSON.
type State struct {
	Peer netip.Addr
	// Local is our address on the uplink, invalid while there is none, and
	// LastLocal the one it was or is.
	Local     netip.Addr
	LastLocal netip.Addr
	// Wanted says that a lost IKE SA is to be opened again.
	Wanted bool
	// Closing says that good-bye was said.
	Closing  bool
	SAs      []*ikeSA
	Children []*childSA
	// Group and ChildGroup are what the peer asked for by INVALID_KE_PAYLOAD.
	Group, ChildGroup suite.GroupID
	// Renew asks for a new IKE SA beside the present one, which the peer does
	// not let us rekey.
	Renew bool
	// Failures counts attempts that failed since an IKE SA that worked was last
	// lost, RetryAt is when to make the next.
	Failures  int
	RetryAt   Instant
	LastError string
	// RefusedAt is when a message of another version was last answered.
	RefusedAt Instant
	// DownSince is when the attempts began, 0 while an IKE SA works. Silent counts
	// those in a row that nobody answered.
	DownSince Instant
	Silent    int
	// Escape lets the next attempt leave from a port of its own.
	Escape bool

	// What is known about the path to the peer: how long answers take, the port
	// at which it answers IKE_SA_INIT and whether it answered at the other one
	// since, whether it refuses our exact traffic selectors, and whether ESP must
	// travel in UDP although no NAT demands it.
	RoundTrip roundTrip
	Start     uint16
	Elsewhere bool
	Wide      bool
	Pretend   bool
	// Public is our address as the peer sees it.
	Public netip.Addr
	// Keepalive is the interval of NAT keepalives, 0 for the usual one.
	Keepalive time.Duration
	Ladder    ladder
	// Protected says that Up was the last of Up and Lost, at UpSince.
	Protected bool
	UpSince   Instant
	Counters  Counters
}

// Counters count since the Session began.
type Counters struct {
	Retransmissions uint64 `json:"retransmissions"`
	Duplicates      uint64 `json:"duplicates"`
	Malformed       uint64 `json:"malformed"`
	Unauthenticated uint64 `json:"unauthenticated"`
	Stray           uint64 `json:"stray"`
	ChildRekeys     uint64 `json:"child-rekeys"`
	IKERekeys       uint64 `json:"ike-rekeys"`
	Authentications uint64 `json:"authentications"`
}

// New returns a Session that has nothing yet. It reads from random alone, so
// that a test can repeat what happened.
func New(config Config, peer netip.Addr, random io.Reader) *Session {
	return &Session{config: config, random: random, state: State{Peer: peer}}
}

// Restore returns a Session that goes on from a saved State, made under an equal
// Config.
func Restore(config Config, state State, random io.Reader) *Session {
	return &Session{config: config, random: random, state: state}
}

// State returns what to save. It shares memory with the Session.
func (s *Session) State() State { return s.state }

// Owns reports whether the message belongs to one of the Session's IKE SAs.
func (s *Session) Owns(h wire.Header) bool { return s.find(h) != nil }

// Peer returns where the peer is: its address as we know it, which changes if the
// NAT before it does (RFC 7296 section 2.23).
func (s *Session) Peer() netip.Addr { return s.state.Peer }

// Wanted reports whether a lost IKE SA is opened again.
func (s *Session) Wanted() bool { return s.state.Wanted }

// Proven reports whether every IKE SA there is belongs to a peer that has proven
// to be who the configuration demands. It matters to a Session that was restored
// under a stricter one.
func (s *Session) Proven() bool {
	return s.config.AnyRemoteID || !slices.ContainsFunc(s.state.SAs, func(sa *ikeSA) bool {
		return sa.Stage == stageUp && sa.PeerName != s.remoteID().String()
	})
}

// Idle reports whether nothing is left: no SA, and nothing to wait for.
func (s *Session) Idle() bool {
	return len(s.state.SAs) == 0 && len(s.state.Children) == 0 && !s.state.Wanted
}

// Want opens an IKE SA with a child SA unless there is one, and from now on
// whenever it is lost.
func (s *Session) Want(now Instant) Effects {
	return s.step(now, func() { s.state.Wanted, s.state.Closing = true, false })
}

// Hurry ends the pause before the next attempt, because traffic waits for it.
// After several failures in a row the pause stays: it spares the peer.
func (s *Session) Hurry(now Instant) Effects {
	return s.step(now, func() {
		if s.state.Failures <= hurriedFailures {
			s.state.RetryAt = min(s.state.RetryAt, now)
		}
		for _, sa := range s.state.SAs {
			sa.CreateAt = min(sa.CreateAt, now)
		}
	})
}

// Forgo lets what there is live on, but does not open it again once lost.
func (s *Session) Forgo(now Instant) Effects {
	return s.step(now, func() { s.state.Wanted = false })
}

// Uplink tells our address on the uplink, invalid while it is down. An SA that
// was made from another address cannot be used any more.
func (s *Session) Uplink(now Instant, local netip.Addr) Effects {
	return s.step(now, func() {
		if s.state.Local == local {
			return
		}
		s.state.Local = local
		if !local.IsValid() {
			return // all is kept for the case that the same address returns
		}
		for _, sa := range s.each() {
			if sa.Local.Addr() != local {
				s.lose(sa, "our address on the uplink changed from %s to %s", sa.Local.Addr(), local)
			}
		}
		s.resend()
		s.state.Failures, s.state.Silent, s.state.RetryAt = 0, 0, now
		if local != s.state.LastLocal {
			s.state.LastLocal, s.state.Public, s.state.Pretend = local, netip.Addr{}, false
		}
		s.calm()
	})
}

// Tick lets time pass. Call it no later than Deadline.
func (s *Session) Tick(now Instant) Effects { return s.step(now, func() {}) }

// Close says good-bye: every IKE SA is deleted at the peer and every child SA
// here. Once Idle, all has been said.
func (s *Session) Close(now Instant) Effects { return s.step(now, s.goodbye) }

func (s *Session) goodbye() {
	s.state.Wanted, s.state.Closing = false, true
	s.state.LastError = "we closed it"
	for _, sa := range s.each() {
		if sa.Stage == stageUp || sa.Stage == stageReplaced {
			s.close(sa)
		} else if sa.Stage != stageClosing {
			s.remove(sa)
		}
	}
	for _, c := range slices.Backward(s.children()) {
		s.removeChild(c)
	}
}

// step runs one input and then all that has become due by it or by time.
func (s *Session) step(now Instant, input func()) Effects {
	s.now, s.out = max(now, s.now), Effects{}
	input()
	s.expire()
	if s.state.Local.IsValid() {
		s.climb()
		for _, sa := range s.each() {
			s.retransmit(sa)
		}
		s.attempt()
		for _, sa := range s.each() {
			s.pump(sa)
		}
		s.keepalives()
	}
	s.unprotected()
	return s.out
}

// each returns the IKE SAs as they are now; the caller may remove any of them.
func (s *Session) each() []*ikeSA { return append([]*ikeSA(nil), s.state.SAs...) }

func (s *Session) children() []*childSA { return append([]*childSA(nil), s.state.Children...) }

// draw returns n octets of randomness. The source is the kernel's, which does
// not fail (crypto/rand crashes the process if it would).
func (s *Session) draw(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		panic("session: random source failed: " + err.Error())
	}
	return b
}

// jitter returns d shortened by up to a fraction of 1/part.
func (s *Session) jitter(d time.Duration, part int64) time.Duration {
	span := uint64(d) / uint64(part)
	if span == 0 {
		return d
	}
	return d - time.Duration(binary.BigEndian.Uint64(s.draw(8))%span)
}

// ikeSPI returns a fresh SPI for an IKE SA.
func (s *Session) ikeSPI() uint64 {
	for {
		if spi := binary.BigEndian.Uint64(s.draw(8)); spi >= 256 {
			return spi
		}
	}
}

// childSPI returns a fresh SPI for an inbound child SA.
func (s *Session) childSPI() uint32 {
	for {
		if spi := binary.BigEndian.Uint32(s.draw(4)); spi >= 256 && s.childIn(spi) == nil {
			return spi
		}
	}
}

// nonceLength is that of our nonces, at least half the key of every
// pseudo-random function (RFC 7296 section 2.10).
const nonceLength = 32
