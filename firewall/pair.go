package firewall

import "cmp"

// pair is one direction between two zones.
type pair struct {
	from, to string
	steps    []step
	// fallback is what becomes of packets that no step names.
	fallback action
	// log says that what falls back and is not let through is logged.
	log bool
	// stateful says that a step, or the fallback, inspects.
	stateful bool
	stamp    *stamp
	// decisions are the rules that say what may pass, for the stamp.
	decisions []rule
	// own are the chains of single steps.
	own []*chain
}

// chain is the name of the pair's chain; of a class that takes several rules
// it goes on with a slash and the class's name, of its other chains with a dot.
// Neither is in the name of a zone or class.
func (p *pair) chain() string { return p.from + "/" + p.to }

// answers is the chain of packets from one zone to the other that answer a
// connection which does not bear the present stamp, refused that of those which
// the present policy takes for no answer, and stateless that of those among them
// that are of no connection any more.
func (p *pair) answers() string   { return p.chain() + ".answers" }
func (p *pair) refused() string   { return p.chain() + ".refused" }
func (p *pair) stateless() string { return p.chain() + ".stateless" }

// passes reports whether packets pass without state, by a step from the nth on
// or by the default.
func (p *pair) passes(n int) bool {
	for _, s := range p.steps[n:] {
		if s.action == actionPass {
			return true
		}
	}
	return p.fallback == actionPass
}

// logs sends packets of the pair to the log's reader as something that the
// action was done to.
func (p *pair) logs(a action, class string) logged {
	return logged(Decision{string(a), p.from, p.to, class}.Prefix())
}

// logGroup is the NFLOG group of our log.
const logGroup = 17

// pairZones finds the pairs of zones that need a chain: those a policy or the
// default of a zone names, and the way back of those that inspect.
func (c *compiler) pairZones() {
	count := make(map[[2]string]int)
	for i := range c.config.Policies {
		p := &c.config.Policies[i]
		count[[2]string{p.From, p.To}]++
	}
	number := make(map[*pair]int)
	for i := range c.config.Policies {
		policy := &c.config.Policies[i]
		p := c.pair(policy.From, policy.To)
		n := 0
		if count[[2]string{p.from, p.to}] > 1 {
			number[p]++
			n = number[p]
		}
		p.steps = append(p.steps, policy.steps(n)...)
		p.log = p.log || policy.Log == LogDrop
	}
	zones := c.topology.zoneNames()
	for _, from := range zones {
		if fallback := c.config.Zones[from].Default; fallback.lets() || fallback == actionReject {
			for _, to := range zones {
				if to != from && to != Self && !(c.topology.isUnderlay(from) && c.topology.isUnderlay(to)) {
					c.pair(from, to)
				}
			}
		}
	}
	for _, p := range c.pairs {
		zone := c.config.Zones[p.from]
		if p.fallback = actionDrop; p.to != Self && p.to != p.from {
			p.fallback = cmp.Or(zone.Default, actionDrop)
			p.log = p.log || zone.Log == LogDrop
		}
		p.stateful = p.fallback == actionInspect
		for _, s := range p.steps {
			p.stateful = p.stateful || s.action == actionInspect
		}
	}
	for _, p := range c.pairs {
		if p.stateful {
			c.pair(p.to, p.from)
		}
	}
}

// pair returns the pair of the two zones, a new one if there is none yet.
func (c *compiler) pair(from, to string) *pair {
	if p := c.find(from, to); p != nil {
		return p
	}
	p := &pair{from: from, to: to, fallback: actionDrop}
	p.stamp = &stamp{name: p.chain()}
	c.pairs = append(c.pairs, p)
	c.index[[2]string{from, to}] = p
	return p
}

// find returns the pair of the two zones, or nil.
func (c *compiler) find(from, to string) *pair { return c.index[[2]string{from, to}] }

// compilePair adds the chains of one direction between two zones. Every packet
// that enters them is decided in them.
func (c *compiler) compilePair(p *pair) {
	at := c.chain(p.chain(), hook{})
	back := c.find(p.to, p.from)
	if p.stateful {
		at.add(stamped{p.stamp}, c.established(p), accept)
	}
	if back != nil && back != p && back.stateful {
		at.add(stamped{back.stamp}, c.established(p), accept)
	}
	if p.to != Self && p.from != Self && (c.topology.isUnderlay(p.from) || c.topology.isUnderlay(p.to)) {
		at.add(layer4(protoGRE), jumpTo(chainGREThrough))
	}
	// Errors about an allowed connection may come from any zone, such as those
	// of routers on the way. All other packets of a connection pass only
	// between its zones.
	at.letErrors(p.from == Self, c.outcome(p, ".related", "errors about allowed connections"))
	first := len(at.rules)
	c.announced(at, p, p, asking)
	if back != nil {
		c.announced(at, p, back, mirrored)
	}
	if p.stateful || back != nil && back.stateful {
		at.add(answering, call(p.answers()))
	}
	for i := range p.steps {
		c.decide(at, p, i)
	}
	c.fallBack(at, p)
	c.chains = append(c.chains, p.own...)
	p.decisions = append(p.decisions, at.rules[first:]...)
	if p.stateful || back != nil && back.stateful {
		c.compileAnswers(p, back)
	}
}

