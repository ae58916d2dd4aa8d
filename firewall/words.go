package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// section is a part of a policy as a person reads it: a title, and a line for
// each thing that is said there, in the order in which it counts.
type section struct {
	title string
	lines []string
}

// words returns the configuration in the words a person would tell it in.
func (c *Config) words(t *Topology) []section {
	sections := []section{c.groupWords()}
	sections = append(sections, c.zoneWords(t)...)
	type pair struct{ from, to string }
	index := make(map[pair]int)
	for i := range c.Policies {
		p := &c.Policies[i]
		at, ok := index[pair{p.From, p.To}]
		if !ok {
			at = len(sections)
			index[pair{p.From, p.To}] = at
			sections = append(sections, section{title: p.From + " to " + p.To})
		}
		sections[at].lines = append(sections[at].lines, p.words()...)
	}
	return append(sections, c.translationWords())
}

// groupWords tells what names stand for.
func (c *Config) groupWords() section {
	s := section{title: "names"}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s.lines = append(s.lines, fmt.Sprintf("service %s is %s", name, join(c.Services[name])))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Addresses)) {
		for _, r := range c.Addresses[name] {
			s.lines = append(s.lines, fmt.Sprintf("addresses %s hold %s", name, r))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.DynamicAddresses)) {
		line := "addresses " + name + " are filled at run time"
		if timeout := c.DynamicAddresses[name].Timeout; timeout > 0 {
			line += ", each for " + shortDuration(timeout)
		}
		s.lines = append(s.lines, line)
	}
	return s
}

// shortDuration is 1h where Duration's own text is 1h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (c *Config) zoneWords(t *Topology) []section {
	members := t.zones()
	names := slices.Sorted(maps.Keys(members))
	if _, ok := c.Zones[Self]; ok {
		names = append(names, Self)
	}
	var sections []section
	for _, name := range names {
		s := section{title: "zone " + name}
		for _, m := range members[name] {
			s.lines = append(s.lines, "has "+m.name())
		}
		zone := c.Zones[name]
		if zone.Within == WithinPolicy {
			s.lines = append(s.lines, "within it a policy decides")
		}
		if zone.Default != "" {
			s.lines = append(s.lines, fmt.Sprintf("what no policy names: %s", zone.Default))
		}
		if zone.Log != "" {
			s.lines = append(s.lines, "log what no policy names and is dropped")
		}
		sections = append(sections, s)
	}
	return sections
}

// words tells the policy, a line for each class, list and translation.
func (p *Policy) words() []string {
	var lines []string
	for i := range p.Classes {
		lines = append(lines, p.Classes[i].words())
	}
	for _, l := range p.lists() {
		lines = append(lines, fmt.Sprintf("%s %s", l.action, strings.Join(l.services, ", ")))
	}
	if p.Log == LogDrop {
		lines = append(lines, "log what is dropped")
	}
	if p.NAT == "" {
		return lines
	}
	line := "NAT to " + p.NAT
	if p.NAT == NATMasquerade {
		line = "NAT to the address of the interface"
	}
	if len(p.NATExcept) > 0 {
		line += ", but not for " + join(p.NATExcept)
	}
	return append(lines, line)
}

func (c *Class) words() string {
	parts := []string{fmt.Sprintf("%s %s:", c.Action, c.Name)}
	parts = append(parts, c.Criteria.words())
	for i, one := range c.Any {
		conjunction := "and either"
		if i > 0 {
			conjunction = "or"
		}
		parts = append(parts, conjunction, one.words())
	}
	if c.Helper != "" {
		parts = append(parts, "with the helper "+c.Helper)
	}
	if l := c.Limit; l != nil {
		if l.Connections > 0 {
			parts = append(parts, fmt.Sprintf("at most %d connections of a source", l.Connections))
		}
		if l.Rate != (Rate{}) {
			parts = append(parts, fmt.Sprintf("at most %s of a source", l.Rate))
		}
		if l.SYN != (Rate{}) {
			parts = append(parts, fmt.Sprintf("at most %s opened by TCP", l.SYN))
		}
	}
	if c.Log {
		parts = append(parts, "and log it")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func (c Criteria) words() string {
	var parts []string
	add := func(word string, values []string) {
		if len(values) > 0 {
			parts = append(parts, strings.TrimSpace(word+" "+strings.Join(values, ", ")))
		}
	}
	add("", c.Services)
	add("from", c.Source)
	add("to", c.Destination)
	if len(c.DSCP) > 0 {
		parts = append(parts, "DSCP "+join(c.DSCP))
	}
	if c.TTL > 0 {
		parts = append(parts, fmt.Sprintf("TTL %d", c.TTL))
	}
	add("in by", c.In)
	add("out by", c.Out)
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, " ")
}

func (c *Config) translationWords() section {
	s := section{title: "translations"}
	for _, f := range c.PortForwards {
		at := "the router's own address"
		if f.Address.IsValid() {
			at = f.Address.String()
		}
		line := fmt.Sprintf("%s at %s leads from %s to %s", f.Port, at, f.From, f.To)
		if f.ToPort != 0 {
			line += fmt.Sprintf(" port %d", f.ToPort)
		}
		if len(f.Hairpin) > 0 {
			line += ", from " + strings.Join(f.Hairpin, ", ") + " too"
		}
		s.lines = append(s.lines, line)
	}
	for _, n := range c.StaticNAT {
		s.lines = append(s.lines, fmt.Sprintf("%s is seen from %s as %s", n.Inside, n.Zone, n.Outside))
	}
	for _, n := range c.PrefixNAT {
		s.lines = append(s.lines, fmt.Sprintf("%s is seen from %s as %s", n.Inside, n.Zone, n.Outside))
	}
	return s
}

func join[T fmt.Stringer](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}
