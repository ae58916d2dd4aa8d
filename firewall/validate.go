package firewall

import (
	"errors"
	"fmt"
	"maps"
	"slices"

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
	for i := range c.Policies {
		problems = append(problems, invalid.Index(c.validatePolicy(&c.Policies[i]), "policies", i))
	}
	return errors.Join(problems...)
}

func (c *Config) validateService(name string) error {
	if _, taken := protocols[name]; taken {
		return &invalid.Error{Problem: name + " is the name of a protocol", Fix: "choose another name for the service"}
	}
	if _, err := ParseMatch(name); err == nil {
		return &invalid.Error{Problem: name + " is a match and cannot be a name", Fix: "choose a word"}
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

func (c *Config) validatePolicy(p *Policy) error {
	problems := []error{
		invalid.In(validateZone(p.From), "from"),
		invalid.In(validateZone(p.To), "to"),
	}
	if p.From == p.To && p.From != "" {
		problems = append(problems, invalid.Field("to", "traffic within "+p.To+" always passes, no policy is asked", "remove the policy, or name two zones"))
	}
	if p.Log != "" && p.Log != LogDrop {
		problems = append(problems, invalid.Field("log", fmt.Sprintf("unknown value %q", p.Log), "write log: drop"))
	}
	if p.NAT != "" && p.NAT != NATMasquerade {
		problems = append(problems, invalid.Field("nat", fmt.Sprintf("unknown value %q", p.NAT), "write nat: masquerade"))
	}
	if p.NAT != "" && (p.From == Self || p.To == Self) {
		problems = append(problems, invalid.Field("nat", "packets from and to the router itself are not translated", "remove nat from this policy"))
	}
	seen := make(map[string]action)
	for _, class := range p.classes() {
		for i, name := range class.services {
			err := c.validateUse(p, class.action, name)
			if before, twice := seen[name]; twice && err == nil {
				err = &invalid.Error{Problem: fmt.Sprintf("%s is in %s already, which decides", name, before), Fix: "keep one of the two"}
			}
			seen[name] = class.action
			problems = append(problems, invalid.Index(err, string(class.action), i))
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
	_, redefined := c.Services[name]
	switch {
	case (name == serviceDHCPClient || name == serviceDHCPServer) && !redefined:
		switch {
		case !local:
			return &invalid.Error{Problem: name + " is about the router itself", Fix: "name it between self and a zone"}
		case stateful:
			return &invalid.Error{Problem: "DHCP answers are broadcast, inspect cannot recognise them", Fix: "write " + name + " under pass, in both directions"}
		}
	case (act == actionInspect || act == actionPass) && local && slices.ContainsFunc(matches, isGRE):
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
	for i := range c.Policies {
		problems = append(problems, invalid.Index(c.validateZones(&c.Policies[i], t), "policies", i))
	}
	return errors.Join(problems...)
}

func (c *Config) validateZones(p *Policy, t *Topology) error {
	var problems []error
	known := t.zoneNames()
	unknown := func(field, zone string) {
		if slices.Contains(known, zone) || validateZone(zone) != nil {
			return
		}
		fix := "give an interface or a tunnel this zone, or remove the policy"
		if near, ok := nearest.To(zone, known); ok {
			fix = "write " + near
		}
		problems = append(problems, invalid.Field(field, fmt.Sprintf("zone %s has no interface and no tunnel", zone), fix))
	}
	unknown("from", p.From)
	unknown("to", p.To)

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
	for _, class := range p.classes() {
		if class.action != actionInspect && class.action != actionPass {
			continue
		}
		for i, name := range class.services {
			matches, _ := c.resolve(name, p.To)
			var err error
			switch {
			case slices.ContainsFunc(matches, isGRE):
				err = &invalid.Error{Problem: "GRE to or from a provider is dropped, so that no tunnel is ever in clear", Fix: "remove it; use a tunnel with ipsec"}
			case slices.ContainsFunc(matches, isIPsec):
				err = &invalid.Error{Problem: "IPsec on an underlay is the router's own", Fix: "write ike: hosts behind the router reach their gateways by UDP 4500"}
			}
			problems = append(problems, invalid.Index(err, string(class.action), i))
		}
	}
	return errors.Join(problems...)
}
