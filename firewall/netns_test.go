//go:build netns

package firewall

import (
	"context"
	"log/slog"
	"os/exec"
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
	r := all["branch"]
	for name, change := range map[string][]string{
		"other policy": nil,
		"chain":        {"flush", "chain", "inet", tableName, "forward"},
		"rule":         {"add", "rule", "inet", tableName, "gre-in", "accept"},
		"map":          {"flush", "map", "inet", tableName, "forward"},
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
