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
	// NAT says at which end addresses are translated: none, local, remote, both.
	NAT      string        `json:"nat,omitempty"`
	RekeyIn  time.Duration `json:"rekey-in,omitempty"`
	Children []ChildStatus `json:"children,omitempty"`
	// Uptime is since the peer was authenticated.
	Uptime    time.Duration `json:"uptime,omitempty"`
	LastError string        `json:"last-error,omitempty"`
	RetryIn   time.Duration `json:"retry-in,omitempty"`
	Counters  Counters      `json:"counters"`
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
	status := Status{Peer: s.state.Peer, State: "down", LastError: s.state.LastError, Counters: s.state.Counters}
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
			status.Algorithms, status.NAT = sa.Suite.String(), nat(sa.NATLocal, sa.NATRemote)
			status.RekeyIn = max(sa.RekeyAt-now, 0)
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

func nat(local, remote bool) string {
	switch {
	case local && remote:
		return "both"
	case local:
		return "local"
	case remote:
		return "remote"
	}
	return "none"
}
