package session

import (
	"slices"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// neighbour returns the IKE SA of somebody else behind the same NAT who has a
// child SA, nil if there is none. ESP in transport mode to one address has one
// SA, the newest, so that the second peer would silence the first.
func (s *Session) neighbour(sa *ikeSA) *ikeSA {
	for _, other := range s.state.SAs {
		if other.Stage == stageUp && other.PeerName != sa.PeerName && other.Remote != sa.Remote &&
			other.NATRemote && sa.NATRemote && s.carries(other) {
			return other
		}
	}
	return nil
}

func (s *Session) carries(sa *ikeSA) bool {
	return slices.ContainsFunc(s.state.Children, func(c *childSA) bool { return c.Owner == sa.localSPI() && !c.Retired })
}

// turnAway refuses a child SA in favour of the neighbour's, who is asked at once
// whether it still lives: the next attempt may find it gone.
func (s *Session) turnAway(sa, neighbour *ikeSA) *wire.Notify {
	s.event(Warning, "%s at %s cannot be protected: behind the same public address lives %s, and ESP in transport mode cannot tell the two apart; give one of them a public address of its own, or let their traffic to us go by way of the hub",
		sa.PeerName, sa.Remote, neighbour.PeerName)
	neighbour.Suspect = true
	sa.GoneAt = s.now + lingerTime
	return &wire.Notify{Kind: wire.TSUnacceptable}
}
