//go:build vm

package firewall

import (
	"fmt"
	"strings"
	"testing"
)

// dispatchZones have 506 pairs.
const dispatchZones = 23

// BenchmarkDispatch measures direct internet access, without NAT, with one pair of
// zones and with five hundred: in our form, and as lists, in which the measured
// pair is the last.
func BenchmarkDispatch(b *testing.B) {
	one := Topology{Members: labTopology().Members[:2]}
	var many Topology
	for i := range dispatchZones - len(one.Members) {
		many.Members = append(many.Members, Member{Zone: fmt.Sprintf("zone%d", i), Link: fmt.Sprintf("port%d", i)})
	}
	many.Members = append(many.Members, one.Members...)
	compiled := func(t Topology) func(*testing.B) {
		r := must(Compile(Config{Policies: eachPair(t)}, t))(b)
		return func(b *testing.B) { check(b, Netfilter{}.Replace(r)) }
	}
	loaded := func(text string) func(*testing.B) {
		return func(b *testing.B) { runNFT(b, text) }
	}
	directPath(b).measure(b,
		costCase{"one", compiled(one), hostLAN},
		costCase{"many", compiled(many), hostLAN},
		costCase{"pairs", loaded(listOfPairs(many)), hostLAN},
		costCase{"zones", loaded(listOfZones(many)), hostLAN},
	)
}

// eachPair lets UDP connections be opened from each zone to each other.
func eachPair(t Topology) (policies []Policy) {
	for _, from := range t.Members {
		for _, to := range t.Members {
			if from.Zone != to.Zone {
				policies = append(policies, Policy{From: from.Zone, To: to.Zone, Inspect: []string{"udp"}})
			}
		}
	}
	return policies
}

// listed is the beginning of the lists. They are asked about every packet, as
// zones are, where their makers let what belongs to a connection pass before.
const listed = "type filter hook forward priority filter; policy drop;\nct state invalid drop\n"

// listOfPairs is a list of the pairs.
func listOfPairs(t Topology) string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet pairs {\nchain forward {\n%s", listed)
	for _, from := range t.Members {
		for _, to := range t.Members {
			if from.Zone != to.Zone {
				fmt.Fprintf(&b, "iifname %q oifname %q counter accept\n", from.ingress(), to.Link)
			}
		}
	}
	b.WriteString("}\n}\n")
	return b.String()
}

// listOfZones is OpenWrt's form: a list of the zones that packets come from, and
// for each a list of those that they may go to.
func listOfZones(t Topology) string {
	var b strings.Builder
	b.WriteString("table inet zones {\n")
	for _, zone := range t.Members {
		fmt.Fprintf(&b, "chain accept_to_%s {\noifname %q counter accept\n}\n", zone.Zone, zone.Link)
	}
	for _, from := range t.Members {
		fmt.Fprintf(&b, "chain forward_%s {\n", from.Zone)
		for _, to := range t.Members {
			if from.Zone != to.Zone {
				fmt.Fprintf(&b, "jump accept_to_%s\n", to.Zone)
			}
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "chain forward {\n%s", listed)
	for _, from := range t.Members {
		fmt.Fprintf(&b, "iifname %q jump forward_%s\n", from.ingress(), from.Zone)
	}
	b.WriteString("}\n}\n")
	return b.String()
}
