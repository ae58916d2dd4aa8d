// Package uplink describes what an underlay gives to those who use it: the
// link, where its routes live, and what the provider handed out. Its producers
// are the Ethernet and the cellular underlay; its readers are IKEv2, DMVPN, the
// firewall, DNS and the clock. Nothing here leaves the underlay's own VRF.
package uplink

import (
	"net/netip"
	"slices"
)

// State is what one underlay offers at this moment. The zero State is an
// underlay that is down.
type State struct {
	// Name is the interface's name in the configuration, such as "wan".
	Name string `json:"name"`
	// Link is the kernel's name of the device, and Index its ifindex.
	Link  string `json:"link"`
	Index int    `json:"index"`
	// VRF is the kernel's name of the VRF device that holds the routes, empty
	// for the main table.
	VRF string `json:"vrf,omitempty"`
	// Up says that the IPv4 address is on the link, and the default route in place if
	// there is a Gateway.
	Up bool `json:"up"`
	// Address is ours, with the prefix length of the provider's subnet.
	Address netip.Prefix `json:"address,omitzero"`
	// Gateway is the next hop of the default route, invalid if the network has
	// none. It need not lie within Address's subnet.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Address6 and Gateway6 are the same of IPv6, and invalid where there is none;
	// they do not depend on Up. The gateway may be of this link alone.
	Address6 netip.Prefix `json:"address6,omitzero"`
	Gateway6 netip.Addr   `json:"gateway6,omitzero"`
	// DNS and NTP are the provider's servers, reached through VRF.
	DNS []netip.Addr `json:"dns,omitempty"`
	NTP []netip.Addr `json:"ntp,omitempty"`
	// MTU is the largest IP packet the link carries, in octets.
	MTU int `json:"mtu,omitempty"`
	// Metric orders underlays of one VRF: the lowest that is up is used.
	Metric int `json:"metric,omitempty"`
}

// Equal reports whether s and o offer the same.
func (s State) Equal(o State) bool {
	return s.Name == o.Name && s.Link == o.Link && s.Index == o.Index &&
		s.VRF == o.VRF && s.Up == o.Up && s.Address == o.Address &&
		s.Gateway == o.Gateway && s.Address6 == o.Address6 && s.Gateway6 == o.Gateway6 && slices.Equal(s.DNS, o.DNS) &&
		slices.Equal(s.NTP, o.NTP) && s.MTU == o.MTU && s.Metric == o.Metric
}
