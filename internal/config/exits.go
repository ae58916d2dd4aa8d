package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/breakout"
	"github.com/farspoke/farspoke/internal/invalid"
)

// Exits returns the ways from networks of ours to providers that the policies with
// nat are about, in the order of the policies. Where zone and provider share a
// table there is nothing to lead from one to the other.
func (f *File) Exits() []breakout.Exit {
	topology := f.Topology()
	var exits []breakout.Exit
	for _, p := range f.Firewall.Policies {
		from, known := memberOf(topology, p.From)
		to, alsoKnown := memberOf(topology, p.To)
		if p.NAT == "" || !known || !alsoKnown || from.Underlay || !to.Underlay || from.VRF == to.VRF {
			continue
		}
		i := slices.IndexFunc(exits, func(e breakout.Exit) bool { return e.From == from.VRF && e.To == to.VRF })
		if i < 0 {
			i = len(exits)
			exits = append(exits, breakout.Exit{From: from.VRF, To: to.VRF})
		}
		for _, n := range f.networks(p.From) {
			if !slices.Contains(exits[i].Networks, n) {
				exits[i].Networks = append(exits[i].Networks, n)
			}
		}
	}
	return exits
}

// memberOf returns a member of the zone. All of them are in one VRF, and all or
// none of them face a provider.
func memberOf(t firewall.Topology, zone string) (firewall.Member, bool) {
	i := slices.IndexFunc(t.Members, func(m firewall.Member) bool { return m.Zone == zone && zone != "" })
	if i < 0 {
		return firewall.Member{}, false
	}
	return t.Members[i], true
}

// networks returns those of the zone's interfaces. What is behind its tunnels uses
// the provider of its own site.
func (f *File) networks(zone string) []breakout.Network {
	var networks []breakout.Network
	for _, c := range sorted(f.Interfaces) {
		if c.Zone == zone && c.IPv4.Address.IsValid() {
			networks = append(networks, breakout.Network{Link: c.Port, Prefix: c.IPv4.Address.Masked()})
		}
	}
	return networks
}

// checkExits reports networks that a provider's VRF, which leads its answers back
// to them, could not tell apart.
func (f *File) checkExits(all []connected) error {
	reached := make(map[string][]connected) // by VRF, without its own
	for _, exit := range f.Exits() {
		for _, n := range exit.Networks {
			i := slices.IndexFunc(all, func(c connected) bool { return c.vrf == exit.From && c.prefix.Masked() == n.Prefix })
			if i >= 0 { // a zone in several VRFs is reported anyway
				reached[exit.To] = append(reached[exit.To], all[i])
			}
		}
	}
	var errs []error
	for vrf, networks := range sorted(reached) {
		for i, c := range networks {
			others := slices.Concat(networks[:i], slices.DeleteFunc(slices.Clone(all), func(o connected) bool { return o.vrf != vrf }))
			for _, other := range others {
				if c.vrf == other.vrf || !c.prefix.Overlaps(other.prefix) {
					continue // within one VRF it is reported anyway
				}
				errs = append(errs, &invalid.Error{
					Path:    c.path,
					Problem: fmt.Sprintf("%s overlaps %s of %s, and answers from %s for the one would go to the other", c.prefix.Masked(), other.prefix.Masked(), other.owner(), table(vrf)),
					Fix:     "choose networks that are apart, or remove nat from one of the policies",
				})
				break
			}
		}
	}
	return errors.Join(errs...)
}

// table names the routing table of a VRF in a message.
func table(vrf string) string {
	if vrf == "" {
		return "the main table"
	}
	return "VRF " + vrf
}
