package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/nearest"
	"github.com/farspoke/farspoke/internal/wan"
)

// checkReferences reports names that lead nowhere.
func (f *File) checkReferences() error {
	var errs []error
	refer := func(name, section string, known []string, path ...string) {
		if name == "" || slices.Contains(known, name) {
			return
		}
		fix := fmt.Sprintf("add it: %s: {%s: {}}", section, name)
		if section != "vrfs" {
			fix = fmt.Sprintf("describe it under %s", section)
		}
		if near, ok := nearest.To(name, known); ok {
			fix = fmt.Sprintf("write %s, or %s", near, fix)
		}
		errs = append(errs, &invalid.Error{Path: path, Problem: fmt.Sprintf("there is no %q under %s", name, section), Fix: fix})
	}
	vrfs := slices.Sorted(maps.Keys(f.VRFs))
	profiles := slices.Sorted(maps.Keys(f.IPsec))
	inVRF, dangling := map[string]bool{}, false
	for name, c := range sorted(f.Interfaces) {
		refer(c.VRF, "vrfs", vrfs, "interfaces", name, "vrf")
		refer(c.PDN, "modems."+c.Modem+".pdns", slices.Sorted(maps.Keys(f.Modems[c.Modem].PDNs)), "interfaces", name, "pdn")
		inVRF[c.VRF] = true
		dangling = dangling || c.VRF != "" && !slices.Contains(vrfs, c.VRF)
	}
	for name := range sorted(f.Modems) {
		if !slices.ContainsFunc(slices.Collect(maps.Values(f.Interfaces)), func(c wan.Config) bool { return c.Modem == name }) {
			errs = append(errs, &invalid.Error{
				Path: []string{"modems", name}, Problem: "no interface uses the modem",
				Fix: fmt.Sprintf("add one: interfaces: {lte: {modem: %s, vrf: front}}", name),
			})
		}
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
	if f.Metrics != nil {
		refer(f.Metrics.VRF, "vrfs", vrfs, "metrics", "vrf")
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
	modems := 0
	for name, c := range sorted(f.Interfaces) {
		if c.Modem != "" {
			if modems++; modems == maxModems+1 {
				errs = append(errs, &invalid.Error{
					Path: []string{"interfaces", name, "modem"}, Problem: fmt.Sprintf("there are more than %d connections of modems", maxModems), Fix: "leave out some",
				})
			}
		}
		if c.Port != "" {
			once("port "+c.Port, "the port is in use by interface %s already", "name another port", "interfaces", name, "port")
		}
		if c.Modem != "" {
			once(fmt.Sprintf("connection %s of modem %s", c.PDN, c.Modem), "the modem's connection is in use by interface %s already",
				"name another modem, or another pdn of this one", "interfaces", name, "modem")
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
