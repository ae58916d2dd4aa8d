package firewall

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/nearest"
)

const (
	// maxTimeout bounds for how long a filled set remembers an element.
	maxTimeout = 720 * time.Hour
	// maxConnections bounds what a limit counts.
	maxConnections = 1 << 20
)

func (c *Config) validateClass(p *Policy, class *Class) error {
	problems := []error{
		invalid.In(validateName(class.Name, "class"), "name"),
		invalid.In(class.Action.validate(), "action"),
		c.validateCriteria(p, class, class.Criteria),
	}
	for i, one := range class.Any {
		err := c.validateCriteria(p, class, one)
		if twice := class.Criteria.both(one); twice != "" {
			err = errors.Join(err, invalid.Field(twice, "the class names "+twice+" for all alternatives already", "write it in one of the places"))
		}
		problems = append(problems, invalid.Index(err, "any", i))
	}
	return errors.Join(append(problems, class.validateHelper(), class.validateLimit())...)
}

// both returns the first kind that both criteria ask about, or "".
func (c Criteria) both(other Criteria) string {
	for _, kind := range []struct {
		name string
		both bool
	}{
		{"services", len(c.Services) > 0 && len(other.Services) > 0},
		{"source", len(c.Source) > 0 && len(other.Source) > 0},
		{"destination", len(c.Destination) > 0 && len(other.Destination) > 0},
		{"dscp", len(c.DSCP) > 0 && len(other.DSCP) > 0},
		{"ttl", c.TTL > 0 && other.TTL > 0},
		{"in", len(c.In) > 0 && len(other.In) > 0},
		{"out", len(c.Out) > 0 && len(other.Out) > 0},
	} {
		if kind.both {
			return kind.name
		}
	}
	return ""
}

func (c *Config) validateCriteria(p *Policy, class *Class, criteria Criteria) error {
	var problems []error
	for i, name := range criteria.Services {
		problems = append(problems, invalid.Index(c.validateUse(p, class.Action, name), "services", i))
	}
	for _, list := range []struct {
		key   string
		names []string
	}{{"source", criteria.Source}, {"destination", criteria.Destination}} {
		for i, name := range list.names {
			problems = append(problems, invalid.Index(c.validateAddress(name), list.key, i))
		}
	}
	if len(criteria.In) > 0 && p.From == Self {
		problems = append(problems, invalid.Field("in", "the router's own packets come in by no interface", "remove it"))
	}
	if len(criteria.Out) > 0 && p.To == Self {
		problems = append(problems, invalid.Field("out", "packets to the router leave by no interface", "remove it"))
	}
	return errors.Join(problems...)
}

// validateAddress checks a name of a group, or an address in its place.
func (c *Config) validateAddress(name string) error {
	if c.Addresses[name] != nil {
		return nil
	}
	if _, ok := c.DynamicAddresses[name]; ok {
		return nil
	}
	if _, err := ParseAddressRange(name); err == nil {
		return nil
	} else if validateName(name, "") != nil {
		problem, fix, _ := strings.Cut(err.Error(), "; ")
		return &invalid.Error{Problem: problem, Fix: fix}
	}
	groups := slices.Sorted(maps.Keys(c.Addresses))
	groups = append(groups, slices.Sorted(maps.Keys(c.DynamicAddresses))...)
	fix := "define it under firewall.addresses, or write an address such as 192.0.2.0/24"
	if near, ok := nearest.To(name, groups); ok {
		fix = "write " + near
	}
	return &invalid.Error{Problem: fmt.Sprintf("unknown group of addresses %q", name), Fix: fix}
}

func (c *Class) validateHelper() error {
	switch {
	case c.Helper == "":
		return nil
	case helpersOf[c.Helper] == nil:
		return invalid.Field("helper", fmt.Sprintf("unknown helper %q", c.Helper), "write one of "+strings.Join(slices.Sorted(maps.Keys(helpersOf)), ", "))
	case c.Action != actionInspect:
		return invalid.Field("helper", "only inspected connections have a helper", "write action: inspect, or remove it")
	}
	return nil
}

func (c *Class) validateLimit() error {
	switch {
	case c.Limit == nil:
		return nil
	case *c.Limit == (Limit{}):
		return invalid.Field("limit", "the limit limits nothing", "write connections, rate or syn, or remove it")
	case !c.Action.lets():
		return invalid.Field("limit", "nothing is let through that could be limited", "write action: inspect or pass, or remove it")
	case c.Limit.Connections > maxConnections:
		return invalid.In(invalid.Field("connections", fmt.Sprintf("%d is too many to count", c.Limit.Connections), fmt.Sprintf("write 1 to %d", maxConnections)), "limit")
	case c.Limit.Connections > 0 && c.Action == actionPass:
		return invalid.In(invalid.Field("connections", "what passes has no connections", "write rate, or action: inspect"), "limit")
	}
	return nil
}

// validateWays checks the interfaces that the policy's classes name.
func (c *Config) validateWays(p *Policy, t *Topology) error {
	var problems []error
	check := func(criteria Criteria, path ...string) {
		for _, list := range []struct {
			key, zone string
			names     []string
		}{{"in", p.From, criteria.In}, {"out", p.To, criteria.Out}} {
			for i, name := range list.names {
				m := t.member(name)
				if m != nil && m.Zone == list.zone {
					continue
				}
				err := &invalid.Error{Problem: fmt.Sprintf("%s is no interface or tunnel of zone %s", name, list.zone)}
				var names []string
				for _, member := range t.zones()[list.zone] {
					names = append(names, member.name())
				}
				err.Fix = "write one of " + strings.Join(names, ", ")
				problems = append(problems, invalid.In(invalid.Index(err, list.key, i), path...))
			}
		}
	}
	for i := range p.Classes {
		at := []string{"classes", fmt.Sprint(i)}
		check(p.Classes[i].Criteria, at...)
		for n := range p.Classes[i].Any {
			check(p.Classes[i].Any[n], append(slices.Clone(at), "any", fmt.Sprint(n))...)
		}
	}
	return errors.Join(problems...)
}
