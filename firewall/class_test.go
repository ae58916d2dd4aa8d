package firewall

import (
	"net/netip"
	"testing"
)

// TestValidateClassesRefuses has what is wrong with classes, groups and zones.
func TestValidateClassesRefuses(t *testing.T) {
	with := func(c Class) Config {
		return Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{c}}}}
	}
	ssh := Criteria{Services: []string{"ssh"}}
	limit := func(l Limit) *Limit { return &l }
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"no name":         {with(Class{Action: actionDrop}), `policies.0.classes.0.name: "" cannot be the name of a class`},
		"name with shell": {with(Class{Name: "$(reboot)", Action: actionDrop}), `policies.0.classes.0.name: "$(reboot)" cannot be the name of a class; begin with a letter`},
		"name with nft":   {with(Class{Name: `a" accept #`, Action: actionDrop}), `policies.0.classes.0.name: "a\" accept #" cannot be`},
		"no action":       {with(Class{Name: "a"}), `policies.0.classes.0.action: "" is no action; write inspect, pass, drop or reject`},
		"clear GRE": {
			Config{Policies: []Policy{{From: "outside", To: Self, Classes: []Class{{Name: "gre", Action: actionPass, Criteria: Criteria{Services: []string{"gre"}}}}}}},
			`policies.0.classes.0.services.0: GRE in clear towards or from the router would be a hole into the tunnel's network: anyone could send and read it; remove it: a tunnel's own GRE passes inside IPsec without a policy, and for IPsec allow ike`,
		},
		"unknown service":  {with(Class{Name: "a", Action: actionPass, Criteria: Criteria{Services: []string{"htttp"}}}), `policies.0.classes.0.services.0: unknown service "htttp"; write http`},
		"unknown group":    {with(Class{Name: "a", Action: actionPass, Criteria: Criteria{Source: []string{"servers"}}}), `policies.0.classes.0.source.0: unknown group of addresses "servers"; define it under firewall.addresses`},
		"backward range":   {with(Class{Name: "a", Action: actionPass, Criteria: Criteria{Destination: []string{"10.0.0.9-10.0.0.1"}}}), `policies.0.classes.0.destination.0: the range 10.0.0.9-10.0.0.1 runs backwards; write 10.0.0.1-10.0.0.9`},
		"bits of a prefix": {with(Class{Name: "a", Action: actionPass, Criteria: Criteria{Destination: []string{"10.0.0.9/8"}}}), `policies.0.classes.0.destination.0: 10.0.0.9/8 has bits beyond its length; write 10.0.0.0/8`},
		"asked twice":      {with(Class{Name: "a", Action: actionPass, Criteria: ssh, Any: []Criteria{ssh}}), `policies.0.classes.0.any.0.services: the class names services for all alternatives already`},
		"way in of self": {
			Config{Policies: []Policy{{From: Self, To: "outside", Classes: []Class{{Name: "a", Action: actionDrop, Criteria: Criteria{In: []string{"lan"}}}}}}},
			`policies.0.classes.0.in: the router's own packets come in by no interface`,
		},
		"unknown helper":        {with(Class{Name: "a", Action: actionInspect, Criteria: ssh, Helper: "irc"}), `policies.0.classes.0.helper: unknown helper "irc"; write one of ftp, sip, tftp`},
		"helper of a pass":      {with(Class{Name: "a", Action: actionPass, Criteria: ssh, Helper: "ftp"}), `policies.0.classes.0.helper: only inspected connections have a helper`},
		"empty limit":           {with(Class{Name: "a", Action: actionInspect, Criteria: ssh, Limit: limit(Limit{})}), `policies.0.classes.0.limit: the limit limits nothing`},
		"limit of a drop":       {with(Class{Name: "a", Action: actionDrop, Criteria: ssh, Limit: limit(Limit{Connections: 1})}), `policies.0.classes.0.limit: nothing is let through`},
		"connections of a pass": {with(Class{Name: "a", Action: actionPass, Criteria: ssh, Limit: limit(Limit{Connections: 1})}), `policies.0.classes.0.limit.connections: what passes has no connections`},
		"class twice": {
			Config{Policies: []Policy{{From: "a", To: "b", Classes: []Class{{Name: "x", Action: actionDrop}}}, {From: "a", To: "b", Classes: []Class{{Name: "x", Action: actionPass}}}}},
			`policies.1.classes.0.name: there is a class x from a to b already`,
		},
		"empty group":     {Config{Addresses: map[string][]AddressRange{"a": {}}}, `addresses.a: the group is empty`},
		"group named so":  {Config{Addresses: map[string][]AddressRange{"10.0.0.1": {mustRange(t, "10.0.0.1")}}}, `addresses.10.0.0.1: "10.0.0.1" cannot be the name of a group`},
		"group twice":     {Config{Addresses: map[string][]AddressRange{"a": {mustRange(t, "10.0.0.1")}}, DynamicAddresses: map[string]DynamicAddresses{"a": {}}}, `dynamic-addresses.a: a is a group under addresses, too`},
		"long memory":     {Config{DynamicAddresses: map[string]DynamicAddresses{"a": {Timeout: 2 * maxTimeout}}}, `dynamic-addresses.a.timeout: 1440h0m0s is out of range`},
		"within":          {Config{Zones: map[string]Zone{"lan": {Within: "drop"}}}, `zones.lan.within: unknown value "drop"; write within: policy`},
		"within self":     {Config{Zones: map[string]Zone{Self: {Within: WithinPolicy}}}, `zones.self.within: the router's packets to itself`},
		"default":         {Config{Zones: map[string]Zone{"lan": {Default: "allow"}}}, `zones.lan.default: "allow" is no action`},
		"log of a zone":   {Config{Zones: map[string]Zone{"lan": {Log: "yes"}}}, `zones.lan.log: unknown value "yes"`},
		"exception alone": {Config{Policies: []Policy{{From: "lan", To: "outside", NATExcept: []AddressRange{mustRange(t, "10.0.0.0/8")}}}}, `policies.0.nat-except: there is no NAT to except from`},
		"NAT to IPv6":     {Config{Policies: []Policy{{From: "lan", To: "outside", NAT: "2001:db8::1"}}}, `policies.0.nat: IPv6 is translated by whole prefixes only`},
		"forward of IKE":  {Config{PortForwards: []PortForward{{From: "outside", Port: mustMatch(t, "udp/400-600"), To: netip.MustParseAddr("10.0.0.1")}}}, `port-forwards.0.port: the router's own IKE would go to that host`},
		"forward without a port": {
			Config{PortForwards: []PortForward{{From: "outside", Port: mustMatch(t, "tcp"), To: netip.MustParseAddr("10.0.0.1")}}},
			`port-forwards.0.port: a port is missing`,
		},
		"forward without a host": {Config{PortForwards: []PortForward{{From: "outside", Port: mustMatch(t, "tcp/80")}}}, `port-forwards.0.to: an address is missing`},
		"forward of two families": {
			Config{PortForwards: []PortForward{{From: "outside", Port: mustMatch(t, "tcp/80"), Address: netip.MustParseAddr("203.0.113.1"), To: netip.MustParseAddr("2001:db8::1")}}},
			`port-forwards.0.address: address and to are of different families`,
		},
		"range to a port": {
			Config{PortForwards: []PortForward{{From: "outside", Port: mustMatch(t, "tcp/80-90"), To: netip.MustParseAddr("10.0.0.1"), ToPort: 8080}}},
			`port-forwards.0.to-port: a range keeps its ports`,
		},
		"static NAT of a group": {
			Config{StaticNAT: []StaticNAT{{Zone: "outside", Inside: netip.MustParseAddr("10.0.0.1"), Outside: netip.MustParseAddr("224.0.0.1")}}},
			`static-nat.0.outside: 224.0.0.1 is not the address of a host`,
		},
		"prefixes of two lengths": {
			Config{PrefixNAT: []PrefixTranslation{{Zone: "outside", Inside: netip.MustParsePrefix("fd00::/48"), Outside: netip.MustParsePrefix("2001:db8::/56")}}},
			`prefix-nat.0.outside: the prefixes have different lengths; write one of length 48`,
		},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, test.config.Validate(), test.want) })
	}
}

