package firewall

import "slices"

// view says from which end a policy's criteria are looked at.
type view int

const (
	// asking is the direction the policy is about.
	asking view = iota
	// mirrored is the opposite one: source and destination, and ways in and
	// out, have changed places, and messages are answers. What only the asking
	// end chooses, such as its DSCP, is not asked.
	mirrored
)

// selects returns the rules' beginnings that match the criteria, one for each
// combination that the kernel cannot ask at once.
func (c *compiler) selects(p *pair, criteria Criteria, v view) []rule {
	rules := []rule{{}}
	rules = combine(rules, c.devices(p, criteria, v))
	rules = combine(rules, c.networks(criteria, v))
	return combine(rules, c.services(p, criteria, v))
}

// combine appends each alternative to each rule. Without alternatives nothing
// matches.
func combine(rules, alternatives []rule) []rule {
	var all []rule
	for _, r := range rules {
		for _, a := range alternatives {
			all = append(all, slices.Concat(r, a))
		}
	}
	return all
}

// devices matches the ways in and out.
func (c *compiler) devices(p *pair, criteria Criteria, v view) []rule {
	in, out := criteria.In, criteria.Out
	if v == mirrored {
		in, out = out, in
	}
	rules := []rule{{}}
	if len(in) > 0 {
		var ways []rule
		for _, name := range in {
			m := c.topology.member(name)
			key := ingress
			if m.VRF != "" {
				key = slave
			}
			ways = append(ways, rule{device{key, m.Link}})
		}
		rules = combine(rules, ways)
	}
	if len(out) > 0 {
		var ways []rule
		for _, name := range out {
			ways = append(ways, rule{device{egress, c.topology.member(name).Link}})
		}
		rules = combine(rules, ways)
	}
	return rules
}

// networks matches what the IP header says. Only then are the families apart.
func (c *compiler) networks(criteria Criteria, v view) []rule {
	if v == mirrored {
		criteria.DSCP, criteria.TTL = nil, 0
	}
	if len(criteria.Source)+len(criteria.Destination)+len(criteria.DSCP) == 0 && criteria.TTL == 0 {
		return []rule{{}}
	}
	var all []rule
	for _, v6 := range []bool{false, true} {
		rules := []rule{{familyOf(v6)}}
		rules = combine(rules, c.addresses(criteria.Source, v6, v == asking))
		rules = combine(rules, c.addresses(criteria.Destination, v6, v == mirrored))
		if len(criteria.DSCP) > 0 {
			var values []rule
			for _, value := range criteria.DSCP {
				values = append(values, rule{dscp{v6, value}})
			}
			rules = combine(rules, values)
		}
		if criteria.TTL != 0 {
			rules = combine(rules, []rule{{hops{v6, criteria.TTL}}})
		}
		all = append(all, rules...)
	}
	return all
}

// addresses matches one of the addresses of a family, which are given in place
// or by names of groups. No name matches everything.
func (c *compiler) addresses(names []string, v6, source bool) []rule {
	if len(names) == 0 {
		return []rule{{}}
	}
	var static []AddressRange
	var alternatives []rule
	label := "addresses"
	for _, name := range names {
		if group, ok := c.config.DynamicAddresses[name]; ok {
			s := c.dynamicSet(name, group, v6)
			alternatives = append(alternatives, rule{addressIn{v6, source, s}})
			continue
		}
		group, named := c.config.Addresses[name]
		if !named {
			// Validated before.
			one, _ := ParseAddressRange(name)
			group = []AddressRange{one}
		} else if len(names) == 1 {
			label = name
		}
		static = append(static, group...)
	}
	if r := c.within(label, static, v6, source); r != nil {
		alternatives = append([]rule{r}, alternatives...)
	}
	return alternatives
}

// within matches one of the ranges, or is nil if none is of the family.
func (c *compiler) within(label string, ranges []AddressRange, v6, source bool) rule {
	merged := family(ranges, v6)
	if len(merged) == 0 {
		return nil
	}
	if p, ok := merged[0].prefix(); ok && len(merged) == 1 {
		return rule{address{source, p}}
	}
	return rule{addressIn{v6, source, c.addressSet(label, ranges, v6)}}
}

// dynamicSet is the set of a group that is filled at run time.
func (c *compiler) dynamicSet(name string, group DynamicAddresses, v6 bool) string {
	s := set{name: familyName(name, v6), keys: []keyType{keyOf(v6)}, filled: byOthers, timeout: group.Timeout}
	c.set(s)
	return s.name
}

// familyName is the kernel's name for the addresses of a family that go by a
// name, as a set holds those of one.
func familyName(name string, v6 bool) string {
	if v6 {
		return name + ".6"
	}
	return name + ".4"
}

// services matches protocols and ports.
func (c *compiler) services(p *pair, criteria Criteria, v view) []rule {
	if len(criteria.Services) == 0 {
		return []rule{{}}
	}
	var all []rule
	for _, name := range criteria.Services {
		matches, _ := c.config.resolve(name, p.to)
		for _, m := range matches {
			if v == mirrored {
				answer, ok := m.answer()
				if !ok {
					continue
				}
				m = answer
			}
			all = append(all, m.statements()...)
		}
	}
	return all
}

// answer is what answers to packets of the match look like. It reports false
// if nothing but errors answers them.
func (m Match) answer() (Match, bool) {
	m.source, m.dest = m.dest, m.source
	if m.icmp == "" {
		return m, true
	}
	kind, ok := icmpAnswers[m.icmp]
	m.icmp = kind
	return m, ok
}

// statements returns the match as alternatives, each a list of statements that
// must all hold.
func (m Match) statements() []rule {
	switch {
	case m.proto == protoAny:
		return []rule{{}}
	case m.proto == protoForwarded:
		return []rule{{translated}}
	case m.icmp != "":
		var all []rule
		for _, message := range icmpKinds[m.icmp] {
			all = append(all, rule{message})
		}
		return all
	case m.proto == protoICMP:
		return []rule{{layer4(protoICMPv4)}, {layer4(protoICMPv6)}}
	case m.source.all() && m.dest.all():
		return []rule{{layer4(m.proto)}}
	default:
		return []rule{{transport{m.proto, m.source, m.dest}}}
	}
}
