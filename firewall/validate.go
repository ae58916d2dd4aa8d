package firewall

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/nearest"
)

// greFix is the safe form of what people mean by "permit gre".
const greFix = "remove it: a tunnel's own GRE passes inside IPsec without a policy, and for IPsec allow ike, and nothing else, between self and this zone"

// Validate reports what is wrong with the configuration as far as it can be
// told without the interfaces; ValidateZones reports the rest.
func (c *Config) Validate() error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		problems = append(problems, invalid.In(c.validateService(name), "services", name))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Addresses)) {
		problems = append(problems, invalid.In(c.validateAddresses(name), "addresses", name))
	}
	for _, name := range slices.Sorted(maps.Keys(c.DynamicAddresses)) {
		problems = append(problems, invalid.In(c.validateDynamic(name), "dynamic-addresses", name))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Zones)) {
		problems = append(problems, invalid.In(c.validateZoneEntry(name), "zones", name))
	}
	for i := range c.Policies {
		problems = append(problems, invalid.Index(c.validatePolicy(&c.Policies[i]), "policies", i))
	}
	problems = append(problems, c.validateTwice(), c.validateTranslations())
	return errors.Join(problems...)
}

func (c *Config) validateService(name string) error {
	if _, taken := protocols[name]; taken {
		return &invalid.Error{Problem: name + " is the name of a protocol", Fix: "choose another name for the service"}
	}
	if _, err := ParseMatch(name); err == nil {
		return &invalid.Error{Problem: name + " is a match and cannot be a name", Fix: "choose a word"}
	}
	if err := validateName(name, "service"); err != nil {
		return err
	}
	matches := c.Services[name]
	if len(matches) == 0 {
		return &invalid.Error{Problem: "the service is empty", Fix: "list its matches, such as [tcp/22]"}
	}
	for i, m := range matches {
		if m == (Match{}) {
			return &invalid.Error{Path: []string{fmt.Sprint(i)}, Problem: "the match is empty", Fix: "write a match, such as tcp/22"}
		}
	}
	return nil
}

func (c *Config) validateAddresses(name string) error {
	if err := validateName(name, "group of addresses"); err != nil {
		return err
	}
	if len(c.Addresses[name]) == 0 {
		return &invalid.Error{Problem: "the group is empty, and nothing would match it", Fix: "list its addresses, such as [10.1.0.0/16]"}
	}
	for i, r := range c.Addresses[name] {
		if r == (AddressRange{}) {
			return &invalid.Error{Path: []string{fmt.Sprint(i)}, Problem: "the address is empty", Fix: "write an address, such as 192.0.2.1"}
		}
	}
	return nil
}

func (c *Config) validateDynamic(name string) error {
	if err := validateName(name, "group of addresses"); err != nil {
		return err
	}
	if _, static := c.Addresses[name]; static {
		return &invalid.Error{Problem: name + " is a group under addresses, too", Fix: "choose another name for one of them"}
	}
	if timeout := c.DynamicAddresses[name].Timeout; timeout < 0 || timeout > maxTimeout {
		return invalid.Field("timeout", fmt.Sprintf("%s is out of range", timeout), "write 1s to 720h, or leave it out")
	}
	return nil
}

func (c *Config) validateZoneEntry(name string) error {
	zone := c.Zones[name]
	problems := []error{validateZone(name)}
	if zone.Within != "" && zone.Within != WithinPolicy {
		problems = append(problems, invalid.Field("within", fmt.Sprintf("unknown value %q", zone.Within), "write within: policy, or leave it out"))
	}
	if zone.Within != "" && name == Self {
		problems = append(problems, invalid.Field("within", "the router's packets to itself are not asked about", "remove it"))
	}
	if zone.Default != "" {
		problems = append(problems, invalid.In(zone.Default.validate(), "default"))
	}
	if zone.Log != "" && zone.Log != LogDrop {
		problems = append(problems, invalid.Field("log", fmt.Sprintf("unknown value %q", zone.Log), "write log: drop"))
	}
	return errors.Join(problems...)
}

