package session

// maxHalfOpen bounds how many IKE SAs a peer may begin without following up.
const maxHalfOpen = 4

// HalfOpen returns how many IKE SAs others have begun here and not authenticated,
// and when the first of them was begun.
func (s *Session) HalfOpen() (n int, since Instant) {
	for _, sa := range s.state.SAs {
		if sa.Stage != stageHalfOpen {
			continue
		}
		if began := sa.GoneAt - halfOpenTime; n == 0 || began < since {
			since = began
		}
		n++
	}
	return n, since
}

// Fleeting reports whether there is nothing, or nothing yet but IKE SAs that
// others have begun. A process may end without having kept them: not a single encrypted
// message has left under their keys, and who meant them begins anew.
func (s *Session) Fleeting() bool {
	n, _ := s.HalfOpen()
	return n == len(s.state.SAs) && len(s.state.Children) == 0 && !s.state.Wanted
}

// Abandon forgets the IKE SA that was begun first and is not authenticated.
// Whoever meant it would have followed up within a round trip or two.
func (s *Session) Abandon(now Instant) Effects {
	return s.step(now, s.makeRoom)
}

func (s *Session) makeRoom() {
	var oldest *ikeSA
	for _, sa := range s.state.SAs {
		if sa.Stage == stageHalfOpen && (oldest == nil || sa.GoneAt < oldest.GoneAt) {
			oldest = sa
		}
	}
	if oldest != nil {
		s.remove(oldest)
	}
}