// TestValidateWaysRefuses has what only the interfaces tell.
func TestValidateWaysRefuses(t *testing.T) {
	topology := spoke()
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"interface of another zone": {
			Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{{Name: "a", Action: actionDrop, Any: []Criteria{{In: []string{"wan"}}}}}}}},
			`policies.0.classes.0.any.0.in.0: wan is no interface or tunnel of zone inside; write one of`,
		},
		"zone of nobody": {Config{Zones: map[string]Zone{"insid": {Within: WithinPolicy}}}, `zones.insid: zone insid has no interface and no tunnel; write inside`},
		"forward from nowhere": {
			Config{PortForwards: []PortForward{{From: "outsid", Port: mustMatch(t, "tcp/80"), To: netip.MustParseAddr("10.0.0.1")}}},
			`port-forwards.0.from: zone outsid has no interface`,
		},
		"hairpin outside": {
			Config{PortForwards: []PortForward{{From: "outside", Hairpin: []string{"outside"}, Port: mustMatch(t, "tcp/80"), To: netip.MustParseAddr("10.0.0.1")}}},
			`port-forwards.0.hairpin.0: outside is where the connections come from anyway`,
		},
		"clear GRE through a class": {
			Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{{Name: "a", Action: actionInspect, Any: []Criteria{{Services: []string{"gre"}}}}}}}},
			`policies.0.classes.0.any.0.services.0: GRE to or from a provider is dropped`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.config.Validate(); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, test.config.ValidateZones(&topology), test.want)
		})
	}
}

