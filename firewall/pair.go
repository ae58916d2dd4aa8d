package firewall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// pair is one direction between two zones.
type pair struct {
	from, to string
	policies []int
	// stateful says that connections may be open: inspect is in a policy of
	// this direction or of the other.
	stateful bool
	log      bool
}

// chain is the name of the pair's chain. The slash is in no zone's name.
func (p *pair) chain() string { return p.from + "/" + p.to }

// pairZones finds the pairs of zones that need a chain: those a policy names,
// and the way back of those that inspect.
func (c *compiler) pairZones() {
	for i := range c.config.Policies {
		p := &c.config.Policies[i]
		pair := c.pair(p.From, p.To)
		pair.policies = append(pair.policies, i)
		pair.log = pair.log || p.Log == LogDrop
		if len(p.Inspect) > 0 {
			pair.stateful = true
			c.pair(p.To, p.From).stateful = true
		}
	}
}

// pair returns the pair of the two zones, a new one if there is none yet.
func (c *compiler) pair(from, to string) *pair {
	if p := c.find(from, to); p != nil {
		return p
	}
	p := &pair{from: from, to: to}
	c.pairs = append(c.pairs, p)
	return p
}

// find returns the pair of the two zones, or nil.
func (c *compiler) find(from, to string) *pair {
	i := slices.IndexFunc(c.pairs, func(p *pair) bool { return p.from == from && p.to == to })
	if i < 0 {
		return nil
	}
	return c.pairs[i]
}

// compilePair adds the chain of one direction between two zones. Every packet
// that enters it is decided in it.
func (c *compiler) compilePair(p *pair) {
	at := c.chain(p.chain(), hook{})
	counted := func(suffix, class string) count {
		return c.count(counter{name: p.chain() + "." + suffix, from: p.from, to: p.to, class: class})
	}
	// Errors about an allowed connection may come from any zone, such as those
	// of routers on the way. All other packets of a connection pass only
	// between its zones.
	related := counted("related", "errors about allowed connections")
	at.add(ctState(stateRelated), allowed, related, accept)
	if p.stateful {
		at.add(ctState(stateEstablished), inspected, counted("established", "inspected connections"), accept)
	}
	for n, i := range p.policies {
		policy := &c.config.Policies[i]
		for _, class := range policy.classes() {
			suffix := string(class.action)
			if len(p.policies) > 1 {
				suffix = fmt.Sprintf("%d.%s", n+1, class.action)
			}
			hits := counted(suffix, fmt.Sprintf("%s %s", class.action, strings.Join(class.services, ", ")))
			for _, name := range class.services {
				matches, _ := c.config.resolve(name, policy.To)
				for _, m := range matches {
					c.compileMatch(at, p, policy, class.action, m, hits)
				}
			}
		}
	}
	if p.log {
		at.add(logged(logPrefix(p)))
	}
	at.add(counted("default", "no class, dropped"), drop)
}

// logPrefix is what lines about dropped packets of the pair begin with.
func logPrefix(p *pair) string { return fmt.Sprintf("farspoke: drop %s to %s: ", p.from, p.to) }

// compileMatch adds the rules that do with the packets of one match what their
// class says.
func (c *compiler) compileMatch(at *chain, p *pair, policy *Policy, act action, m Match, hits count) {
	for _, matched := range m.statements() {
		add := func(do ...statement) { at.add(slices.Concat(matched, do)...) }
		if policy.Log == LogDrop && (act == actionDrop || act == actionReject) {
			add(logged(logPrefix(p)))
		}
		switch act {
		case actionDrop:
			add(hits, drop)
		case actionReject:
			// The answer belongs to the connection it refuses, so the mark
			// lets it out as related.
			add(markInspected, hits, cmp.Or(refusals[m.proto], prohibit))
		case actionPass:
			add(hits, accept)
		case actionInspect:
			// Any state but invalid: a connection that a pass in the other
			// direction opened is not new.
			add(ctState(stateNew|stateEstablished|stateRelated), markInspected, hits, accept)
		}
	}
}

// refusals are the answers to rejected packets that are not an ICMP error.
var refusals = map[protocol]word{protoTCP: reset}

// statements returns the match as alternatives, each a list of statements that
// must all hold.
func (m Match) statements() []rule {
	switch {
	case m.proto == protoAny:
		return []rule{{}}
	case m.icmp != "":
		t := icmpTypes[m.icmp]
		return []rule{{icmpMessage{number: t.v4}}, {icmpMessage{v6: true, number: t.v6}}}
	case m.proto == protoICMP:
		return []rule{{layer4(protoICMPv4)}, {layer4(protoICMPv6)}}
	case m.source.all() && m.dest.all():
		return []rule{{layer4(m.proto)}}
	default:
		return []rule{{transport{m.proto, m.source, m.dest}}}
	}
}
