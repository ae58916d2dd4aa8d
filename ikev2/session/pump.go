package session

import (
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// pump begins whatever is next on an IKE SA that has no request outstanding. What
// is next follows from the state alone, so nothing is queued.
func (s *Session) pump(sa *ikeSA) {
	if sa.Request != nil {
		return
	}
	switch sa.Stage {
	case stageClosing:
		s.deleteIKE(sa)
	case stageUp:
		s.pumpUp(sa)
	}
}

func (s *Session) pumpUp(sa *ikeSA) {
	switch due, ended := s.childDue(sa), s.childEnded(sa); {
	case s.lacksChild(sa) && sa.CreateAt <= s.now:
		s.createChild(sa)
	case ended != nil:
		s.deleteChild(sa, ended)
	case due != nil && due != s.current():
		// The peer made another beside it: one is enough.
		s.retire(due)
		due.Delete = true
		s.deleteChild(sa, due)
	case due != nil:
		s.rekeyChild(sa, due, 0)
	case sa.RekeyAt <= s.now || max(sa.NextID, sa.PeerID) >= maxMessageID:
		s.rekeyIKE(sa, suite.GroupID(sa.Suite.Group.ID), 0)
	case sa.Heard+s.config.DPD <= s.now || sa.Suspect || s.questioned(sa):
		s.ask(sa, &request{Kind: askLiveness}, wire.Informational)
	}
}

// lacksChild reports whether a child SA is to be asked for.
func (s *Session) lacksChild(sa *ikeSA) bool {
	return s.state.Wanted && !slices.ContainsFunc(s.state.Children, func(c *childSA) bool {
		return c.Owner == sa.localSPI() && !c.Retired
	})
}

// childEnded returns a child SA that is to be deleted at the peer.
func (s *Session) childEnded(sa *ikeSA) *childSA {
	for _, c := range s.state.Children {
		if c.Owner == sa.localSPI() && c.Delete {
			return c
		}
	}
	return nil
}

// childDue returns a child SA that is to be rekeyed now.
func (s *Session) childDue(sa *ikeSA) *childSA {
	for _, c := range s.state.Children {
		if c.Owner == sa.localSPI() && s.rekeyable(c) && c.RekeyAt <= s.now {
			return c
		}
	}
	return nil
}

// rekeyable reports whether c is in use and not on its way out. One that the
// peer has replaced is: the peer is about to delete it.
func (s *Session) rekeyable(c *childSA) bool {
	return c.HasOut && !c.Retired && !c.Delete && s.replacedBy(c) == nil
}