// letErrors lets ICMP errors about connections through that a policy knows, of
// the router itself TCP resets, too. Related is as well what a helper has
// announced: that passes by its stamp, and so only between the zones of the
// connection that announced it.
func (c *chain) letErrors(ofRouter bool, hits count) {
	if ofRouter {
		c.add(stateRelated, known, hits, accept)
		return
	}
	for _, proto := range []protocol{protoICMPv4, protoICMPv6} {
		c.add(layer4(proto), stateRelated, known, hits, accept)
	}
}

// outcome counts what packets of the pair have in common.
func (c *compiler) outcome(p *pair, suffix, class string) count {
	return c.count(counter{name: p.chain() + suffix, from: p.from, to: p.to, class: class})
}

func (c *compiler) established(p *pair) count {
	return c.outcome(p, ".established", "inspected connections")
}

func (c *compiler) defaulted(p *pair) count {
	words := map[action]string{
		actionDrop: "no class, dropped", actionReject: "no class, rejected",
		actionPass: "no class, passed", actionInspect: "no class, inspected",
	}
	return c.outcome(p, ".default", words[p.fallback])
}

// fallBack ends the chain for packets that no step names.
func (c *compiler) fallBack(at *chain, p *pair) {
	if p.log && !p.fallback.lets() {
		at.add(p.logs(p.fallback, "default"))
	}
	at.end(nil, p, p.fallback, c.defaulted(p))
}

// announced lets packets between the zones of p through that belong to
// connections which a helper has found announced in those of the pair of. They
// bear that one's stamp from their beginning; this is for when it has changed.
func (c *compiler) announced(at *chain, p, of *pair, v view) {
	for i := range of.steps {
		s := &of.steps[i]
		if s.helper == "" || s.action != actionInspect {
			continue
		}
		for _, criteria := range s.criteria {
			criteria.Services = nil
			for _, matched := range c.selects(of, criteria, v) {
				at.add(matched.then(helped{name: s.helper}, setStamp{of.stamp}, c.established(p), accept)...)
			}
		}
	}
}

// compileAnswers adds the chains of packets that answer a connection which does
// not bear the present stamp: it was opened under an earlier policy, or by a
// packet that passed. They pass if the present policy lets such a connection be
// opened, as seen from the other end.
//
// Errors do not: one about a connection that has been let through since the
// policy changed is let through before.
//
// Else, those of a connection that was inspected are no connection's any more,
// and pass only where packets do that have none. Those of one that a packet made
// which passed go on to the classes: they may open a connection of their own.
func (c *compiler) compileAnswers(p, back *pair) {
	at := c.chain(p.answers(), hook{})
	if back != nil && back.stateful {
		// An error is no answer, whatever it is about.
		at.add(stateRelated, jumpTo(p.refused()))
		for i := range back.steps {
			s := &back.steps[i]
			for _, criteria := range s.criteria {
				for _, matched := range c.selects(back, criteria, mirrored) {
					if s.action == actionInspect {
						at.add(matched.then(setStamp{back.stamp}, c.established(p), accept)...)
					} else {
						at.add(matched.then(jumpTo(p.refused()))...)
					}
				}
			}
		}
		if back.fallback == actionInspect {
			at.add(setStamp{back.stamp}, c.established(p), accept)
		}
	}
	at.add(jumpTo(p.refused()))

	at = c.chain(p.refused(), hook{})
	if !p.passes(0) {
		at.add(onceInspected, c.defaulted(p), drop)
		return
	}
	at.add(onceInspected, jumpTo(p.stateless()))
	at = c.chain(p.stateless(), hook{})
	for i := range p.steps {
		s := &p.steps[i]
		for _, criteria := range s.criteria {
			for _, matched := range c.selects(p, criteria, asking) {
				if s.action == actionPass {
					at.add(matched.then(c.outcome(p, s.name, s.words()), accept)...)
				} else {
					at.add(matched.then(c.defaulted(p), drop)...)
				}
			}
		}
	}
	if p.fallback == actionPass {
		at.add(c.defaulted(p), accept)
	} else {
		at.add(c.defaulted(p), drop)
	}
}
