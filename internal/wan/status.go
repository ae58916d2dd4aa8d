package wan

import (
	"time"

	"github.com/farspoke/farspoke/internal/uplink"
)

// Status is a snapshot of an interface.
type Status struct {
	// State is what the underlay offers.
	State uplink.State `json:"state"`
	// Present says that the port exists, Carrier that its cable carries.
	Present bool `json:"present"`
	Carrier bool `json:"carrier"`
	// DHCP is the client's state, empty for a static address.
	DHCP *DHCPStatus `json:"dhcp,omitempty"`
}

// DHCPStatus is a snapshot of the DHCP client.
type DHCPStatus struct {
	// State is the client's state by its name in RFC 2131.
	State string `json:"state"`
	// Server is the identifier of the lease's server, and Domain the domain
	// name it told.
	Server string `json:"server,omitempty"`
	Domain string `json:"domain,omitempty"`
	// Remaining is what is left of the lease, 0 for no lease or for ever.
	Remaining time.Duration `json:"remaining,omitempty"`

	ends time.Duration
}

// Status returns the interface's state. It is safe for concurrent use.
func (u *Underlay) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.status
	if s.DHCP != nil {
		dhcp := *s.DHCP
		if dhcp.ends > 0 {
			dhcp.Remaining = max(dhcp.ends-u.now(), 0)
		}
		s.DHCP = &dhcp
	}
	return s
}

// report makes the snapshot that Status returns.
func (u *Underlay) report(state uplink.State) {
	s := Status{Present: u.present, Carrier: u.port.Carrier}
	s.State, _ = u.state.Load()
	if u.client != nil {
		s.DHCP = &DHCPStatus{State: u.client.State().String()}
		if lease, ends, ok := u.client.Lease(); ok {
			s.DHCP.Server, s.DHCP.Domain, s.DHCP.ends = lease.Server.String(), lease.Domain, ends
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.status = s
}
