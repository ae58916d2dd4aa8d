package firewall

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/internal/invalid"
)

// Topology is what the configuration says of the members of the zones. Links
// need not exist yet: they are matched by name when packets come.
type Topology struct {
	Members []Member
}

// Member is an interface or a tunnel.
type Member struct {
	// Path leads to the member in the configuration file, such as
	// interfaces.wan; Topology.Validate reports errors there.
	Path []string
	// Zone is the zone it belongs to, empty for none: then nothing passes.
	Zone string
	// Link is the kernel's name of the device, and VRF that of the VRF device
	// it is enslaved to, empty for the main table.
	Link string
	VRF  string
	// Underlay says that it faces a provider: tunnels run over it, and nothing
	// is forwarded from one underlay to another.
	Underlay bool
	// Over is the link of the underlay whose IPv6 carries this one's IPv4: then it
	// is the device of a translator, and IPv6 passes between the two, within the
	// VRF. Empty for every other member.
	Over string
	// Tunnel says that it is an mGRE tunnel.
	Tunnel bool
	// MSS bounds the TCP segment size of connections through it, in octets.
	// With 0 a tunnel takes the bound from the route's MTU, in a VRF only for
	// what goes into it, and any other member has none.
	MSS int
}

// ingress is the name of the device forwarded and delivered packets come in by.
func (m *Member) ingress() string { return cmp.Or(m.VRF, m.Link) }

// Bounds of the MSS: RFC 1122's default of 536 is the least that every host
// takes, and 65,495 leaves room for the headers of the largest IPv4 packet.
const (
	minMSS = 536
	maxMSS = 65495
)

// maxLinkName is the length of the longest device name, IFNAMSIZ less the
// terminating zero.
const maxLinkName = 15

// Validate reports, at the paths of the members, what no ruleset can be made
// of: names the kernel would refuse, and a zone in more than one VRF, whose
// members could reach each other across the VRFs.
func (t *Topology) Validate() error {
	var problems []error
	first := make(map[string]Member)
	links := make(map[string]bool)
	for _, m := range t.Members {
		at := func(err error) { problems = append(problems, invalid.In(err, m.Path...)) }
		if err := validateLink(m.Link); err != nil {
			at(err)
		}
		if m.VRF != "" {
			if err := validateLink(m.VRF); err != nil {
				at(err)
			}
		}
		if m.Over != "" && !t.carries(m) {
			at(fmt.Errorf("%s is over %s, which is no underlay of %s", m.Link, m.Over, Table(m.VRF)))
		}
		if links[m.Link] {
			at(fmt.Errorf("two members are the same device %s", m.Link))
		}
		links[m.Link] = true
		if m.MSS != 0 && (m.MSS < minMSS || m.MSS > maxMSS) {
			at(invalid.Field("mss", fmt.Sprintf("a segment size of %d octets does not work", m.MSS), fmt.Sprintf("write %d to %d", minMSS, maxMSS)))
		}
		if m.Zone == "" {
			continue
		}
		if err := validateZone(m.Zone); err != nil {
			at(invalid.In(err, "zone"))
		}
		other, seen := first[m.Zone]
		switch {
		case m.Zone == Self:
			at(invalid.Field("zone", "self is the router itself and has no members", "choose another name"))
		case !seen:
			first[m.Zone] = m
		case other.Underlay != m.Underlay:
			at(invalid.Field("zone",
				fmt.Sprintf("zone %s would hold both a network of ours and a provider's, %s", m.Zone, strings.Join(other.Path, ".")),
				"give what faces a provider a zone of its own"))
		case other.VRF != m.VRF:
			at(invalid.Field("zone",
				fmt.Sprintf("zone %s would span %s and %s, where %s is", m.Zone, Table(m.VRF), Table(other.VRF), strings.Join(other.Path, ".")),
				"give the members of each VRF a zone of their own"))
		}
	}
	return errors.Join(problems...)
}

// carries reports whether what m is over is an underlay beside it.
func (t *Topology) carries(m Member) bool {
	return m.Underlay && slices.ContainsFunc(t.Members, func(other Member) bool {
		return other.Link == m.Over && other.VRF == m.VRF && other.Underlay && other.Over == ""
	})
}

// Table names the routing table of a VRF, as the kernel or the configuration
// calls it, in a message; the empty name is the main table's.
func Table(vrf string) string {
	if vrf == "" {
		return "the main table"
	}
	return "VRF " + vrf
}

// validateLink applies the kernel's rules for device names (dev_valid_name),
// and refuses what the nft text form could not show faithfully.
func validateLink(name string) error {
	problem := ""
	switch {
	case name == "" || name == "." || name == "..":
		problem = "is not a name"
	case len(name) > maxLinkName:
		problem = fmt.Sprintf("is longer than the %d characters of a device name", maxLinkName)
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`/:"\*`, r) }):
		problem = "holds a character a device name cannot have"
	default:
		return nil
	}
	return &invalid.Error{Problem: fmt.Sprintf("the device name %q %s", name, problem), Fix: "write letters, digits, - and ."}
}

// maxZoneName keeps the names of chains and counters, which hold two zones,
// within the kernel's 127 characters.
const maxZoneName = 31

// validateZone keeps zone names to what is an identifier in nft's text.
func validateZone(name string) error {
	if name == "" {
		return &invalid.Error{Problem: "a zone is missing", Fix: "write the name of a zone, or self"}
	}
	return validateName(name, "zone")
}

// name is what the configuration calls the member.
func (m *Member) name() string {
	if len(m.Path) == 0 {
		return m.Link
	}
	return m.Path[len(m.Path)-1]
}

// member returns the member that the configuration calls by the name, or nil.
func (t *Topology) member(name string) *Member {
	for i := range t.Members {
		if t.Members[i].name() == name {
			return &t.Members[i]
		}
	}
	return nil
}

// zones returns the members of each zone.
func (t *Topology) zones() map[string][]Member {
	zones := make(map[string][]Member)
	for _, m := range t.Members {
		if m.Zone != "" {
			zones[m.Zone] = append(zones[m.Zone], m)
		}
	}
	return zones
}

// zoneNames returns the names of the zones, self included, sorted.
func (t *Topology) zoneNames() []string {
	names := append(slices.Collect(maps.Keys(t.zones())), Self)
	slices.Sort(names)
	return names
}

// hasVRF reports whether a member is in a VRF.
func (t *Topology) hasVRF() bool {
	return slices.ContainsFunc(t.Members, func(m Member) bool { return m.VRF != "" })
}

// isUnderlay reports whether a member of the zone faces a provider.
func (t *Topology) isUnderlay(zone string) bool {
	return slices.ContainsFunc(t.zones()[zone], func(m Member) bool { return m.Underlay })
}
