package config

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/wan"
)

// Validate reports what is wrong within each part of the file, as errors of
// package invalid.
func (f *File) Validate() error {
	errs := []error{f.checkNames()}
	for name, c := range sorted(f.Interfaces) {
		errs = append(errs, invalid.In(c.Validate(), "interfaces", name))
	}
	for name, c := range sorted(f.Modems) {
		errs = append(errs, invalid.In(c.Validate(), "modems", name))
	}
	for name, c := range sorted(f.Tunnels) {
		errs = append(errs, invalid.In(c.Validate(), "tunnels", name))
	}
	if f.Metrics != nil {
		errs = append(errs, invalid.In(f.Metrics.Validate(), "metrics"))
	}
	return errors.Join(append(errs,
		invalid.In(f.IPsec.Validate(), "ipsec"),
		invalid.In(f.Firewall.Validate(), "firewall"),
	)...)
}

// unwise returns what is allowed and hardly meant. The file must be sound.
func (f *File) unwise() []*invalid.Error {
	var all []*invalid.Error
	add := func(section string, warnings []*invalid.Error) {
		for _, w := range warnings {
			w.Path = slices.Concat([]string{section}, w.Path)
			all = append(all, w)
		}
	}
	topology := f.Topology()
	add("ipsec", f.IPsec.Warnings())
	add("firewall", f.Firewall.Warnings(&topology))
	return all
}

// Check reports what is wrong between the parts, as errors of package invalid.
func (f *File) Check() error {
	topology := f.Topology()
	// A device that two entries want is reported where it is named, and an entry with
	// two devices once.
	known := map[string]bool{}
	topology.Members = slices.DeleteFunc(topology.Members, func(m firewall.Member) bool {
		entry := strings.Join(m.Path, "/")
		again := known[m.Link] || known[entry]
		known[m.Link], known[entry] = true, true
		return again
	})
	return errors.Join(
		f.checkReferences(),
		f.checkLinks(),
		f.checkAddresses(),
		topology.Validate(),
		invalid.In(f.Firewall.ValidateZones(&topology), "firewall"),
	)
}

// sorted yields the entries of m in the order of their names, so that of two
// entries in each other's way it is always the same that is reported.
func sorted[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// Topology returns the members of the firewall's zones. The device of a port
// and of a tunnel bears its name, as does that of a VRF; that of a modem's
// connection bears the interface's, and has another beside it where the network
// has no IPv4.
func (f *File) Topology() firewall.Topology {
	var t firewall.Topology
	for name, c := range sorted(f.Interfaces) {
		t.Members = append(t.Members, firewall.Member{
			Path: []string{"interfaces", name}, Zone: c.Zone, VRF: c.VRF, Underlay: f.isUnderlay(c),
			Link: cmp.Or(c.Port, name),
		})
		if c.Modem != "" {
			t.Members = append(t.Members, firewall.Member{
				Path: []string{"interfaces", name}, Zone: c.Zone, VRF: c.VRF, Underlay: true, Link: cellular.CLATName(name), Over: name,
			})
		}
	}
	for name, c := range sorted(f.Tunnels) {
		t.Members = append(t.Members, firewall.Member{
			Path: []string{"tunnels", name}, Zone: c.Zone, VRF: c.VRF, Tunnel: true,
			Link: name, MSS: c.WithDefaults().MSS,
		})
	}
	return t
}

// firstCLAT is the first of the addresses for networks that have no IPv4 (RFC 7335),
// and maxModems how many there are.
var firstCLAT = netip.MustParseAddr("192.0.0.1")

const maxModems = 7

// Modem returns the interfaces that are connections of a modem, by the modem.
func (f *File) Modem() map[string][]cellular.Interface {
	modems := make(map[string][]cellular.Interface)
	translated := firstCLAT
	for name, c := range sorted(f.Interfaces) {
		if c.Modem != "" {
			modems[c.Modem] = append(modems[c.Modem], cellular.Interface{
				Name: name, PDN: c.PDN, VRF: c.VRF, Metric: c.RouteMetric(), Demoted: wan.Demotion, MTU: c.MTU, CLAT: translated,
			})
			translated = translated.Next()
		}
	}
	return modems
}

// isUnderlay reports whether the interface faces a provider.
func (f *File) isUnderlay(c wan.Config) bool {
	if c.IPv4.DHCP || c.IPv4.Gateway.IsValid() || c.IPv6.Gateway.IsValid() || c.Modem != "" {
		return true
	}
	for _, tunnel := range f.Tunnels {
		if tunnel.Underlay == c.VRF && c.VRF != "" {
			return true
		}
	}
	return false
}
