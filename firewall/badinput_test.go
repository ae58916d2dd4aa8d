package firewall

import (
	"net/netip"
	"strings"
	"testing"
)

// TestNamesAreNoSyntax has names in which a shell or nft would see more than a
// name, everywhere a name can stand.
func TestNamesAreNoSyntax(t *testing.T) {
	places := map[string]func(name string, c *Config, topology *Topology){
		"service": func(name string, c *Config, _ *Topology) {
			c.Services = map[string][]Match{name: {mustMatch(t, "tcp/22")}}
		},
		"service that is used": func(name string, c *Config, _ *Topology) {
			c.Services = map[string][]Match{name: {mustMatch(t, "tcp/22")}}
			c.Policies[0].Drop = []string{name}
		},
		"unknown service": func(name string, c *Config, _ *Topology) { c.Policies[0].Inspect = []string{name} },
		"group": func(name string, c *Config, _ *Topology) {
			c.Addresses = map[string][]AddressRange{name: {mustRange(t, "10.0.0.1")}}
		},
		"filled group": func(name string, c *Config, _ *Topology) {
			c.DynamicAddresses = map[string]DynamicAddresses{name: {}}
		},
		"zone entry":    func(name string, c *Config, _ *Topology) { c.Zones = map[string]Zone{name: {}} },
		"from":          func(name string, c *Config, _ *Topology) { c.Policies[0].From = name },
		"to":            func(name string, c *Config, _ *Topology) { c.Policies[0].To = name },
		"NAT":           func(name string, c *Config, _ *Topology) { c.Policies[0].NAT = name },
		"class":         func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].Name = name },
		"action":        func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].Action = action(name) },
		"helper":        func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].Helper = name },
		"source":        func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].Source = []string{name} },
		"destination":   func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].Destination = []string{name} },
		"way in":        func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].In = []string{name} },
		"way out":       func(name string, c *Config, _ *Topology) { c.Policies[0].Classes[0].Out = []string{name} },
		"forward from":  func(name string, c *Config, _ *Topology) { c.PortForwards[0].From = name },
		"hairpin":       func(name string, c *Config, _ *Topology) { c.PortForwards[0].Hairpin = []string{name} },
		"static zone":   func(name string, c *Config, _ *Topology) { c.StaticNAT[0].Zone = name },
		"prefix zone":   func(name string, c *Config, _ *Topology) { c.PrefixNAT[0].Zone = name },
		"member's zone": func(name string, _ *Config, topology *Topology) { topology.Members[0].Zone = name },
		"device":        func(name string, _ *Config, topology *Topology) { topology.Members[0].Link = name },
		"VRF":           func(name string, _ *Config, topology *Topology) { topology.Members[0].VRF = name },
	}
	for place, put := range places {
		for _, name := range []string{"$(reboot)", "`id`", "a;b", `a" accept #`, "a{b}", "a b", "a\nb", "a\x00b", "@a", "a*", strings.Repeat("x", 200)} {
			config := Config{
				Policies:     []Policy{{From: "inside", To: "outside", Classes: []Class{{Name: "a", Action: actionInspect}}}},
				PortForwards: []PortForward{{From: "outside", Port: mustMatch(t, "tcp/80"), To: netip.MustParseAddr("192.168.17.10")}},
				StaticNAT:    []StaticNAT{{Zone: "outside", Inside: netip.MustParseAddr("192.168.17.10"), Outside: netip.MustParseAddr("203.0.113.9")}},
				PrefixNAT:    []PrefixTranslation{{Zone: "outside", Inside: netip.MustParsePrefix("fd00:17::/48"), Outside: netip.MustParsePrefix("2001:db8:17::/48")}},
			}
			topology := spoke()
			if _, err := Compile(config, topology); err != nil {
				t.Fatal(err)
			}
			put(name, &config, &topology)
			// A device's name may hold what means something to others; nothing of
			// ours is made of it but a comparison.
			if _, err := Compile(config, topology); err == nil && !((place == "device" || place == "VRF") && validateLink(name) == nil) {
				t.Errorf("%q is taken as %s", name, place)
			}
		}
	}
}
