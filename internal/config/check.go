package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

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
	for name, c := range sorted(f.Tunnels) {
		errs = append(errs, invalid.In(c.Validate(), "tunnels", name))
	}
	return errors.Join(append(errs, invalid.In(f.Firewall.Validate(), "firewall"))...)
}

// Check reports what is wrong between the parts, as errors of package invalid.
func (f *File) Check() error {
	topology := f.Topology()
	// A device that two entries want is reported where it is named.
	known := map[string]bool{}
	topology.Members = slices.DeleteFunc(topology.Members, func(m firewall.Member) bool {
		again := known[m.Link]
		known[m.Link] = true
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
// and of a tunnel bears its name, as does that of a VRF.
func (f *File) Topology() firewall.Topology {
	var t firewall.Topology
	for name, c := range sorted(f.Interfaces) {
		t.Members = append(t.Members, firewall.Member{
			Path: []string{"interfaces", name}, Zone: c.Zone, VRF: c.VRF, Underlay: f.isUnderlay(c),
			Link: cmp.Or(c.Port, name),
		})
	}
	for name, c := range sorted(f.Tunnels) {
		t.Members = append(t.Members, firewall.Member{
			Path: []string{"tunnels", name}, Zone: c.Zone, VRF: c.VRF, Tunnel: true,
			Link: name, MSS: c.WithDefaults().MSS,
		})
	}
	return t
}

// isUnderlay reports whether the interface faces a provider.
func (f *File) isUnderlay(c wan.Config) bool {
	if c.IPv4.DHCP || c.IPv4.Gateway.IsValid() || c.Modem != "" {
		return true
	}
	for _, tunnel := range f.Tunnels {
		if tunnel.Underlay == c.VRF && c.VRF != "" {
			return true
		}
	}
	return false
}

var (
	// hostLabel is a label of a host name (RFC 1123, 2.1).
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	// entryName is what the kernel takes as the name of a device and every
	// file system as part of a file's name.
	entryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,14}$`)
	// taken are names of devices and of settings for all devices.
	taken = []string{"lo", "all", "default", "gre0", "gretap0", "erspan0"}
)

func (f *File) checkNames() error {
	var errs []error
	if f.Hostname == "" || slices.ContainsFunc(strings.Split(f.Hostname, "."), func(l string) bool { return !hostLabel.MatchString(l) }) || len(f.Hostname) > 64 {
		errs = append(errs, invalid.Field("hostname", "is not a host name", "write letters, digits and hyphens, such as branch-17"))
	}
	devices := map[string]string{}
	check := func(section string, names []string, device bool) {
		for _, name := range names {
			problem, fix := "", ""
			switch other, used := devices[name]; {
			case !entryName.MatchString(name):
				problem, fix = "cannot be a name", "write up to 15 letters, digits, - and _, beginning with a letter or digit"
			case device && slices.Contains(taken, name):
				problem, fix = "is a name of the system's own", "choose another name"
			case device && used:
				problem, fix = "is a name in "+other+" already, and both would name a device", "choose another name for one of them"
			}
			if problem != "" {
				errs = append(errs, &invalid.Error{Path: []string{section, name}, Problem: problem, Fix: fix})
			}
			if device {
				devices[name] = section
			}
		}
	}
	for _, c := range sorted(f.Interfaces) {
		if c.Port != "" {
			devices[c.Port] = "the ports"
		}
	}
	check("vrfs", slices.Sorted(maps.Keys(f.VRFs)), true)
	check("tunnels", slices.Sorted(maps.Keys(f.Tunnels)), true)
	check("interfaces", slices.Sorted(maps.Keys(f.Interfaces)), false)
	check("ipsec", slices.Sorted(maps.Keys(f.IPsec)), false)
	return errors.Join(errs...)
}

// checkReferences reports names that lead nowhere.
func (f *File) checkReferences() error {
	var errs []error
	refer := func(name, section string, known []string, path ...string) {
		if name == "" || slices.Contains(known, name) {
			return
		}
		fix := fmt.Sprintf("add it: %s: {%s: {}}", section, printable(name))
		if section != "vrfs" {
			fix = fmt.Sprintf("describe it under %s", section)
		}
		if near, ok := nearest(name, known); ok {
			fix = fmt.Sprintf("write %s, or %s", printable(near), fix)
		}
		errs = append(errs, &invalid.Error{Path: path, Problem: fmt.Sprintf("there is no %q under %s", printable(name), section), Fix: fix})
	}
	vrfs := slices.Sorted(maps.Keys(f.VRFs))
	profiles := slices.Sorted(maps.Keys(f.IPsec))
	inVRF, dangling := map[string]bool{}, false
	for name, c := range sorted(f.Interfaces) {
		refer(c.VRF, "vrfs", vrfs, "interfaces", name, "vrf")
		inVRF[c.VRF] = true
		dangling = dangling || c.VRF != "" && !slices.Contains(vrfs, c.VRF)
	}
	for name, c := range sorted(f.Tunnels) {
		refer(c.VRF, "vrfs", vrfs, "tunnels", name, "vrf")
		refer(c.Underlay, "vrfs", vrfs, "tunnels", name, "underlay")
		refer(c.IPsec, "ipsec", profiles, "tunnels", name, "ipsec")
		if _, exists := f.VRFs[c.Underlay]; exists && !inVRF[c.Underlay] && !dangling {
			errs = append(errs, &invalid.Error{
				Path:    []string{"tunnels", name, "underlay"},
				Problem: fmt.Sprintf("no interface is in VRF %s, so the tunnel could go nowhere", c.Underlay),
				Fix:     fmt.Sprintf("give the interface towards the provider vrf: %s", c.Underlay),
			})
		}
	}
	return errors.Join(errs...)
}

// checkLinks reports interfaces and tunnels that want the same thing.
func (f *File) checkLinks() error {
	var errs []error
	first := map[string]string{}
	once := func(what, problem, fix string, path ...string) {
		if other, used := first[what]; used {
			errs = append(errs, &invalid.Error{Path: path, Problem: fmt.Sprintf(problem, other), Fix: fix})
			return
		}
		first[what] = path[1]
	}
	for name, c := range sorted(f.Interfaces) {
		if c.Port != "" {
			once("port "+c.Port, "the port is in use by interface %s already", "name another port", "interfaces", name, "port")
		}
		if c.Modem != "" {
			once("modem "+c.Modem, "the modem is in use by interface %s already", "name another modem", "interfaces", name, "modem")
		}
		if f.isUnderlay(c) {
			once(fmt.Sprintf("metric %d in %s", c.RouteMetric(), c.VRF),
				fmt.Sprintf("interface %%s has metric %d in the same VRF, so neither would come first", c.RouteMetric()),
				"give the one to be used second a higher metric, such as metric: 200", "interfaces", name, "metric")
		}
	}
	for name, c := range sorted(f.Tunnels) {
		key := "none"
		if c.Key != nil {
			key = fmt.Sprint(*c.Key)
		}
		once(fmt.Sprintf("key %s over %s", key, c.Underlay), "tunnel %s has the same key over the same underlay, so packets could not be told apart",
			"give each tunnel a key of its own, and the hub the same", "tunnels", name, "key")
	}
	return errors.Join(errs...)
}
