package nhc

import (
	"maps"
	"net/netip"
	"time"
)

// ServerStatus is a snapshot of the registration with one server.
type ServerStatus struct {
	// Address is the server's in the tunnel, invalid if it is learned and not
	// yet known. Name is what the configuration says of its NBMA address, and
	// NBMA what that is now.
	Address netip.Addr `json:"address,omitzero"`
	Name    string     `json:"name"`
	NBMA    netip.Addr `json:"nbma,omitzero"`
	// Cluster and Priority order servers, lowest first.
	Cluster  uint8 `json:"cluster"`
	Priority uint8 `json:"priority"`
	State    Phase `json:"state"`
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
	// Limited is how often a peer provoked more than it may.
	Limited uint64 `json:"limited"`
	// ErrorsSent and ErrorsReceived count error indications by what they say.
	ErrorsSent     map[string]uint64 `json:"errors-sent"`
	ErrorsReceived map[string]uint64 `json:"errors-received"`
}

func newCounters() Counters {
	return Counters{
		Sent: make(map[string]uint64), Received: make(map[string]uint64),
		ErrorsSent: make(map[string]uint64), ErrorsReceived: make(map[string]uint64),
	}
}

// Status returns a snapshot of every server, in the order of the configuration,
// and the counters.
func (c *Client) Status(now Instant) ([]ServerStatus, Counters) {
	var servers []ServerStatus
	for _, e := range c.entries {
		for _, s := range e.servers {
			servers = append(servers, c.status(s, now))
		}
	}
	counters := c.counters
	counters.Sent = maps.Clone(counters.Sent)
	counters.Received = maps.Clone(counters.Received)
	counters.ErrorsSent = maps.Clone(counters.ErrorsSent)
	counters.ErrorsReceived = maps.Clone(counters.ErrorsReceived)
	return servers, counters
}

func (c *Client) status(s *server, now Instant) ServerStatus {
	left := max(0, s.registration.Until-now)
	status := ServerStatus{
		Address:   s.address,
		Name:      s.cfg.NBMA,
		NBMA:      s.at,
		Cluster:   s.cfg.Cluster,
		Priority:  s.cfg.Priority,
		State:     s.phase,
		Routed:    c.via == s,
		ExpiresIn: int(left / time.Second),
		Requests:  s.requests,
		Replies:   s.replies,
		Refusals:  s.refusals,
		LastError: s.lastError,
	}
	if left > 0 {
		status.Claimed, status.Observed = s.registration.Claimed, s.registration.Observed
		status.BehindNAT = status.Observed.IsValid() && status.Observed != status.Claimed
	}
	return status
}
