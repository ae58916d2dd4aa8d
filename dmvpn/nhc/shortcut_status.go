package nhc

import (
	"net/netip"
	"time"
)

// ShortcutStatus is a snapshot of the direct path to a destination, or of why
// there is none.
type ShortcutStatus struct {
	// Destination is the prefix that the path is for, or the address that one is
	// looked for.
	Destination netip.Prefix `json:"destination"`
	// Peer is the spoke's address in the tunnel, NBMA where it is, and Claimed
	// where it takes itself to be. They are absent while nobody has answered.
	Peer      netip.Addr `json:"peer,omitzero"`
	NBMA      netip.Addr `json:"nbma,omitzero"`
	Claimed   netip.Addr `json:"claimed,omitzero"`
	BehindNAT bool       `json:"behind-nat"`
	State     PathPhase  `json:"state"`
	// UpDown is for how many seconds the path has been up, or not.
	UpDown int `json:"up-down-time"`
	// ExpiresIn is for how many seconds the answer is to be believed, or its
	// absence.
	ExpiresIn int `json:"expires-in"`
	// Cause says in a sentence why there is no direct path.
	Cause string `json:"cause,omitempty"`
}

// PathResolving: the hubs are asked who has the destination.
const PathResolving PathPhase = "resolving"

// PathPhases are all of them, in their order.
var PathPhases = []PathPhase{PathResolving, PathWaiting, PathProtecting, PathProbing, PathUp, PathHeld}

// Shortcuts returns a snapshot of every direct path, and of every destination
// that one is looked for.
func (c *Client) Shortcuts(now Instant) []ShortcutStatus {
	left := func(until Instant) int { return int(max(0, until-now) / time.Second) }
	var all []ShortcutStatus
	for _, s := range c.shortcuts {
		p := s.peer
		status := ShortcutStatus{
			Destination: s.prefix, Peer: p.address, NBMA: p.nbma, Claimed: p.claimed, BehindNAT: p.natted(),
			State: p.phase, UpDown: p.stretch.seconds(now), ExpiresIn: left(s.until),
		}
		if p.phase == PathHeld {
			status.Cause = p.reason
		}
		all = append(all, status)
	}
	for _, t := range c.targets {
		if t.renews != nil || t.missing && t.held != 0 && t.reason == "" {
			continue
		}
		status := ShortcutStatus{Destination: netip.PrefixFrom(t.dst, t.dst.BitLen()), State: PathResolving, ExpiresIn: left(t.held), Cause: t.reason}
		if t.held != 0 {
			status.State = PathHeld
		}
		all = append(all, status)
	}
	return all
}

// Watching reports whether it matters which peers carry traffic.
func (c *Client) Watching() bool { return len(c.peers) > 0 }