func TestAddressRanges(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":              "10.0.0.0/8",
		"10.0.0.1":                "10.0.0.1",
		"10.0.0.1/32":             "10.0.0.1",
		"10.0.0.0-10.0.0.255":     "10.0.0.0/24",
		"10.0.0.1-10.0.0.2":       "10.0.0.1-10.0.0.2",
		"0.0.0.0/0":               "0.0.0.0/0",
		"2001:db8::/32":           "2001:db8::/32",
		"2001:db8::1-2001:db8::f": "2001:db8::1-2001:db8::f",
	} {
		if got := mustRange(t, text).String(); got != want {
			t.Errorf("%s reads as %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "x", "10.0.0.1-2001:db8::1", "10.0.0.0/33", "fe80::1%eth0", "10.0.0.1-", "-", "/"} {
		if r, err := ParseAddressRange(text); err == nil {
			t.Errorf("%q reads as %s", text, r)
		}
	}
}

// TestFamilyMerges has what the kernel would refuse.
func TestFamilyMerges(t *testing.T) {
	var ranges []AddressRange
	for _, text := range []string{
		"10.0.1.0/24", "10.0.0.0/24", "10.0.0.7", "10.0.0.0/16", "192.0.2.1", "192.0.2.2", "192.0.2.1",
		"255.255.255.0/24", "255.255.255.255", "2001:db8::/32",
	} {
		ranges = append(ranges, mustRange(t, text))
	}
	var got []string
	for _, r := range family(ranges, false) {
		got = append(got, r.String())
	}
	want := []string{"10.0.0.0/16", "192.0.2.1-192.0.2.2", "255.255.255.0/24"}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("merged to %v, want %v", got, want)
	}
}

func FuzzParseAddressRange(f *testing.F) {
	for _, text := range []string{"10.0.0.0/8", "192.0.2.1", "192.0.2.1-192.0.2.9", "2001:db8::/32", "::-::ffff", "0.0.0.0/0", "-", "1.1.1.1/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseAddressRange(text)
		if err != nil {
			return
		}
		again, err := ParseAddressRange(r.String())
		if err != nil || again != r {
			t.Errorf("%q reads as %s, which reads as %s (%v)", text, r, again, err)
		}
	})
}
