package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/farspoke/farspoke/internal/invalid"
)

// connected is a network that the box has an address in.
type connected struct {
	path   []string // of the address
	vrf    string
	prefix netip.Prefix
}

// owner names the interface or tunnel.
func (c connected) owner() string { return strings.Join(c.path[:2], ".") }

// connected returns the networks that are known without asking a provider.
func (f *File) connected() []connected {
	var all []connected
	for name, c := range sorted(f.Interfaces) {
		if c.IPv4.Address.IsValid() {
			all = append(all, connected{[]string{"interfaces", name, "ipv4", "address"}, c.VRF, c.IPv4.Address})
		}
		if c.IPv6.Address.IsValid() {
			all = append(all, connected{[]string{"interfaces", name, "ipv6", "address"}, c.VRF, c.IPv6.Address})
		}
	}
	for name, c := range sorted(f.Tunnels) {
		if c.Address.IsValid() {
			all = append(all, connected{[]string{"tunnels", name, "address"}, c.VRF, c.Address})
		}
	}
	return all
}

// checkAddresses reports what one routing table cannot hold: an address twice,
// or two networks that overlap.
func (f *File) checkAddresses() error {
	var errs []error
	all := f.connected()
	for i, c := range all {
		for _, other := range all[:i] {
			if c.vrf != other.vrf || !c.prefix.Overlaps(other.prefix) {
				continue
			}
			e := &invalid.Error{Path: c.path}
			if c.prefix.Addr() == other.prefix.Addr() {
				e.Problem = fmt.Sprintf("%s is the address of %s already", c.prefix.Addr(), other.owner())
				e.Fix = "give each an address of its own, in networks of their own"
			} else {
				e.Problem = fmt.Sprintf("%s overlaps %s of %s", c.prefix.Masked(), other.prefix.Masked(), other.owner())
				e.Fix = "choose networks that are apart, or put the two into different VRFs"
			}
			errs = append(errs, e)
			break
		}
	}
	return errors.Join(append(errs, f.checkRoutes(all), f.checkExits(all))...)
}

// checkRoutes reports routes over tunnels to what is reached otherwise from the
// same routing table: directly, or over another tunnel.
func (f *File) checkRoutes(all []connected) error {
	var errs []error
	type destination struct {
		vrf   string
		route netip.Prefix
	}
	over := make(map[destination]string)
	for name, c := range sorted(f.Tunnels) {
		for i, route := range c.Routes {
			path := []string{"tunnels", name, "routes", strconv.Itoa(i)}
			to := destination{c.VRF, route}
			if other, taken := over[to]; taken && other != name {
				errs = append(errs, &invalid.Error{
					Path:    path,
					Problem: fmt.Sprintf("%s leads into tunnel %s already, in the same VRF", route, other),
					Fix:     "remove one of the two, or put the tunnels into different VRFs",
				})
			}
			over[to] = name
			for _, other := range all {
				if other.vrf == c.VRF && other.prefix.Masked() == route && other.path[1] != name {
					errs = append(errs, &invalid.Error{
						Path:    path,
						Problem: fmt.Sprintf("%s is the network of %s, which is reached directly", route, other.owner()),
						Fix:     "remove the route",
					})
				}
			}
		}
	}
	return errors.Join(errs...)
}
