//go:build vm

package firewall

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// commitRounds is how often each ruleset is put into the kernel, by us and by nft
// in turns; the median counts.
const commitRounds = 3

// BenchmarkCommit puts rulesets into the kernel, by ourselves and by nft -f.
func BenchmarkCommit(b *testing.B) {
	for _, rules := range []int{100, 1000, 9000} {
		b.Run(fmt.Sprint(rules), func(b *testing.B) { benchmarkCommit(b, rules) })
	}
}

func benchmarkCommit(b *testing.B, rules int) {
	config := manyRules(rules)
	var compiled, ours, nft []time.Duration
	for range commitRounds {
		var r *Ruleset
		compiled = append(compiled, took(func() { r = must(Compile(config, labTopology()))(b) }))
		clearTables(b)
		ours = append(ours, took(func() { check(b, Netfilter{}.Replace(r)) }))
		if held := must(Netfilter{}.Holds(r))(b); !held {
			b.Fatal("the kernel does not hold the policy")
		}
		text := r.String()
		if n := strings.Count(text, "tcp dport "); n != rules {
			b.Fatalf("the ruleset has %d rules of the policy, want %d", n, rules)
		}
		clearTables(b)
		nft = append(nft, took(func() { runNFT(b, text) }))
	}
	clearTables(b)
	b.ReportMetric(middle(compiled), "compile")
	b.ReportMetric(middle(ours), "ours")
	b.ReportMetric(middle(nft), "nft")
	b.ReportMetric(0, "ns/op")
}

// manyRules is a policy of as many rules, each with a counter of its own.
func manyRules(rules int) Config {
	policy := Policy{From: "outside", To: "inside"}
	for port := 1; port <= rules; port++ {
		policy.Classes = append(policy.Classes, Class{Name: fmt.Sprintf("port-%d", port), Action: actionPass, Criteria: Criteria{Services: []string{fmt.Sprintf("tcp/%d", port)}}})
	}
	return Config{Policies: []Policy{policy}}
}

// took returns how long f takes.
func took(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

// middle returns the median, in nanoseconds.
func middle(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds())
}
