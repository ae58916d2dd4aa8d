package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/breakout"
	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/wan"
)

// Exits returns the ways from networks of ours to providers that translation is
// configured for, in the order of the configuration: whole zones by the policies
// with nat, and the networks of hosts that have a port or an address outside. Where
// both share a table there is nothing to lead from one to the other.
func (f *File) Exits() []breakout.Exit {
	e := exits{topology: f.Topology()}
	for _, p := range f.Firewall.Policies {
		if p.NAT != "" {
			e.add(p.To, f.networks(func(c wan.Config, _ netip.Prefix) bool { return c.Zone == p.From })...)
		}
	}
	host := func(zone string, address netip.Addr) {
		e.add(zone, f.networks(func(_ wan.Config, n netip.Prefix) bool { return n.Contains(address) })...)
	}
	for _, p := range f.Firewall.PortForwards {
		host(p.From, p.To)
	}
	for _, s := range f.Firewall.StaticNAT {
		host(s.Zone, s.Inside)
	}
	for _, p := range f.Firewall.PrefixNAT {
		e.add(p.Zone, f.networks(func(_ wan.Config, n netip.Prefix) bool { return n.Overlaps(p.Inside) })...)
	}
	return e.all
}

// exits collects the ways to providers.
type exits struct {
	topology firewall.Topology
	all      []breakout.Exit
}

// add adds the way from the networks to a zone, if that faces a provider.
func (e *exits) add(zone string, networks ...network) {
	to, known := memberOf(e.topology, zone)
	if !known || !to.Underlay {
		return
	}
	for _, n := range networks {
		if n.vrf == to.VRF {
			continue
		}
		i := slices.IndexFunc(e.all, func(o breakout.Exit) bool { return o.From == n.vrf && o.To == to.VRF })
		if i < 0 {
			i = len(e.all)
			e.all = append(e.all, breakout.Exit{From: n.vrf, To: to.VRF})
		}
		if !slices.Contains(e.all[i].Networks, n.Network) {
			e.all[i].Networks = append(e.all[i].Networks, n.Network)
		}
	}
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

// network is one of ours.
type network struct {
	breakout.Network
	vrf string
}

// networks returns those of the interfaces towards hosts of ours that ok says. What
// is behind a tunnel uses the provider of its own site.
func (f *File) networks(ok func(c wan.Config, n netip.Prefix) bool) []network {
	var networks []network
	for _, c := range sorted(f.Interfaces) {
		for _, address := range []netip.Prefix{c.IPv4.Address, c.IPv6.Address} {
			if address.IsValid() && !f.isUnderlay(c) && ok(c, address.Masked()) {
				networks = append(networks, network{breakout.Network{Link: c.Port, Prefix: address.Masked()}, c.VRF})
			}
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
					Problem: fmt.Sprintf("%s overlaps %s of %s, and answers from %s for the one would go to the other", c.prefix.Masked(), other.prefix.Masked(), other.owner(), firewall.Table(vrf)),
					Fix:     "choose networks that are apart, or translate only one of them there",
				})
				break
			}
		}
	}
	return errors.Join(errs...)
}
