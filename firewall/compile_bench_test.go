package firewall

import (
	"fmt"
	"testing"
)

// BenchmarkCompile compiles a policy of ten thousand classes.
func BenchmarkCompile(b *testing.B) {
	policy := Policy{From: "inside", To: "outside"}
	for i := range 10000 {
		m, err := ParseMatch(fmt.Sprintf("tcp/%d", i+1))
		if err != nil {
			b.Fatal(err)
		}
		policy.Classes = append(policy.Classes, Class{Name: fmt.Sprintf("class-%d", i), Action: actionInspect, Criteria: Criteria{Services: []string{m.String()}, Source: []string{fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)}}})
	}
	config := Config{Policies: []Policy{policy}}
	for b.Loop() {
		r, err := Compile(config, spoke())
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := encode(r, contents{}); err != nil {
			b.Fatal(err)
		}
	}
}
