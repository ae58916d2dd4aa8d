package session

import (
	"fmt"
	"net/netip"
	"time"
)

// Status is a snapshot for an operator. It holds no keys.
type Status struct {
	Peer  netip.Addr `json:"peer"`
	State string     `json:"state"`
	Role  string     `json:"role,omitempty"`
	// Identity is what the peer has proven to be.
	Identity   string         `json:"identity,omitempty"`
	Local      netip.AddrPort `json:"local,omitzero"`
	Remote     netip.AddrPort `json:"remote,omitzero"`
	SPIi       string         `json:"spi-initiator,omitempty"`
	SPIr       string         `json:"spi-responder,omitempty"`
	Algorithms string         `json:"algorithms,omitempty"`
	// NAT says at which end addresses are translated: none, local, remote, both;
	// or that we pretend it.
	NAT      string        `json:"nat,omitempty"`
	RekeyIn  time.Duration `json:"rekey-in,omitempty"`
	Children []ChildStatus `json:"children,omitempty"`
	// Uptime is since the peer was authenticated.
	Uptime    time.Duration `json:"uptime,omitempty"`
	LastError string        `json:"last-error,omitempty"`
	RetryIn   time.Duration `json:"retry-in,omitempty"`
	// Path says how traffic fares: answered, or what is being done about it, and
	// Unanswered for how long it has not been.
	Path       string        `json:"path,omitempty"`
	Unanswered time.Duration `json:"unanswered,omitempty"`
	// RoundTrip is how long answers of the peer take.
	RoundTrip time.Duration `json:"round-trip,omitempty"`
	// Public is our address as the peer sees it, if it says so.
	Public   netip.Addr `json:"public,omitzero"`
	Compat   Compat     `json:"compat,omitzero"`
	Counters Counters   `json:"counters"`
}

// Compat is what was found out about the peer and is remembered.
type Compat struct {
	// StartPort is the UDP port at which it answers IKE_SA_INIT.
	StartPort uint16 `json:"start-port,omitempty"`
	// Group and ChildGroup are the key exchange groups it asked for.
	Group      string `json:"group,omitempty"`
	ChildGroup string `json:"child-group,omitempty"`
	// Selectors is any if it refuses our exact traffic selectors.
	Selectors string `json:"selectors,omitempty"`
}

// ChildStatus is one child SA.
type ChildStatus struct {
	SPIIn      string        `json:"spi-in"`
	SPIOut     string        `json:"spi-out"`
	State      string        `json:"state"`
	Algorithms string        `json:"algorithms"`
	UDP        bool          `json:"udp"`
	Age        time.Duration `json:"age"`
	RekeyIn    time.Duration `json:"rekey-in,omitempty"`
}

// Status returns a snapshot at the given time.
func (s *Session) Status(now Instant) Status {
	status := Status{
		Peer: s.state.Peer, State: "down", LastError: s.state.LastError, Counters: s.state.Counters,
		RoundTrip: s.state.RoundTrip.Smoothed.Round(time.Millisecond), Public: s.state.Public, Compat: s.compat(),
	}
	if !s.state.Local.IsValid() {
		status.State = "waiting for the uplink"
	} else if s.state.Wanted && s.wantsAttempt() {
		status.State, status.RetryIn = "waiting to try again", max(s.state.RetryAt-now, 0)
	}
	if sa := s.shown(); sa != nil {
		status.State = sa.Stage.String()
		status.Role = map[bool]string{true: "initiator", false: "responder"}[sa.Initiator]
		status.Identity, status.Local, status.Remote = sa.PeerName, sa.Local, sa.Remote
		status.SPIi, status.SPIr = fmt.Sprintf("%016x", sa.SPIi), fmt.Sprintf("%016x", sa.SPIr)
		if sa.Stage == stageUp {
			status.Algorithms, status.NAT = sa.Suite.String(), sa.nat()
			status.RekeyIn = max(sa.RekeyAt-now, 0)
		}
	}
	if l := &s.state.Ladder; s.current() != nil {
		status.Path = l.Rung.String()
		if l.Rung != rungCalm {
			status.Unanswered = now - l.Began
		}
	}
	if s.state.Protected {
		status.Uptime = now - s.state.UpSince
	}
	for _, c := range s.state.Children {
		child := ChildStatus{
			SPIIn: fmt.Sprintf("%08x", c.SPIIn), SPIOut: fmt.Sprintf("%08x", c.SPIOut),
			State: "in use", Algorithms: c.Suite.String(), UDP: c.Encap, Age: now - c.Created,
		}
		switch {
		case c.Retired:
			child.State = "ending"
		case !c.HasOut:
			child.State = "receiving only"
		default:
			child.RekeyIn = max(c.RekeyAt-now, 0)
		}
		status.Children = append(status.Children, child)
	}
	return status
}

// shown returns the IKE SA that matters most to an operator.
func (s *Session) shown() *ikeSA {
	if sa := s.up(); sa != nil {
		return sa
	}
	for _, sa := range s.state.SAs {
		if sa.Stage != stageReplaced && sa.Stage != stageRefused {
			return sa
		}
	}
	return nil
}

func (s *Session) compat() Compat {
	c := Compat{StartPort: s.state.Start}
	if s.state.Group != 0 {
		c.Group = s.state.Group.String()
	}
	if s.state.ChildGroup != 0 {
		c.ChildGroup = s.state.ChildGroup.String()
	}
	if s.state.Wide {
		c.Selectors = "any"
	}
	return c
}

func (sa *ikeSA) nat() string {
	switch {
	case sa.NATLocal && sa.NATRemote:
		return "both"
	case sa.Pretend:
		return "pretended"
	case sa.NATLocal:
		return "local"
	case sa.NATRemote:
		return "remote"
	}
	return "none"
}
