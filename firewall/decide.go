package firewall

import (
	"slices"
	"time"
)

// then is the rule with more statements.
func (r rule) then(more ...statement) rule { return slices.Concat(r, more) }

// decide adds the rules that do with the packets of the nth step what it says.
// What takes more than one rule gets a chain of its own.
func (c *compiler) decide(at *chain, p *pair, n int) {
	s := &p.steps[n]
	hits := c.outcome(p, s.name, s.words())
	var own *chain
	if s.log || s.helper != "" || s.limit != (Limit{}) {
		own = &chain{name: p.chain() + s.name}
		c.class(own, p, s, hits)
		p.decisions = append(p.decisions, own.rules...)
		p.own = append(p.own, own)
	}
	for _, criteria := range s.criteria {
		for _, matched := range c.selects(p, criteria, asking) {
			if own != nil {
				at.add(matched.then(jumpTo(own.name))...)
			} else {
				at.end(matched, p, s.action, hits)
				if s.action == actionInspect && p.passes(n+1) {
					// What is of no connection is not for a later step to pass.
					at.add(matched.then(c.outcome(p, s.name+".invalid", s.words()+": of no connection, dropped"), drop)...)
				}
			}
		}
	}
}

// end adds the rules that do with matched packets of the pair what the action
// says.
func (c *chain) end(matched rule, p *pair, a action, hits count) {
	switch a {
	case actionInspect:
		// Any state but invalid: a connection that a pass in the other
		// direction opened is not new.
		states := stateNew | stateEstablished | stateRelated
		if matched.errors() {
			// To let an error through is not to inspect what it is about.
			c.add(matched.then(stateRelated, hits, accept)...)
			states = stateNew | stateEstablished
		}
		c.add(matched.then(states, setStamp{p.stamp}, hits, accept)...)
	case actionPass:
		c.add(matched.then(hits, accept)...)
	case actionReject:
		tcp, others := matched.protocols()
		if tcp {
			r := matched
			if others {
				r = matched.then(layer4(protoTCP))
			}
			c.add(r.then(setStamp{refusedStamp}, hits, reset)...)
		}
		if others {
			c.add(matched.then(setStamp{refusedStamp}, hits, prohibit)...)
		}
	default:
		c.add(matched.then(hits, drop)...)
	}
}

// protocols reports whether the rule can match TCP, and whether it can match
// anything else.
func (r rule) protocols() (tcp, others bool) {
	for _, s := range r {
		switch s := s.(type) {
		case layer4:
			return protocol(s) == protoTCP, protocol(s) != protoTCP
		case transport:
			return s.proto == protoTCP, s.proto != protoTCP
		case icmpMessage:
			return false, true
		}
	}
	return true, true
}

// errors reports whether the rule can match ICMP errors.
func (r rule) errors() bool {
	for _, s := range r {
		switch s := s.(type) {
		case layer4:
			return protocol(s) == protoICMPv4 || protocol(s) == protoICMPv6
		case transport:
			return false
		case icmpMessage:
			return s.isError()
		}
	}
	return true
}

// class fills the chain of a step.
func (c *compiler) class(own *chain, p *pair, s *step, hits count) {
	c.restrict(own, p, s)
	if s.log {
		first := rule{}
		if s.action == actionInspect {
			first = rule{ctState(stateNew | stateRelated)}
		}
		own.add(first.then(p.logs(s.action, s.class))...)
	}
	for _, h := range helpersOf[s.helper] {
		if !slices.Contains(c.helpers, h) {
			c.helpers = append(c.helpers, h)
		}
		own.add(layer4(h.proto), ctState(stateNew), help(h))
	}
	own.end(nil, p, s.action, hits)
}

// helpersOf are the helpers of the kernel that classes can name.
var helpersOf = map[string][]helper{
	"ftp":  {{"ftp", protoTCP}},
	"tftp": {{"tftp", protoUDP}},
	"sip":  {{"sip", protoUDP}, {"sip", protoTCP}},
}

// restrict drops what exceeds the limits of a step. Of connections only the
// first packets count.
func (c *compiler) restrict(own *chain, p *pair, s *step) {
	if s.limit == (Limit{}) {
		return
	}
	beyond := &chain{name: own.name + ".limit"}
	if s.log {
		beyond.add(p.logs(actionDrop, s.class+", limit"))
	}
	beyond.add(c.outcome(p, s.name+".limit", s.words()+": beyond its limit, dropped"), drop)
	p.own = append(p.own, beyond)

	first := rule{}
	if s.action == actionInspect {
		first = rule{ctState(stateNew)}
	}
	if s.limit.SYN != (Rate{}) {
		own.add(first.then(beginTCP, overRate(s.limit.SYN), jumpTo(beyond.name))...)
	}
	for _, v6 := range []bool{false, true} {
		first := rule{familyOf(v6)}.then(first...)
		if s.limit.Rate != (Rate{}) {
			name := c.sourceSet(own.name+".rate", v6, s.limit.Rate.memory())
			own.add(first.then(sourceOverRate{v6, name, s.limit.Rate}, jumpTo(beyond.name))...)
		}
		if s.limit.Connections != 0 {
			name := c.sourceSet(own.name+".open", v6, 0)
			own.add(first.then(sourceOverCount{v6, name, s.limit.Connections}, jumpTo(beyond.name))...)
		}
	}
}

// sourceSet adds a set of source addresses that rules fill and forget after the
// timeout.
func (c *compiler) sourceSet(name string, v6 bool, timeout time.Duration) string {
	s := set{name: familyName(name, v6), keys: []keyType{keyOf(v6)}, filled: byPackets, timeout: timeout}
	c.set(s)
	return s.name
}
