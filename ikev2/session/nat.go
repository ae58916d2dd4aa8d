package session

import (
	"bytes"
	"net/netip"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// Public returns our address as the peer sees it, invalid if nobody has said so.
func (s *Session) Public() netip.Addr { return s.state.Public }

// SeenAs tells our address as the peer sees it, learned inside the tunnel or from
// another peer.
func (s *Session) SeenAs(now Instant, public netip.Addr) Effects {
	return s.step(now, func() { s.seenAs(public) })
}

func (s *Session) seenAs(public netip.Addr) {
	if !public.Is4() || public == s.state.Local || public == s.state.Public {
		return
	}
	s.state.Public = public
	if public == s.state.Peer {
		s.event(Warning, "peer %s %s", s.peer(), sameNAT)
	}
}

// sameNAT and bothNAT say what two arrangements of NATs need to work.
const (
	sameNAT = "has our own public address: both of us are behind one NAT, which must give each an address of its own, or send back inside what goes to that address"
	bothNAT = "and we are both behind NATs: the one before the peer must forward UDP ports 500 and 4500 to it"
)

// noteNAT tells of an IKE SA that works because somebody forwards ports.
func (s *Session) noteNAT(sa *ikeSA) {
	if sa.NATLocal && sa.NATRemote && !sa.Pretend {
		s.event(Note, "peer %s %s, and does", s.peer(), bothNAT)
	}
}

// translation says what there is to know about NATs between us and a peer that
// does not answer, as a sentence after another.
func (s *Session) translation(sa *ikeSA) string {
	switch {
	case s.state.Public == s.state.Peer:
		return " The peer " + sameNAT
	case sa.NATLocal && sa.NATRemote && !sa.Pretend:
		return " The peer " + bothNAT
	}
	return ""
}

// float moves an IKE SA that a NAT translates to the port for that (RFC 7296
// section 2.23).
func (sa *ikeSA) float() {
	if sa.encap() && sa.Local.Port() == Port {
		sa.Local = netip.AddrPortFrom(sa.Local.Addr(), PortNAT)
		sa.Remote = netip.AddrPortFrom(sa.Remote.Addr(), PortNAT)
	}
}

// natDetection returns the notifications by which the peer learns whether our
// addresses are translated (RFC 7296 section 2.23).
func natDetection(sa *ikeSA) []wire.Payload {
	source := sa.Local
	if sa.Pretend {
		source = netip.AddrPortFrom(source.Addr(), 0)
	}
	return []wire.Payload{
		wire.Notify{Kind: wire.NATDetectionSourceIP, Data: wire.NATHash(sa.SPIi, sa.SPIr, source)},
		wire.Notify{Kind: wire.NATDetectionDestinationIP, Data: wire.NATHash(sa.SPIi, sa.SPIr, sa.Remote)},
	}
}

// detectNAT compares where a message of IKE_SA_INIT says it travelled with where
// it did. A peer that says nothing cannot do NAT traversal.
func detectNAT(sa *ikeSA, payloads []wire.Payload, p Packet) {
	spiI, spiR := sa.SPIi, sa.SPIr
	if !sa.Initiator {
		spiR = 0 // the initiator did not know it yet
	}
	translated := func(kind wire.NotifyType, at netip.AddrPort) bool {
		hash, said := wire.NATHash(spiI, spiR, at), false
		for _, payload := range payloads {
			if n, ok := payload.(wire.Notify); ok && n.Kind == kind {
				if bytes.Equal(n.Data, hash) {
					return false
				}
				said = true
			}
		}
		return said
	}
	sa.NATRemote = translated(wire.NATDetectionSourceIP, p.Remote)
	sa.NATLocal = translated(wire.NATDetectionDestinationIP, p.Local) || sa.Pretend
}
