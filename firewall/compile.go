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
	c := compiler{config: &config, topology: &topology, Ruleset: &Ruleset{}, index: make(map[[2]string]*pair)}
	c.collectUnderlays()
	c.pairZones()

	c.bypassTracking()
	c.input()
	c.forward()
	c.output()
	c.controlMessages()
	for _, p := range c.pairs {
		c.compilePair(p)
	}
	c.stampPairs()
	c.translate()
	return c.Ruleset.complete(), nil
}

// compiler holds the input and the growing output of Compile.
type compiler struct {
	config   *Config
	topology *Topology
	*Ruleset

	// underlays are the names of the devices that face a provider, links and
	// VRFs, sorted.
	underlays []string
	// pairs are the pairs of zones that have a chain, in order of the policies.
	pairs []*pair
	index map[[2]string]*pair
}

func (c *compiler) collectUnderlays() {
	for _, m := range c.topology.Members {
		if m.Underlay {
			c.underlays = append(c.underlays, m.Link, m.ingress())
		}
	}
	c.underlays = compacted(c.underlays)
	if len(c.underlays) > 0 {
		c.deviceSet(setUnderlays, c.underlays)
	}
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
	in.add(fromSelf, accept)
	c.protectInput(in)
	in.add(layer4(protoICMPv4), call(chainICMPIn))
	in.add(layer4(protoICMPv6), call(chainICMPIn))

	byKey := make(map[nameKey][]element)
	for _, m := range c.topology.Members {
		if p := c.find(m.Zone, Self); p != nil {
			key, name := c.from(m)
			byKey[key] = append(byKey[key], leading(jumpTo(p.chain()), name))
		}
	}
	c.dispatch(in, byKey)
	c.end(in)
}

// output decides what the router sends.
func (c *compiler) output() {
	out := c.chain("output", hookOutput)
	c.protectOutput(out)
	out.add(toSelf, accept)
	// The first pass of a packet in a VRF. Connection tracking sees the second.
	if c.topology.hasVRF() {
		out.add(byVRF, accept)
	}
	out.add(layer4(protoICMPv4), call(chainICMPOut))
	out.add(layer4(protoICMPv6), call(chainICMPOut))

	byKey := make(map[nameKey][]element)
	for _, m := range c.topology.Members {
		if p := c.find(Self, m.Zone); p != nil {
			byKey[egress] = append(byKey[egress], leading(jumpTo(p.chain()), m.Link))
		}
	}
	c.dispatch(out, byKey)
	c.end(out)
}

// forward decides what goes through the router.
func (c *compiler) forward() {
	forward := c.chain("forward", hookForward)
	c.clampMSS(forward)
	c.translators(forward)

	byKey := make(map[nameKey][]element)
	for _, a := range c.topology.Members {
		for _, b := range c.topology.Members {
			v := c.between(a, b)
			if v == nil {
				continue
			}
			key, name := c.from(a)
			byKey[key] = append(byKey[key], leading(v, name, b.Link))
		}
	}
	c.dispatch(forward, byKey)
	c.end(forward)

	c.protectForward()
	within := c.chain(chainWithin, hook{})
	within.add(stamped{withinStamp}, accept)
	within.add(setStamp{withinStamp})
	within.add(accept)
}

// between returns what becomes of packets from one member to another, or nil
// if nothing names them.
func (c *compiler) between(a, b Member) verdict {
	switch {
	case a.Underlay && b.Underlay:
		return jumpTo(chainTransit)
	case a.Zone == "" || b.Zone == "":
		return nil
	case a.Zone == b.Zone && c.config.Zones[a.Zone].Within != WithinPolicy:
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
		label, keys := at.name, []nameKey{key}
		if key == slave {
			label += "-slave"
		}
		if len(elements[0].key) > keyDevice.length {
			keys = append(keys, egress)
		}
		at.add(dispatch{keys, c.verdictMap(label, keys, elements)})
	}
}

// end closes a base chain for packets that no pair of zones decided.
func (c *compiler) end(at *chain) {
	at.letErrors(at.hook == hookOutput, c.count(counter{name: at.name + ".related", class: at.name + ": errors about allowed connections"}))
	at.add(c.count(counter{name: at.name + ".default", class: at.name + ": no policy, dropped"}), drop)
}

// leading is the element of a path that leads to the verdict.
func leading(v verdict, names ...string) element {
	e := deviceElement(names...)
	e.verdict = v
	return e
}
