package firewall

import "net/netip"

// translate adds the chains of network address translation. They see the first
// packet of a connection; the kernel does the same to the others.
func (c *compiler) translate() {
	c.translateDestinations()
	c.translateSources()
}

// translateDestinations leads packets to hosts behind the router: in the hook
// before routing, where a packet from a VRF is seen first with its link.
func (c *compiler) translateDestinations() {
	config := c.config
	if len(config.PortForwards)+len(config.StaticNAT)+len(config.PrefixNAT) == 0 {
		return
	}
	at := c.chain("prerouting", hookPrerouting)
	for i := range config.PortForwards {
		f := &config.PortForwards[i]
		for _, m := range c.topology.zones()[f.From] {
			at.add(rule{device{ingress, m.Link}}.then(c.forwarded(f, false)...)...)
		}
		for _, zone := range f.Hairpin {
			for _, m := range c.topology.zones()[zone] {
				at.add(rule{device{ingress, m.Link}}.then(c.forwarded(f, true)...)...)
			}
		}
	}
	for _, s := range config.StaticNAT {
		for _, m := range c.topology.zones()[s.Zone] {
			at.add(device{ingress, m.Link}, familyIs(s.Outside), to(s.Outside), translate{to: AddressRange{s.Inside, s.Inside}})
		}
	}
	for _, p := range config.PrefixNAT {
		for _, m := range c.topology.zones()[p.Zone] {
			at.add(device{ingress, m.Link}, ipv6, address{prefix: p.Outside}, translate{to: rangeOf(p.Inside), prefix: true})
		}
	}
}

// forwarded is the rule of a port forward but for the device. For hosts behind
// the router its own addresses outside are not local: they are in another VRF.
func (c *compiler) forwarded(f *PortForward, hairpin bool) rule {
	r := rule{familyIs(f.To)}
	switch {
	case f.Address.IsValid():
		r = append(r, to(f.Address))
	case hairpin:
		r = append(r, addressIn{f.To.Is6(), false, c.ownAddresses(f.From, f.To.Is6())})
	default:
		r = append(r, toRouter)
	}
	t := translate{to: AddressRange{f.To, f.To}}
	if f.ToPort != 0 {
		t.ports = ports{f.ToPort, f.ToPort}
	}
	return r.then(transport{f.Port.proto, f.Port.source, f.Port.dest}, t)
}

func familyIs(a netip.Addr) word { return familyOf(a.Is6()) }

func to(a netip.Addr) address { return address{prefix: netip.PrefixFrom(a, a.BitLen())} }

// ownAddresses is the set of the router's own addresses in a zone, which change
// as providers have it.
func (c *compiler) ownAddresses(zone string, v6 bool) string {
	s := set{name: ownName(zone, v6), keys: []keyType{keyOf(v6)}, filled: byOthers}
	c.set(s)
	return s.name
}

// ownName is the kernel's name for the router's own addresses of a family in a
// zone.
func ownName(zone string, v6 bool) string { return familyName("own/"+zone, v6) }

// translateSources gives packets another source as they leave.
func (c *compiler) translateSources() {
	var rules []rule
	for _, s := range c.config.StaticNAT {
		from := address{true, netip.PrefixFrom(s.Inside, s.Inside.BitLen())}
		for _, m := range c.topology.zones()[s.Zone] {
			rules = append(rules, rule{device{egress, m.Link}, familyIs(s.Inside), from, translate{source: true, to: AddressRange{s.Outside, s.Outside}}})
		}
	}
	for _, p := range c.config.PrefixNAT {
		for _, m := range c.topology.zones()[p.Zone] {
			rules = append(rules, rule{device{egress, m.Link}, ipv6, address{true, p.Inside}, translate{source: true, to: rangeOf(p.Outside), prefix: true}})
		}
	}
	var elements []element
	for i := range c.config.Policies {
		if p := &c.config.Policies[i]; p.NAT != "" {
			elements = append(elements, c.waysTo(p.From, p.To, c.natChain(i, p))...)
		}
	}
	hairpin := make(map[string]bool)
	for _, f := range c.config.PortForwards {
		for _, zone := range f.Hairpin {
			if !hairpin[zone] {
				hairpin[zone] = true
				elements = append(elements, c.waysTo(zone, zone, c.hairpinChain())...)
			}
		}
	}
	if len(elements) > 0 {
		keys := []nameKey{ingress, egress}
		rules = append(rules, rule{dispatch{keys, c.verdictMap("postrouting", keys, elements)}})
	}
	if len(rules) > 0 {
		c.chain("postrouting", hookPostrouting).rules = rules
	}
}

// waysTo maps the ways from zone to zone to a chain. The hook after routing
// knows no slave: where a VRF has several zones its name stands for all of
// them. What may be sent was decided before; this only chooses an address.
func (c *compiler) waysTo(from, to string, at *chain) []element {
	var elements []element
	for _, a := range c.topology.zones()[from] {
		for _, b := range c.topology.zones()[to] {
			e := deviceElement(a.ingress(), b.Link)
			e.verdict = jumpTo(at.name)
			elements = append(elements, e)
		}
	}
	return elements
}

// natChain adds the chain of the policy's NAT, unless an earlier policy between
// its zones has one.
func (c *compiler) natChain(i int, p *Policy) *chain {
	name := p.From + "/" + p.To + ".nat"
	if at := c.named(name); at != nil {
		return at
	}
	at := c.chain(name, hook{})
	if r := c.within("nat-except", p.NATExcept, false, false); r != nil {
		at.add(rule{ipv4}.then(r...).then(accept)...)
	}
	if p.NAT == NATMasquerade {
		at.add(ipv4, masquerade)
		return at
	}
	// Validated before.
	pool, _ := ParseAddressRange(p.NAT)
	at.add(ipv4, translate{source: true, to: pool})
	return at
}

// hairpinChain adds the chain of packets that a port forward sends back into
// the zone they came from: the answers must come back through the router.
func (c *compiler) hairpinChain() *chain {
	const name = "hairpin"
	if at := c.named(name); at != nil {
		return at
	}
	at := c.chain(name, hook{})
	at.add(translated, masquerade)
	return at
}

// named returns the chain of that name, or nil.
func (r *Ruleset) named(name string) *chain {
	for _, c := range r.chains {
		if c.name == name {
			return c
		}
	}
	return nil
}
