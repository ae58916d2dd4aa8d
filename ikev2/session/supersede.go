package session

// An IKE SA that is authenticated beside another takes its place: the peer, or
// we, authenticate anew (RFC 7296 section 2.8.3), or lost the old one. The side
// that initiated the IKE SA that stays deletes the others.
//
// Both sides may do so at once, and RFC 7296 has no rule for which of the two
// IKE SAs stays. Each would take the other's for the newer one and end up with
// none. So whichever came up while the other was being authenticated, which
// both sides see alike, the one with the lower SPIi stays.

// bringUp puts the first child SA of a newly authenticated IKE SA to work, and
// ends all that was before it. alone says that the peer has nothing else.
func (s *Session) bringUp(sa *ikeSA, c *childSA, alone bool) {
	s.state.LastError, s.state.Renew, s.state.Escape = "", false, false
	s.state.Failures, s.state.Silent, s.state.DownSince = 0, 0, 0
	first := s.carrier()
	if sa.Crossed && first != nil && first.SPIi < sa.SPIi {
		s.installIn(c)
		s.retire(c)
		s.supersede(sa, first)
		return
	}
	// A peer that comes from elsewhere found that its old path is dead.
	moved := first != nil && first.Remote != sa.Remote
	s.putToWork(c, sa.Initiator || alone || moved)
	for _, other := range s.each() {
		switch {
		case other == sa:
		case other.Stage == stageUp:
			s.supersede(other, sa)
		case other.Stage == stageAuthenticating, other.Stage == stageHalfOpen:
			other.Crossed = true
		case other.Stage == stageOpening:
			s.remove(other)
		}
	}
	if s.replaced(sa) {
		s.protected(c)
	}
}

// carrier returns the IKE SA of the child SA that carries traffic.
func (s *Session) carrier() *ikeSA {
	if c := s.current(); c != nil {
		return s.bySPI(c.Owner)
	}
	return nil
}

// supersede ends an IKE SA in favour of another.
func (s *Session) supersede(old, by *ikeSA) {
	if by.Initiator {
		s.close(old)
	} else {
		s.linger(old)
	}
}

// putToWork installs a child SA that was not made to replace another. If there
// is one all the same the peer may still rely on that, and not yet be ready to
// take what we send on the new one.
func (s *Session) putToWork(c *childSA, ready bool) {
	if old := s.current(); old != nil && !ready {
		s.standBy(c, old, readyTime)
		return
	}
	s.installIn(c)
	s.installOut(c)
}
