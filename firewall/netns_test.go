//go:build netns

package firewall

import (
	"context"
	"log/slog"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nft runs nft and returns its output.
func nft(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("nft", args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func flush(t *testing.T) {
	nft(t, "", "flush", "ruleset")
	t.Cleanup(func() { nft(t, "", "flush", "ruleset") })
}

func replace(t *testing.T, r *Ruleset) {
	t.Helper()
	if err := (Netfilter{}).Replace(r); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, r *Ruleset) bool {
	t.Helper()
	holds, err := Netfilter{}.Holds(r)
	if err != nil {
		t.Fatal(err)
	}
	return holds
}

// TestKernelHoldsTheText loads each ruleset's text by nft and by ourselves.
// The kernel must show the same both times.
func TestKernelHoldsTheText(t *testing.T) {
	for name, r := range rulesets(t) {
		t.Run(name, func(t *testing.T) {
			flush(t)
			nft(t, r.String(), "-f", "-")
			want := nft(t, "", "-s", "list", "ruleset")
			nft(t, "", "flush", "ruleset")

			replace(t, r)
			if !holds(t, r) {
				t.Error("the kernel does not hold what was just applied")
			}
			nft(t, "", "delete", "chain", "inet", tableName, r.identity())
			got := nft(t, "", "-s", "list", "ruleset")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the kernel's ruleset differs from the text (-text +ours):\n%s", diff)
			}
		})
	}
}

// TestReplaceLeavesOthersAlone has a table of somebody else's in the way.
func TestReplaceLeavesOthersAlone(t *testing.T) {
	flush(t)
	nft(t, "table inet other { chain input { type filter hook input priority 10; tcp dport 1 drop; }; }", "-f", "-")
	before := nft(t, "", "list", "table", "inet", "other")
	for _, r := range rulesets(t) {
		replace(t, r)
	}
	if after := nft(t, "", "list", "table", "inet", "other"); after != before {
		t.Errorf("the other table was\n%s\nand is\n%s", before, after)
	}
}

// TestBrokenSetLeavesTheOldTable lets the kernel refuse a transaction near its
// end: a jump to a chain that does not exist.
func TestBrokenSetLeavesTheOldTable(t *testing.T) {
	flush(t)
	all := rulesets(t)
	replace(t, all["branch"])
	before := nft(t, "", "list", "ruleset")

	broken := all["zbfw"]
	broken.chains[len(broken.chains)-1].add(jumpTo("nowhere"))
	if err := (Netfilter{}).Replace(broken); err == nil {
		t.Error("the kernel took a jump to a chain that does not exist")
	}
	if after := nft(t, "", "list", "ruleset"); after != before {
		t.Errorf("the table was\n%s\nand is\n%s", before, after)
	}
}

func TestHoldsSeesChanges(t *testing.T) {
	flush(t)
	all := rulesets(t)
	r := all["full"]
	named := func(label string) string {
		return r.sets[slices.IndexFunc(r.sets, func(s set) bool { return s.told() && strings.HasPrefix(s.name, label+".") })].name
	}
	for name, change := range map[string][]string{
		"other policy": nil,
		"chain":        {"flush", "chain", "inet", tableName, "forward"},
		"rule":         {"add", "rule", "inet", tableName, "gre-in", "accept"},
		"map":          {"flush", "map", "inet", tableName, named("forward")},
		"set":          {"flush", "set", "inet", tableName, named("servers.4")},
		"table":        {"delete", "table", "inet", tableName},
	} {
		replace(t, r)
		if !holds(t, r) {
			t.Fatalf("before %s: the table is not held", name)
		}
		if change == nil {
			replace(t, all["zbfw"])
		} else {
			nft(t, "", change...)
		}
		if holds(t, r) {
			t.Errorf("%s: the change is not seen", name)
		}
		if replace(t, r); !holds(t, r) {
			t.Errorf("%s: the change is not undone", name)
		}
	}
}

// TestReplaceLeavesNothing puts every ruleset in the place of every other.
func TestReplaceLeavesNothing(t *testing.T) {
	flush(t)
	all := rulesets(t)
	for oldName, old := range all {
		for name, r := range all {
			replace(t, old)
			replace(t, r)
			_, have, err := Netfilter{}.read()
			if err != nil {
				t.Fatal(err)
			}
			want := holding(r)
			maps.DeleteFunc(have.chains, func(name string, spec chainSpec) bool { return spec.translates() && !has(want.chains, name) })
			if diff := cmp.Diff(want, have, cmp.AllowUnexported(contents{}, chainSpec{}, setSpec{})); diff != "" {
				t.Errorf("%s to %s (-want +got):\n%s", oldName, name, diff)
			}
		}
	}
}

// applied is a log handler that tells when a policy was applied.
type applied struct {
	slog.Handler
	times chan struct{}
}

func (a applied) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "firewall policy applied" {
		a.times <- struct{}{}
	}
	return nil
}

func (a applied) Enabled(context.Context, slog.Level) bool { return true }

// TestRunPutsTheTableBack has somebody flush the whole ruleset.
func TestRunPutsTheTableBack(t *testing.T) {
	flush(t)
	handler := applied{slog.DiscardHandler, make(chan struct{}, 1)}
	f, err := New(branch(t), spoke(), Netfilter{}, slog.New(handler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }()

	wait := func() {
		select {
		case <-handler.times:
		case err := <-ended:
			t.Fatalf("Run returned %v", err)
		}
	}
	wait()
	nft(t, "", "flush", "ruleset")
	wait()
	if !holds(t, f.policy.ruleset) {
		t.Error("the table is not back")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	if !holds(t, f.policy.ruleset) {
		t.Error("the table did not outlive Run")
	}
}
