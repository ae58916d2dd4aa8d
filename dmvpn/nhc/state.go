package nhc

import "net/netip"

// State is what the next process must know, and cannot read back from the
// kernel. It is JSON in the checkpoint; fields are only added.
type State struct {
	// RequestID is the last one that may have been used.
	RequestID uint32 `json:"request-id"`
	// Registrations are by the server's address in the tunnel.
	Registrations map[netip.Addr]Registration `json:"registrations"`
	// Shared is who is behind our public address as well.
	Shared Shared `json:"shared,omitzero"`
	// Shortcuts are those that are up.
	Shortcuts []Shortcut `json:"shortcuts,omitempty"`
}

// Registration is one that a server has granted, to whom and until when.
type Registration struct {
	// Address is our tunnel address, Claimed the NBMA address we gave for it,
	// and Observed the one that the server saw, invalid if it did not say.
	Address  netip.Addr `json:"address"`
	Claimed  netip.Addr `json:"claimed"`
	Observed netip.Addr `json:"observed,omitzero"`
	// NBMA is the server's, Name what the configuration has for it.
	NBMA netip.Addr `json:"nbma"`
	Name string     `json:"name,omitempty"`
	// Group is the one that we said we belong to.
	Group string `json:"group,omitempty"`
	// Refresh is zero once it must be renewed whatever the clock says.
	Refresh Instant `json:"refresh"`
	// Since is when we came to be registered.
	Since Instant `json:"since,omitempty"`
	Until Instant `json:"until"`
}

// State returns what the next process must know.
func (c *Client) State() State {
	s := State{RequestID: c.reservedID, Shared: c.shared, Registrations: make(map[netip.Addr]Registration), Shortcuts: c.saveShortcuts()}
	for _, server := range c.order {
		if c.now < server.registration.Until {
			r := server.registration
			r.Since = server.stretch.since
			s.Registrations[server.address] = r
		}
	}
	return s
}

// restore takes over the registrations that an earlier process had.
func (c *Client) restore(state State) {
	for _, e := range c.entries {
		for address, reg := range state.Registrations {
			if reg.Address != c.cfg.Address.Addr() || c.now >= reg.Until {
				continue
			}
			var s *server
			switch {
			case e.cfg.Address == address:
				s = e.servers[0]
			case !e.cfg.Address.IsValid() && e.cfg.NBMA == reg.Name:
				s = e.add(reg.NBMA)
			default:
				continue
			}
			if reg.Group != c.cfg.Group {
				reg.Refresh = 0
			}
			s.address, s.registration, s.nbma, s.at, s.live = address, reg, reg.NBMA, reg.NBMA, true
			s.stretch = stretch{true, reg.Since}
			c.registered = true
		}
	}
}
