package session

// expire ends what has lasted too long.
func (s *Session) expire() {
	for _, c := range s.children() {
		switch {
		case c.RemoveAt != 0 && c.RemoveAt <= s.now:
			s.removeChild(c)
		case c.ActivateAt != 0 && c.ActivateAt <= s.now:
			s.activate(c)
		case c.HardAt <= s.now && !c.Retired:
			s.removeChild(c)
			if sa := s.bySPI(c.Owner); sa != nil && s.current() == nil {
				s.lose(sa, "the child SA reached the end of its lifetime; peer %s let us not rekey it", s.peer())
			}
		}
	}
	for _, sa := range s.each() {
		if sa.GoneAt != 0 && sa.GoneAt <= s.now {
			s.remove(sa)
		}
	}
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
