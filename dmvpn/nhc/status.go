package nhc

import (
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
	// SharedWith is the tunnel address of a spoke that is seen under the same
	// address as we, absent if none is known.
	SharedWith netip.Addr `json:"shared-with,omitzero"`
	// UpDown is for how many seconds it has been fit to carry traffic, or not.
	UpDown int `json:"up-down-time"`
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

// Status returns a snapshot of every server, in the order of the configuration,
// and the counters.
func (c *Client) Status(now Instant) ([]ServerStatus, Counters) {
	var servers []ServerStatus
	for _, e := range c.entries {
		for _, s := range e.servers {
			servers = append(servers, c.status(s, now))
		}
	}
	return servers, c.counters.snapshot()
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
		UpDown:    s.stretch.seconds(now),
		ExpiresIn: int(left / time.Second),
		Requests:  s.requests,
		Replies:   s.replies,
		Refusals:  s.refusals,
		LastError: s.lastError,
	}
	if left > 0 {
		status.Claimed, status.Observed = s.registration.Claimed, s.registration.Observed
		status.SharedWith = c.sharedWith(status.Observed)
		status.BehindNAT = status.Observed.IsValid() && status.Observed != status.Claimed
	}
	return status
}