func (a action) validate() error {
	switch a {
	case actionDrop, actionReject, actionPass, actionInspect:
		return nil
	}
	return &invalid.Error{Problem: fmt.Sprintf("%q is no action", string(a)), Fix: "write inspect, pass, drop or reject"}
}

func (c *Config) validatePolicy(p *Policy) error {
	problems := []error{
		invalid.In(validateZone(p.From), "from"),
		invalid.In(validateZone(p.To), "to"),
	}
	if p.From == p.To && p.From != "" && (p.From == Self || c.Zones[p.From].Within != WithinPolicy) {
		problems = append(problems, invalid.Field("to", "traffic within "+p.To+" always passes, no policy is asked",
			fmt.Sprintf("remove the policy, name two zones, or write zones: {%s: {within: policy}}", p.To)))
	}
	if p.Log != "" && p.Log != LogDrop {
		problems = append(problems, invalid.Field("log", fmt.Sprintf("unknown value %q", p.Log), "write log: drop"))
	}
	problems = append(problems, validateNAT(p))
	seen := make(map[string]action)
	for i := range p.Classes {
		problems = append(problems, invalid.Index(c.validateClass(p, &p.Classes[i]), "classes", i))
	}
	for _, list := range p.lists() {
		for i, name := range list.services {
			err := c.validateUse(p, list.action, name)
			if before, twice := seen[name]; twice && err == nil {
				err = &invalid.Error{Problem: fmt.Sprintf("%s is in %s already, which decides", name, before), Fix: "keep one of the two"}
			}
			seen[name] = list.action
			problems = append(problems, invalid.Index(err, string(list.action), i))
		}
	}
	return errors.Join(problems...)
}

// validateTwice reports classes of one pair that have the same name: their
// counters could not be told apart.
func (c *Config) validateTwice() error {
	type place struct{ from, to, class string }
	seen := make(map[place]bool)
	var problems []error
	for i := range c.Policies {
		p := &c.Policies[i]
		for n := range p.Classes {
			at := place{p.From, p.To, p.Classes[n].Name}
			if seen[at] {
				err := invalid.Index(invalid.Field("name", fmt.Sprintf("there is a class %s from %s to %s already", at.class, at.from, at.to), "choose another name"), "classes", n)
				problems = append(problems, invalid.Index(err, "policies", i))
			}
			seen[at] = true
		}
	}
	return errors.Join(problems...)
}

// validateUse checks one name in one list of a policy.
func (c *Config) validateUse(p *Policy, act action, name string) error {
	matches, known := c.resolve(name, p.To)
	if !known {
		fix := "define it under firewall.services, or write a match such as tcp/22"
		if near, ok := nearest.To(name, c.names()); ok {
			fix = "write " + near
		}
		return &invalid.Error{Problem: fmt.Sprintf("unknown service %q", name), Fix: fix}
	}
	local := p.From == Self || p.To == Self
	stateful := act == actionInspect
	switch {
	case c.ofRouter(name) && !local:
		return &invalid.Error{Problem: name + " is about the router itself", Fix: "name it between self and a zone"}
	case c.ofRouter(name) && stateful:
		return &invalid.Error{Problem: "DHCP answers are broadcast, inspect cannot recognise them", Fix: "write " + name + " under pass, in both directions"}
	case act.lets() && local && slices.ContainsFunc(matches, isGRE):
		return &invalid.Error{Problem: "GRE in clear towards or from the router would be a hole into the tunnel's network: anyone could send and read it", Fix: greFix}
	case stateful && slices.ContainsFunc(matches, isIPsec):
		return &invalid.Error{Problem: "IPsec has no connections to inspect", Fix: "write " + name + " under pass, in both directions"}
	}
	return nil
}

