package firewall

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/farspoke/farspoke/internal/invalid"
)

// Warnings returns what is allowed and most likely not meant: each an error in
// the form that Validate's have. Call it with what Compile accepts.
func (c *Config) Warnings(t *Topology) []*invalid.Error {
	var warnings []*invalid.Error
	for i := range c.Policies {
		p := &c.Policies[i]
		for n, name := range p.Pass {
			if c.passesBack(p, name) {
				continue
			}
			warnings = append(warnings, &invalid.Error{
				Path:    []string{"policies", fmt.Sprint(i), string(actionPass), fmt.Sprint(n)},
				Problem: fmt.Sprintf("%s passes from %s to %s, and its answers do not come back", name, p.From, p.To),
				Fix:     fmt.Sprintf("write %s under inspect, or under pass from %s to %s as well", name, p.To, p.From),
			})
		}
	}
	warnings = append(warnings, c.unasked()...)
	if !slices.ContainsFunc(t.Members, func(m Member) bool { return m.Tunnel }) {
		return warnings
	}
	warned := make(map[string]bool)
	for _, m := range t.Members {
		if !m.Underlay || m.Zone == "" || warned[m.Zone] || c.lets(Self, m.Zone, port(protoUDP, 500)) && c.lets(Self, m.Zone, port(protoUDP, 4500)) {
			continue
		}
		warned[m.Zone] = true
		warnings = append(warnings, &invalid.Error{
			Path:    []string{"policies"},
			Problem: fmt.Sprintf("no policy lets IKE from self to %s, so no tunnel comes up there", m.Zone),
			Fix:     fmt.Sprintf("add {from: self, to: %s, inspect: [ike]}", m.Zone),
		})
	}
	return warnings
}

// unasked warns of classes and lists that no packet gets to, because one before
// them takes everything between the zones.
func (c *Config) unasked() []*invalid.Error {
	var warnings []*invalid.Error
	taker := make(map[[2]string]string)
	for i := range c.Policies {
		p := &c.Policies[i]
		zones := [2]string{p.From, p.To}
		for n, s := range p.steps(0) {
			path := []string{"policies", fmt.Sprint(i), string(s.action)}
			if n < len(p.Classes) {
				path = []string{"policies", fmt.Sprint(i), "classes", fmt.Sprint(n)}
			}
			if before, taken := taker[zones]; taken {
				warnings = append(warnings, &invalid.Error{
					Path:    path,
					Problem: fmt.Sprintf("no packet from %s to %s gets here: %s takes all of them", p.From, p.To, before),
					Fix:     "move it before that, or remove it",
				})
			} else if slices.ContainsFunc(s.criteria, c.everything) {
				taker[zones] = s.words()
			}
		}
	}
	return warnings
}

// everything reports whether all packets meet the criteria.
func (c *Config) everything(criteria Criteria) bool {
	if !reflect.DeepEqual(criteria, Criteria{Services: criteria.Services}) {
		return false
	}
	return len(criteria.Services) == 0 || slices.ContainsFunc(criteria.Services, func(name string) bool {
		matches, _ := c.resolve(name, "")
		return slices.ContainsFunc(matches, func(m Match) bool { return m.proto == protoAny })
	})
}

// passesBack reports whether the service passes the other way too. IPsec on an
// underlay does without a policy.
func (c *Config) passesBack(p *Policy, name string) bool {
	matches, _ := c.resolve(name, p.To)
	if slices.ContainsFunc(matches, isIPsec) && (p.From == Self || p.To == Self) {
		return true
	}
	for i := range c.Policies {
		other := &c.Policies[i]
		if other.From == p.To && other.To == p.From && (slices.Contains(other.Pass, name) || slices.Contains(other.Inspect, name)) {
			return true
		}
	}
	return false
}

// lets reports whether packets of the match are let through from one zone to
// another, by policies that come before any that refuses them.
func (c *Config) lets(from, to string, wanted Match) bool {
	for i := range c.Policies {
		p := &c.Policies[i]
		if p.From != from || p.To != to {
			continue
		}
		for _, s := range p.steps(0) {
			for _, criteria := range s.criteria {
				// Criteria beyond services may not hold, so they let nothing for sure.
				if !reflect.DeepEqual(criteria, Criteria{Services: criteria.Services}) {
					continue
				}
				for _, name := range criteria.Services {
					matches, _ := c.resolve(name, to)
					if slices.ContainsFunc(matches, wanted.within) {
						return s.action.lets()
					}
				}
			}
		}
	}
	return false
}

// within reports whether every packet of m is one of other, for matches
// without a source port.
func (m Match) within(other Match) bool {
	switch {
	case other.proto == protoAny:
		return true
	case other.proto != m.proto || !other.source.all():
		return false
	}
	return other.dest.all() || other.dest.first <= m.dest.first && m.dest.last <= other.dest.last
}
