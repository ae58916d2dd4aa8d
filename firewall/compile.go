package firewall

import (
	"errors"
	"slices"
)

// Compile makes the ruleset of a configuration. The same input gives the same
// ruleset. What is wrong with the input is reported as Validate does, with
// paths relative to config for policies and those of the members for the
// topology.
func Compile(config Config, topology Topology) (*Ruleset, error) {
	if err := errors.Join(config.Validate(), topology.Validate(), config.ValidateZones(&topology)); err != nil {
		return nil, err
	}
	c := compiler{config: &config, topology: &topology, Ruleset: &Ruleset{}}
	c.collectUnderlays()
	c.pairZones()

	c.bypassTracking()
	c.clampMSS()
	c.input()
	c.forward()
	c.output()
	c.translate()
	for _, p := range c.pairs {
		c.compilePair(p)
	}
	return c.Ruleset, nil
}

// compiler holds the input and the growing output of Compile.
type compiler struct {
	config   *Config
	topology *Topology
	*Ruleset

	// underlays are the names of the devices that face a provider, links and
	// VRFs, and vrfs those of all VRFs; sorted.
	underlays, vrfs []string
	// pairs are the pairs of zones that have a chain, in order of the policies.
	pairs []*pair
}

func (c *compiler) collectUnderlays() {
	for _, m := range c.topology.Members {
		if m.VRF != "" {
			c.vrfs = append(c.vrfs, m.VRF)
		}
		if m.Underlay {
			c.underlays = append(c.underlays, m.Link, m.ingress())
		}
	}
	c.vrfs = compacted(c.vrfs)
	c.underlays = compacted(c.underlays)
	if len(c.underlays) == 0 {
		return
	}
	s := set{name: setUnderlays}
	for _, name := range c.underlays {
		s.elements = append(s.elements, element{names: []string{name}})
	}
	c.sets = append(c.sets, s)
}

func compacted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// from returns the device that tells packets of the member from others as they
// come in: the VRF's where all its members are of one zone, else the link.
func (c *compiler) from(m Member) (nameKey, string) {
	for _, other := range c.topology.Members {
		if m.VRF != "" && other.VRF == m.VRF && other.Zone != m.Zone {
			return slave, m.Link
		}
	}
	return ingress, m.ingress()
}

// input decides what comes to the router.
func (c *compiler) input() {
	in := c.chain("input", hookInput)
	in.add(device{ingress, loopback}, accept)
	c.protectInput(in)
	neighbourDiscovery(in)

	byKey := make(map[nameKey][]element)
	for _, m := range c.topology.Members {
		if p := c.find(m.Zone, Self); p != nil {
			key, name := c.from(m)
			byKey[key] = append(byKey[key], element{[]string{name}, jumpTo(p.chain())})
		}
	}
	c.dispatch(in, byKey)
	c.end(in)
}

// output decides what the router sends.
func (c *compiler) output() {
	out := c.chain("output", hookOutput)
	out.add(device{egress, loopback}, accept)
	// The first pass of a packet in a VRF. Connection tracking sees the second.
	for _, vrf := range c.vrfs {
		out.add(device{egress, vrf}, accept)
	}
	c.protectOutput(out)
	neighbourDiscovery(out)
	pathMTU(out)

	byKey := make(map[nameKey][]element)
	for _, m := range c.topology.Members {
		if p := c.find(Self, m.Zone); p != nil {
			byKey[egress] = append(byKey[egress], element{[]string{m.Link}, jumpTo(p.chain())})
		}
	}
	c.dispatch(out, byKey)
	c.end(out)
}

// forward decides what goes through the router.
func (c *compiler) forward() {
	forward := c.chain("forward", hookForward)
	c.protectForward(forward)

	byKey := make(map[nameKey][]element)
	for _, a := range c.topology.Members {
		for _, b := range c.topology.Members {
			v := c.between(a, b)
			if v == nil {
				continue
			}
			key, name := c.from(a)
			byKey[key] = append(byKey[key], element{[]string{name, b.Link}, v})
		}
	}
	c.dispatch(forward, byKey)
	c.end(forward)

	within := c.chain(chainWithin, hook{})
	within.add(ctState(stateNew), markWithin)
	within.add(accept)
}

// between returns what becomes of packets from one member to another, or nil
// if nothing names them.
func (c *compiler) between(a, b Member) verdict {
	switch {
	case a.Zone == "" || b.Zone == "", a.Underlay && b.Underlay:
		return nil
	case a.Zone == b.Zone:
		return jumpTo(chainWithin)
	}
	if p := c.find(a.Zone, b.Zone); p != nil {
		return jumpTo(p.chain())
	}
	return nil
}

// dispatch adds the verdict maps of a base chain and the rules that ask them.
func (c *compiler) dispatch(at *chain, byKey map[nameKey][]element) {
	for _, key := range []nameKey{ingress, slave, egress} {
		elements := byKey[key]
		if len(elements) == 0 {
			continue
		}
		s := set{name: at.name, verdicts: true, elements: distinct(elements)}
		if key == slave {
			s.name += "-slave"
		}
		keys := []nameKey{key}
		if len(elements[0].names) == 2 {
			s.pair = true
			keys = append(keys, egress)
		}
		c.sets = append(c.sets, s)
		at.add(dispatch{keys, s.name})
	}
}

// end closes a base chain for packets that no pair of zones decided.
func (c *compiler) end(at *chain) {
	errors := c.count(counter{name: at.name + ".related", class: at.name + ": errors about allowed connections"})
	at.add(ctState(stateRelated), allowed, errors, accept)
	at.add(c.count(counter{name: at.name + ".default", class: at.name + ": no policy, dropped"}), drop)
}

// translate adds the source NAT of the pairs that ask for it.
func (c *compiler) translate() {
	var elements []element
	for _, p := range c.config.Policies {
		if p.NAT == "" {
			continue
		}
		for _, a := range c.topology.Members {
			for _, b := range c.topology.Members {
				if a.Zone == p.From && b.Zone == p.To {
					// The post-routing hook knows no slave: where a VRF has
					// several zones its name stands for all of them. What may
					// be sent was decided before; this only chooses an address.
					elements = append(elements, element{names: []string{a.ingress(), b.Link}})
				}
			}
		}
	}
	if len(elements) == 0 {
		return
	}
	c.sets = append(c.sets, set{name: setMasquerade, pair: true, elements: distinct(elements)})
	c.chain("postrouting", hookPostrouting).add(ipv4, member{[]nameKey{ingress, egress}, setMasquerade}, masquerade)
}

// distinct sorts the elements and leaves one of each key. Members of one zone
// and VRF have the same name on the way in, and lead to the same verdict.
func distinct(elements []element) []element {
	slices.SortFunc(elements, func(a, b element) int { return slices.Compare(a.names, b.names) })
	return slices.CompactFunc(elements, func(a, b element) bool { return slices.Equal(a.names, b.names) })
}
