package ikev2

import "github.com/farspoke/farspoke/internal/value"

// greHeader is that of GRE with a key (RFC 2890), in octets.
const greHeader = 8

// MTU is the largest IP packet, in octets, that fits into GRE with a key to the
// peers of the profile: over the uplink as it now is, by the ciphers and the
// encapsulation agreed on. It is 0 until there was such a peer, and keeps its
// last value while there is none.
func (p *Protector) MTU() *value.Value[int] { return &p.profile.mtu }

// setMTU notes the uplink's.
func (e *Engine) setMTU(octets int) {
	if octets == e.uplinkMTU {
		return
	}
	e.uplinkMTU = octets
	for _, profile := range e.profiles {
		e.measure(profile)
	}
}

// measure brings the MTU of a profile up to date. With several peers the
// smallest counts.
func (e *Engine) measure(profile *profile) {
	if e.uplinkMTU == 0 {
		return
	}
	smallest := 0
	for _, p := range e.peers {
		if p.profile != profile {
			continue
		}
		for _, sa := range p.session.InstalledSAs() {
			room := sa.Suite.Room(e.uplinkMTU, sa.Encap) - greHeader
			if room > 0 && (smallest == 0 || room < smallest) {
				smallest = room
			}
		}
	}
	if current, _ := profile.mtu.Load(); smallest != 0 && smallest != current {
		profile.mtu.Set(smallest)
	}
}
