package session

// send sends the outstanding request and sets when to send it again.
func (s *Session) send(sa *ikeSA, r *request) {
	wait := firstWait
	for range r.Tries {
		wait = min(wait*9/5, maxWait)
	}
	r.Tries++
	r.Due = s.now + s.jitter(wait, 8)
	s.transmit(sa, r.Packet)
}

func (s *Session) transmit(sa *ikeSA, data []byte) {
	sa.Said = s.now
	s.out.Send = append(s.out.Send, Packet{Local: sa.Local, Remote: sa.Remote, Data: data})
}

// retransmit repeats the outstanding request when it is due, and draws the
// conclusion when it was repeated often enough.
func (s *Session) retransmit(sa *ikeSA) {
	r := sa.Request
	if r == nil || r.Due > s.now {
		return
	}
	limit := maxTries
	if sa.Suspect {
		limit = suspectTries
	}
	if r.Tries < limit {
		s.state.Counters.Retransmissions++
		s.send(sa, r)
		return
	}
	peer := s.peer()
	switch sa.Stage {
	case stageOpening:
		if hint := sa.Handshake.Hint; hint != "" {
			s.fail(sa, "%s", hint)
			return
		}
		s.fail(sa, "peer %s does not answer on UDP port %d; is it reachable, and does it speak IKEv2?", peer, sa.Remote.Port())
	case stageAuthenticating:
		s.fail(sa, "peer %s answered IKE_SA_INIT but not IKE_AUTH; is UDP port %d filtered on the way?", peer, sa.Remote.Port())
	case stageClosing:
		s.remove(sa)
	default:
		s.lose(sa, "peer %s has stopped answering", peer)
	}
}
