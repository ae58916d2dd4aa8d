package ikev2

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/admission"
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
	// Requests are those to begin an IKE SA, and HalfOpen how many that others
	// have begun are not authenticated.
	Requests admission.Counters `json:"requests"`
	HalfOpen int                `json:"half-open,omitempty"`
	Drift    Drift              `json:"drift"`
}

// PeerStatus is a snapshot of one peer.
type PeerStatus struct {
	Profile   string `json:"profile"`
	Protected bool   `json:"protected"`
	// Guest says that nobody here asked for the peer: it came by itself, or
	// because of a packet to it.
	Guest bool `json:"guest,omitempty"`
	session.Status
}

// Status returns a snapshot.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	status := Status{
		VRF: e.vrf, Local: e.local, Peers: []PeerStatus{}, NAT: e.translatorStatus(),
		Panics: e.panics, Requests: e.gate.Counters(), Drift: e.drift,
	}
	status.HalfOpen, _ = e.halfOpen()
	status.Drift.Foreign = slices.Clone(e.drift.Foreign)
	for _, p := range e.peers {
		status.Peers = append(status.Peers, PeerStatus{
			Profile: p.profile.name, Protected: p.replaced != nil, Guest: p.guest, Status: p.session.Status(e.sinceBoot()),
		})
	}
	slices.SortFunc(status.Peers, func(a, b PeerStatus) int {
		return cmp.Or(a.Peer.Compare(b.Peer), cmp.Compare(a.Profile, b.Profile))
	})
	return status
}
