package dmvpn

import (
	"net/netip"

	"github.com/farspoke/farspoke/dmvpn/nhc"
)

// Status is a snapshot of a tunnel.
type Status struct {
	Name      string               `json:"name"`
	Address   netip.Prefix         `json:"address"`
	Key       *uint32              `json:"key,omitempty"`
	Underlay  string               `json:"underlay,omitempty"`
	IPsec     string               `json:"ipsec"`
	VRF       string               `json:"vrf,omitempty"`
	Up        bool                 `json:"up"`
	Servers   []nhc.ServerStatus   `json:"servers"`
	Shortcuts []nhc.ShortcutStatus `json:"shortcuts,omitempty"`
	Counters  nhc.Counters         `json:"counters"`
	Multicast MulticastCounters    `json:"multicast"`
}

// What a reader of a Status needs of package nhc.
type (
	ServerStatus   = nhc.ServerStatus
	ShortcutStatus = nhc.ShortcutStatus
	State          = nhc.Phase
	PathState      = nhc.PathPhase
	Counters       = nhc.Counters
)

// The states of a server in their order.
const (
	Waiting     = nhc.Waiting
	Down        = nhc.Down
	Protecting  = nhc.Protecting
	Registering = nhc.Registering
	Registered  = nhc.Registered
)

// Name returns the tunnel's name.
func (t *Tunnel) Name() string { return t.name }

// Explain says in a sentence which way traffic to an address takes, and why it is
// not the direct one. It is safe for concurrent use.
func (t *Tunnel) Explain(to netip.Addr) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client.Explain(t.sinceBoot(), to)
}

// Status returns a snapshot. It is safe for concurrent use.
func (t *Tunnel) Status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	servers, counters := t.client.Status(t.sinceBoot())
	return Status{
		Name:      t.name,
		Address:   t.cfg.Address,
		Key:       t.cfg.Key,
		Underlay:  t.cfg.Underlay,
		IPsec:     t.cfg.IPsec,
		VRF:       t.cfg.VRF,
		Up:        t.up,
		Servers:   servers,
		Shortcuts: t.client.Shortcuts(t.sinceBoot()),
		Counters:  counters,
		Multicast: t.multicast.counters(),
	}
}
