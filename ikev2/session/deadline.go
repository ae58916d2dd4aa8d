package session

import "fmt"

// expire ends what has lasted too long.
func (s *Session) expire() {
	for _, c := range s.children() {
		switch {
		case c.RemoveAt != 0 && c.RemoveAt <= s.now:
			s.removeChild(c)
		case c.ActivateAt != 0 && c.ActivateAt <= s.now:
			s.activate(c)
		case c.DeleteAt != 0 && c.DeleteAt <= s.now:
			c.Delete, c.DeleteAt = true, 0
		case c.HardAt <= s.now && !c.Retired:
			s.outlive(c)
		}
	}
	for _, sa := range s.each() {
		switch {
		case sa.GoneAt == 0 || sa.GoneAt > s.now:
		case sa.Stage == stageReplaced, sa.Stage == stageUp:
			s.close(sa) // the peer should have
		default:
			s.remove(sa)
		}
	}
}

// outlive ends the use of a child SA whose keys have been used for long enough,
// and tells the peer.
func (s *Session) outlive(c *childSA) {
	if s.current() == c {
		s.state.LastError = fmt.Sprintf("the child SA reached the end of its lifetime; peer %s let us not rekey it", s.peer())
	}
	s.retire(c)
	s.removeIn(c)
	c.Delete = true
}

// Deadline returns when Tick must be called at the latest, false for never.
func (s *Session) Deadline() (at Instant, ok bool) {
	earliest := func(t Instant) {
		if !ok || t < at {
			at, ok = t, true
		}
	}
	online := s.state.Local.IsValid()
	if online && s.state.Wanted && s.wantsAttempt() {
		earliest(s.state.RetryAt)
	}
	for _, c := range s.state.Children {
		if c.RemoveAt != 0 {
			earliest(c.RemoveAt)
		}
		if c.ActivateAt != 0 {
			earliest(c.ActivateAt)
		}
		if c.DeleteAt != 0 {
			earliest(c.DeleteAt)
		}
		if !c.Retired {
			earliest(c.HardAt)
		}
	}
	for _, sa := range s.state.SAs {
		if sa.GoneAt != 0 {
			earliest(sa.GoneAt)
		}
		if !online {
			continue
		}
		if at, ok := s.keepaliveAt(sa); ok {
			earliest(at)
		}
		if sa.Request != nil {
			earliest(sa.Request.Due)
			continue
		}
		if sa.Stage == stageUp {
			s.upDeadlines(sa, earliest)
		}
	}
	if sa := s.up(); online && sa != nil && s.state.Wanted && s.current() != nil {
		if at, ok := s.climbAt(sa); ok {
			earliest(at)
		}
	}
	return at, ok
}

func (s *Session) upDeadlines(sa *ikeSA, earliest func(Instant)) {
	earliest(sa.RekeyAt)
	earliest(sa.Heard + s.config.DPD)
	if s.lacksChild(sa) {
		earliest(sa.CreateAt)
	}
	for _, c := range s.state.Children {
		if c.Owner == sa.localSPI() && s.rekeyable(c) {
			earliest(c.RekeyAt)
		}
	}
}
