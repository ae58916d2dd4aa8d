package firewall

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// deviceElement is a device, or the devices at both ends of a path.
func deviceElement(names ...string) element {
	var e element
	for i, name := range names {
		if i > 0 {
			e.text += " . "
		}
		e.text += fmt.Sprintf("%q", name)
		e.key = append(e.key, deviceName(name)...)
	}
	return e
}

// deviceName is a device's name as the kernel compares it, IFNAMSIZ octets.
func deviceName(name string) []byte {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return padded
}

func markElement(mark uint32) element {
	return element{text: fmt.Sprintf("0x%08x", mark), key: native(mark)}
}

func rangeElement(r AddressRange) element {
	e := element{text: r.String(), key: r.first.AsSlice()}
	if next := r.last.Next(); next.IsValid() {
		e.end = next.AsSlice()
	}
	return e
}

// distinct sorts the elements and leaves one of each key. Members of one zone
// and VRF have the same name on the way in, and lead to the same verdict.
func distinct(elements []element) []element {
	slices.SortFunc(elements, func(a, b element) int { return strings.Compare(a.text, b.text) })
	return slices.CompactFunc(elements, func(a, b element) bool { return a.text == b.text })
}

// deviceSet adds a set of devices.
func (r *Ruleset) deviceSet(name string, names []string) {
	s := set{name: name, keys: []keyType{keyDevice}}
	for _, n := range names {
		s.elements = append(s.elements, deviceElement(n))
	}
	r.set(s)
}

// set adds a set, unless there is one of its name.
func (r *Ruleset) set(s set) {
	if r.listed[s.name] {
		return
	}
	if r.listed == nil {
		r.listed = make(map[string]bool)
	}
	r.listed[s.name] = true
	r.sets = append(r.sets, s)
}

func (r *Ruleset) hasSet(name string) bool { return r.listed[name] }

// addressSet adds a set of addresses of one family, unless it is there, and
// returns its name.
func (r *Ruleset) addressSet(label string, ranges []AddressRange, v6 bool) string {
	s := set{name: familyName(label, v6), keys: []keyType{keyOf(v6)}, interval: true}
	for _, one := range family(ranges, v6) {
		s.elements = append(s.elements, rangeElement(one))
	}
	return r.toldSet(s)
}

// verdictMap adds a map from devices to verdicts and returns its name.
func (r *Ruleset) verdictMap(label string, keys []nameKey, elements []element) string {
	s := set{name: label, verdicts: true, elements: distinct(elements)}
	for range keys {
		s.keys = append(s.keys, keyDevice)
	}
	return r.toldSet(s)
}

// toldSet adds a set whose name tells what is in it, so that it never changes:
// packets under way ask the old one until the rules that name the new one hold.
func (r *Ruleset) toldSet(s set) string {
	var text strings.Builder
	for _, e := range s.elements {
		text.WriteString(e.String() + "\n")
	}
	s.name = fmt.Sprintf("%s.%s", s.name, digest(text.String())[:8])
	r.set(s)
	return s.name
}

// told reports whether the set is one of toldSet.
func (s *set) told() bool { return s.interval || s.verdicts }
