package ikev2

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/session"
)

// Status is a snapshot of the Engine.
type Status struct {
	VRF   string       `json:"vrf,omitempty"`
	Local netip.Addr   `json:"local,omitzero"`
	Peers []PeerStatus `json:"peers"`
	// NAT is about the uplinks whose addresses are translated.
	NAT []TranslatorStatus `json:"nat,omitempty"`
	// Panics counts packets that met a bug.
	Panics uint64 `json:"panics,omitempty"`
}

// PeerStatus is a snapshot of one peer.
type PeerStatus struct {
	Profile   string `json:"profile"`
	Protected bool   `json:"protected"`
	session.Status
}

// Status returns a snapshot.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	status := Status{VRF: e.vrf, Local: e.local, Peers: []PeerStatus{}, NAT: e.translatorStatus(), Panics: e.panics}
	for _, p := range e.peers {
		status.Peers = append(status.Peers, PeerStatus{
			Profile: p.profile.name, Protected: p.replaced != nil, Status: p.session.Status(e.sinceBoot()),
		})
	}
	slices.SortFunc(status.Peers, func(a, b PeerStatus) int {
		return cmp.Or(a.Peer.Compare(b.Peer), cmp.Compare(a.Profile, b.Profile))
	})
	return status
}
