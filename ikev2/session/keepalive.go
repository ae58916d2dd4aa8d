package session

// keepalives keep the mapping of a NAT before us while nothing else is sent by
// IKE (RFC 3948 section 4).
func (s *Session) keepalives() {
	for _, sa := range s.state.SAs {
		if sa.Stage == stageUp && sa.NATLocal && sa.Said+keepaliveInterval <= s.now {
			sa.Said = s.now
			s.out.Keepalive = append(s.out.Keepalive, Packet{Local: sa.Local, Remote: sa.Remote})
		}
	}
}
