//go:build netns

package firewall

import "testing"

// TestReplacesAnotherFormat has a table of our name that an earlier release
// could have left: chains with other hooks, sets and maps of other types, rules
// that name what is to go, a counter that is still wanted.
func TestReplacesAnotherFormat(t *testing.T) {
	flush(t)
	all := rulesets(t)
	nft(t, `table inet farspoke {
		counter gre-in.clear { packets 7 bytes 700 }
		counter old { packets 1 bytes 1 }
		set underlays { type ipv4_addr; elements = { 192.0.2.1 }; }
		set stamps { type mark; size 1; elements = { 0x9 }; }
		map forward { type ifname : verdict; elements = { "wan" : jump inside/outside }; }
		chain input { type filter hook input priority -5; policy drop; ip saddr @underlays counter name "old" jump inside/outside; }
		chain forward { type filter hook forward priority filter; policy accept; iifname vmap @forward; }
		chain output { counter name "gre-in.clear"; }
		chain inside/outside { accept; }
		chain policy.0 { }
	}`, "-f", "-")
	if holds(t, all["branch"]) {
		t.Fatal("the other format is taken for ours")
	}
	replace(t, all["branch"])
	if !holds(t, all["branch"]) {
		t.Error("our table is not held")
	}
	tallies, err := Netfilter{}.Counters()
	if err != nil {
		t.Fatal(err)
	}
	if _, there := tallies["old"]; there || tallies["gre-in.clear"] != (Tally{7, 700}) {
		t.Errorf("the counters are %v", tallies)
	}
}
