package session

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Ports a new IKE SA may leave from when the usual ones may be what is broken:
// those nobody else on the box listens on (RFC 6335 section 6).
const (
	firstPrivatePort = 49152
	privatePorts     = 1 << 14
)

const (
	// silentPause is between two attempts that nobody answers. With the longest
	// wait in an attempt it makes less than 5 s, and that is how long a hub that
	// comes back waits for us.
	silentPause = time.Second
	// patientTime is how long that is worth its price, 18 kB a minute. A peer that
	// is away for longer is asked twice every half minute, for 3 MB a day.
	patientTime = 10 * time.Minute
)

// longDown reports whether the peer has been away so long that it is asked less
// often.
func (s *Session) longDown() bool {
	return s.state.DownSince != 0 && s.now-s.state.DownSince > patientTime
}

// silent ends an attempt that nobody answered, and says so. The next one may go
// by another port.
func (s *Session) silent(sa *ikeSA, format string, args ...any) {
	s.state.Silent++
	s.fail(sa, format, args...)
	switch {
	case s.longDown():
		s.state.RetryAt = s.now + s.jitter(maxRetry, 4)
	case sa.Glance:
		s.state.RetryAt = s.now
	default:
		s.state.RetryAt = s.now + s.jitter(silentPause, 4)
	}
}

// home returns the port at which the peer answered last, or else the one to
// begin with.
func (s *Session) home() uint16 {
	switch {
	case s.state.Start != 0:
		return s.state.Start
	case s.config.StartNAT:
		return PortNAT
	}
	return Port
}

// route returns the ends of the next attempt, and whether it only looks whether
// another path works. Ports 500 and 4500 alternate as long as no answer has
// shown which one works; once that is known, every other attempt is a glance at
// the other one or at what a new port of our own brings.
func (s *Session) route() (local, remote netip.AddrPort, glance bool) {
	here, there := s.home(), s.home()
	known := s.state.Start != 0
	switch n := s.state.Silent; {
	case s.state.Escape, known && n%4 == 3:
		here, there, glance = s.privatePort(), PortNAT, !s.state.Escape
		s.state.Escape = false
	case n%2 == 1:
		here = Port + PortNAT - here
		there, glance = here, known
	}
	return netip.AddrPortFrom(s.state.Local, here), netip.AddrPortFrom(s.state.Peer, there), glance
}

func (s *Session) privatePort() uint16 {
	return firstPrivatePort + binary.BigEndian.Uint16(s.draw(2))%privatePorts
}

// reached notes by which port the peer answers. One that answered before is
// given up only when the other one was better twice: a peer that comes back may
// just have done so while we looked there.
func (s *Session) reached(sa *ikeSA) {
	s.state.Silent = 0
	port, known := sa.Local.Port(), s.state.Start != 0
	switch {
	case port != Port && port != PortNAT:
		return
	case port == s.home():
		s.state.Start, s.state.Elsewhere = port, false
		return
	case known && !s.state.Elsewhere:
		s.state.Elsewhere = true
		return
	}
	s.event(Note, "peer %s answers on UDP port %d and not on %d; beginning there from now on", s.peer(), port, s.home())
	s.state.Start, s.state.Elsewhere = port, false
}