func isGRE(m Match) bool   { return m.proto == protoGRE }
func isIPsec(m Match) bool { return m.proto == protoESP || m.proto == protoAH }

// ValidateZones reports what is wrong with the policies given the members of
// the zones. Paths are relative to the Config, as those of Validate.
func (c *Config) ValidateZones(t *Topology) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(c.Zones)) {
		problems = append(problems, invalid.In(unknownZone(t, name), "zones", name))
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		problems = append(problems, invalid.Index(errors.Join(c.validateZones(p, t), c.validateWays(p, t)), "policies", i))
	}
	return errors.Join(append(problems, c.validateTranslatedZones(t))...)
}

// unknownZone reports a zone that has no member.
func unknownZone(t *Topology, zone string) error {
	known := t.zoneNames()
	if slices.Contains(known, zone) || validateZone(zone) != nil {
		return nil
	}
	fix := "give an interface or a tunnel this zone, or remove it here"
	if near, ok := nearest.To(zone, known); ok {
		fix = "write " + near
	}
	return &invalid.Error{Problem: fmt.Sprintf("zone %s has no interface and no tunnel", zone), Fix: fix}
}

func (c *Config) validateZones(p *Policy, t *Topology) error {
	problems := []error{invalid.In(unknownZone(t, p.From), "from"), invalid.In(unknownZone(t, p.To), "to")}
	if t.isUnderlay(p.From) && t.isUnderlay(p.To) {
		problems = append(problems, invalid.Field("to", "both zones face providers, and nothing passes from one to the other", "remove the policy"))
	}
	if p.NAT != "" && !t.isUnderlay(p.To) {
		problems = append(problems, invalid.Field("nat", p.To+" does not face a provider", "remove nat from this policy"))
	}
	if !t.isUnderlay(p.From) && !t.isUnderlay(p.To) || p.From == Self || p.To == Self {
		return errors.Join(problems...)
	}
	// GRE and IPsec on an underlay are the router's own: they bypass
	// connection tracking, so those of hosts behind it cannot be told apart.
	check := func(names []string, path ...string) {
		for i, name := range names {
			matches, _ := c.resolve(name, p.To)
			var err error
			switch {
			case slices.ContainsFunc(matches, isGRE):
				err = &invalid.Error{Problem: "GRE to or from a provider is dropped, so that no tunnel is ever in clear", Fix: "remove it; use a tunnel with ipsec"}
			case slices.ContainsFunc(matches, isIPsec):
				err = &invalid.Error{Problem: "IPsec on an underlay is the router's own", Fix: "write ike: hosts behind the router reach their gateways by UDP 4500"}
			}
			last := len(path) - 1
			problems = append(problems, invalid.In(invalid.Index(err, path[last], i), path[:last]...))
		}
	}
	for _, list := range p.lists() {
		if list.action.lets() {
			check(list.services, string(list.action))
		}
	}
	for i := range p.Classes {
		if class := &p.Classes[i]; class.Action.lets() {
			check(class.Services, "classes", fmt.Sprint(i), "services")
			for n := range class.Any {
				check(class.Any[n].Services, "classes", fmt.Sprint(i), "any", fmt.Sprint(n), "services")
			}
		}
	}
	return errors.Join(problems...)
}

// validateName checks the name of something that has one in the kernel's table.
func validateName(name, what string) error {
	letter := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
	other := func(r rune) bool {
		return !letter(r) && !('0' <= r && r <= '9') && !strings.ContainsRune("-_", r)
	}
	if name == "" || len(name) > maxZoneName || !letter(rune(name[0])) || strings.ContainsFunc(name, other) {
		return &invalid.Error{
			Problem: fmt.Sprintf("%q cannot be the name of a %s", name, what),
			Fix:     fmt.Sprintf("begin with a letter, go on with letters, digits, - and _, at most %d in all", maxZoneName),
		}
	}
	return nil
}
