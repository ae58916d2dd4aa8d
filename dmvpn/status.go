package dmvpn

import (
	"maps"
	"net/netip"
	"time"
)

// State is where a server's registration stands.
type State string

// The states in their order: the uplink is down or the server's name unknown;
// IKE and IPsec are on their way; requests are being sent; the server has
// granted the registration.
const (
	Down        State = "down"
	Protecting  State = "protecting"
	Registering State = "registering"
	Registered  State = "registered"
)

// Status is a snapshot of a tunnel.
type Status struct {
	Name     string         `json:"name"`
	Address  netip.Prefix   `json:"address"`
	Key      *uint32        `json:"key,omitempty"`
	Underlay string         `json:"underlay,omitempty"`
	VRF      string         `json:"vrf,omitempty"`
	Up       bool           `json:"up"`
	Servers  []ServerStatus `json:"servers"`
	Counters Counters       `json:"counters"`
}

// ServerStatus is a snapshot of the registration with one server.
type ServerStatus struct {
	// Address is the server's in the tunnel, Name what the configuration says
	// of its NBMA address, and NBMA what that is now.
	Address netip.Addr `json:"address"`
	Name    string     `json:"name"`
	NBMA    netip.Addr `json:"nbma,omitzero"`
	State   State      `json:"state"`
	// Routed says that the static routes lead to this server.
	Routed bool `json:"routed"`
	// Claimed is the NBMA address that we registered, Observed the one that
	// the server sees: they differ behind a NAT. Observed is absent if the
	// server does not say.
	Claimed   netip.Addr `json:"claimed,omitzero"`
	Observed  netip.Addr `json:"observed,omitzero"`
	BehindNAT bool       `json:"behind-nat"`
	// ExpiresIn is for how many seconds the server keeps the registration.
	ExpiresIn int `json:"expires-in"`
	// Requests counts registration requests sent, Replies those granted, and
	// Refusals the answers that granted nothing.
	Requests uint64 `json:"requests"`
	Replies  uint64 `json:"replies"`
	Refusals uint64 `json:"refusals"`
	// LastError says in a sentence why the box is not, or was last not,
	// registered.
	LastError string `json:"last-error,omitempty"`
}

// Counters counts NHRP packets since the process started. Sent and Received
// are by packet type.
type Counters struct {
	Sent     map[string]uint64 `json:"sent"`
	Received map[string]uint64 `json:"received"`
	// Malformed packets could not be read, Unauthenticated ones lack the
	// authentication string, and Unexpected ones answer nothing we asked.
	Malformed       uint64 `json:"malformed"`
	Unauthenticated uint64 `json:"unauthenticated"`
	Unexpected      uint64 `json:"unexpected"`
}

func newCounters() Counters {
	return Counters{Sent: make(map[string]uint64), Received: make(map[string]uint64)}
}

// Status returns a snapshot. It is safe for concurrent use.
func (t *Tunnel) Status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Status{
		Name:     t.name,
		Address:  t.cfg.Address,
		Key:      t.cfg.Key,
		Underlay: t.cfg.Underlay,
		VRF:      t.cfg.VRF,
		Up:       t.up,
		Counters: t.counters,
	}
	s.Counters.Sent = maps.Clone(t.counters.Sent)
	s.Counters.Received = maps.Clone(t.counters.Received)
	for _, c := range t.clients {
		s.Servers = append(s.Servers, c.status())
	}
	return s
}

// status returns a snapshot of c. The caller holds the tunnel's mu.
func (c *client) status() ServerStatus {
	left := max(0, c.registration.Until-c.t.sinceBoot())
	s := ServerStatus{
		Address:   c.server.Address,
		Name:      c.server.NBMA,
		NBMA:      c.nbma,
		State:     c.state,
		Routed:    c.t.via == c,
		ExpiresIn: int(left / time.Second),
		Requests:  c.requests,
		Replies:   c.replies,
		Refusals:  c.refusals,
		LastError: c.lastError,
	}
	if left > 0 {
		s.Claimed, s.Observed = c.registration.Claimed, c.registration.Observed
		s.BehindNAT = s.Observed.IsValid() && s.Observed != s.Claimed
	}
	return s
}
