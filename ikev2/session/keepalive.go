package session

import (
	"net/netip"
	"time"
)

// keepaliveInterval is how long a NAT before us is trusted to keep its mapping
// (RFC 3948 section 4) if nobody knows better.
const keepaliveInterval = 20 * time.Second

// KeepaliveEvery tells how long the NATs of the present uplink keep a mapping, 0
// if that is not known.
func (s *Session) KeepaliveEvery(now Instant, interval time.Duration) Effects {
	return s.step(now, func() { s.state.Keepalive = interval })
}

// KeepaliveInterval returns how often a mapping is kept alive that carries nothing
// else.
func (s *Session) KeepaliveInterval() time.Duration {
	if s.state.Keepalive > 0 {
		return s.state.Keepalive
	}
	return keepaliveInterval
}

// keepaliveAt returns when the mapping needs a packet, unless IKE or ESP sends
// one before.
func (s *Session) keepaliveAt(sa *ikeSA) (at Instant, ok bool) {
	return sa.Said + s.KeepaliveInterval(), sa.Stage == stageUp && sa.NATLocal
}

// keepalives keep the mapping of a NAT before us while nothing else is sent.
func (s *Session) keepalives() {
	for _, sa := range s.state.SAs {
		if at, ok := s.keepaliveAt(sa); ok && at <= s.now {
			sa.Said = s.now
			s.out.Keepalive = append(s.out.Keepalive, Packet{Local: sa.Local, Remote: sa.Remote})
		}
	}
}

// BehindNAT returns our address as the peer sees it, and whether it is another
// than ours and the peer answers on the port for that.
func (s *Session) BehindNAT() (public netip.Addr, ok bool) {
	sa := s.up()
	return s.state.Public, sa != nil && sa.NATLocal && sa.Remote.Port() == PortNAT && s.state.Public.IsValid()
}

// moved notes that the peer went on sending to where a NAT had us before.
func (s *Session) moved() {
	if sa := s.up(); sa != nil && sa.NATLocal {
		s.out.MappingMoved = true
	}
}
