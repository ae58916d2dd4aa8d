package firewall

import (
	"fmt"
	"strings"
)

// stamp is the mark of the connections that one direction between two zones
// has let through. It follows from what the policy says there, so that a
// connection whose stamp is the present one need not be looked at again, and
// one that was opened under another policy is: by the same rules in the same
// transaction that made the policy hold. Its packets then pass and bear the new
// stamp, or end.
//
// A connection entry is made for every packet that gets through, also for those
// that pass, so the entry alone allows nothing.
type stamp struct {
	// name is what is shown until the value is known.
	name  string
	value uint32
}

func (s *stamp) String() string {
	if s.value == 0 {
		return "<" + s.name + ">"
	}
	return fmt.Sprintf("0x%08x", s.value)
}

var (
	// withinStamp is borne by connections within a zone. It does not allow their
	// packets to leave the zone, should the route change.
	withinStamp = &stamp{"within", 1}
	// refusedStamp is borne by packets that are rejected: the answer belongs to
	// the connection it refuses, so it is let out as related.
	refusedStamp = &stamp{"refused", 2}
)

// stampPairs gives every pair that inspects its stamp, and makes the set of all
// stamps.
func (c *compiler) stampPairs() {
	taken := map[uint32]bool{0: true, withinStamp.value: true, refusedStamp.value: true}
	elements := []element{markElement(withinStamp.value), markElement(refusedStamp.value)}
	for _, p := range c.pairs {
		if !p.stateful {
			continue
		}
		texts := []string{p.chain()}
		for _, r := range p.decisions {
			texts = append(texts, r.String())
		}
		text := strings.Join(texts, "\n")
		for salt := 0; taken[p.stamp.value]; salt++ {
			fmt.Sscanf(digest(text, fmt.Sprint(salt)), "%8x", &p.stamp.value)
		}
		taken[p.stamp.value] = true
		elements = append(elements, markElement(p.stamp.value))
	}
	c.set(set{name: setStamps, keys: []keyType{keyMark}, elements: distinct(elements)})
}
