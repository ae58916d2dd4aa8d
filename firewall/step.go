package firewall

import (
	"fmt"
	"slices"
	"strings"
)

// step is one class of a policy, or one of its lists, as the compiler sees it.
type step struct {
	// name is the counter's within its pair, class what a person calls it.
	name, class string
	action      action
	// criteria are alternatives.
	criteria []Criteria
	log      bool
	helper   string
	limit    Limit
}

// words tell what is done, and to what.
func (s *step) words() string { return string(s.action) + " " + s.class }

// steps returns what the policy asks, in its order: the classes, then the lists
// that are not empty. n tells the policy from others of the same pair; it is 0
// if there are none.
func (p *Policy) steps(n int) []step {
	var steps []step
	for i := range p.Classes {
		class := &p.Classes[i]
		s := step{
			name: "/" + class.Name, class: class.Name, action: class.Action,
			criteria: class.alternatives(), helper: class.Helper,
			log: class.Log || p.Log == LogDrop && !class.Action.lets(),
		}
		if class.Limit != nil {
			s.limit = *class.Limit
		}
		steps = append(steps, s)
	}
	for _, list := range p.lists() {
		name := "." + string(list.action)
		if n > 0 {
			name = fmt.Sprintf(".%d.%s", n, list.action)
		}
		steps = append(steps, step{
			name: name, class: strings.Join(list.services, ", "), action: list.action,
			criteria: []Criteria{{Services: list.services}},
			log:      p.Log == LogDrop && !list.action.lets(),
		})
	}
	return steps
}

// list is a list of a policy.
type list struct {
	action   action
	services []string
}

// lists returns the lists that are not empty, in the order they are asked.
func (p *Policy) lists() []list {
	return slices.DeleteFunc([]list{
		{actionDrop, p.Drop},
		{actionReject, p.Reject},
		{actionPass, p.Pass},
		{actionInspect, p.Inspect},
	}, func(l list) bool { return len(l.services) == 0 })
}

// alternatives joins what must hold with each of what may.
func (c *Class) alternatives() []Criteria {
	if len(c.Any) == 0 {
		return []Criteria{c.Criteria}
	}
	all := make([]Criteria, len(c.Any))
	for i, one := range c.Any {
		all[i] = c.Criteria.and(one)
	}
	return all
}

// and returns the criteria of both. The validation makes sure that no kind is
// given twice.
func (c Criteria) and(other Criteria) Criteria {
	c.Services = slices.Concat(c.Services, other.Services)
	c.Source = slices.Concat(c.Source, other.Source)
	c.Destination = slices.Concat(c.Destination, other.Destination)
	c.DSCP = slices.Concat(c.DSCP, other.DSCP)
	c.TTL = max(c.TTL, other.TTL)
	c.In = slices.Concat(c.In, other.In)
	c.Out = slices.Concat(c.Out, other.Out)
	return c
}
