package session

import "net/netip"

// SAMoved tells that a verified packet of an inbound SA came from another
// address or port: the NAT before the peer forgot its mapping.
func (s *Session) SAMoved(now Instant, spi uint32, remote netip.AddrPort) Effects {
	return s.step(now, func() {
		if c := s.childIn(spi); c != nil && c.Encap {
			if sa := s.bySPI(c.Owner); sa != nil {
				s.follow(sa, remote)
			}
		}
	})
}

// follow moves an IKE SA and its child SAs to where the peer now is (RFC 7296
// section 2.23). The caller has proof that the peer sent from there, and the
// peer is behind a NAT.
//
// Another port is always followed. Another address is followed only for a peer
// that called us and that nobody here asked for: GRE goes to the address it was
// told, so the SAs of a peer wanted at one address must stay there, and are lost
// and opened anew if nobody answers. The GRE of a peer that has moved finds its
// SAs as soon as NHRP has learnt the new address.
func (s *Session) follow(sa *ikeSA, remote netip.AddrPort) {
	elsewhere := remote.Addr() != sa.Remote.Addr()
	if sa.Remote == remote || elsewhere && (sa.Initiator || s.state.Wanted) {
		return
	}
	s.event(Note, "the NAT before the peer moved it from %s to %s", sa.Remote, remote)
	sa.Remote = remote
	if elsewhere {
		s.state.Peer = remote.Addr()
	}
	for _, c := range s.state.Children {
		if c.Owner == sa.localSPI() {
			s.moveChild(c, remote)
		}
	}
}

func (s *Session) moveChild(c *childSA, remote netip.AddrPort) {
	in, out := c.in(), c.outbound()
	elsewhere := remote.Addr() != c.Remote.Addr()
	c.Remote = remote
	for _, sa := range []struct {
		installed bool
		from, to  SA
	}{{c.HasIn, in, c.in()}, {c.HasOut, out, c.outbound()}} {
		switch {
		case !sa.installed:
		case elsewhere:
			s.out.Move = append(s.out.Move, Move{From: sa.from, To: sa.to})
		default:
			s.out.Update = append(s.out.Update, sa.to)
		}
	}
}
