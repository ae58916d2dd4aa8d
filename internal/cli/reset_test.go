package cli

import (
	"strings"
	"testing"
)

func TestFactoryReset(t *testing.T) {
	for _, c := range []struct {
		name, typed string
		args        []string
		noDisk      bool
		resets      int
		says        string
	}{
		{"confirmed", "factory-reset\nyes\n", nil, false, 1, "The reset is ordered"},
		{"not confirmed", "factory-reset\ny\n", nil, false, 0, "Nothing is done"},
		{"end of input", "factory-reset\n", nil, false, 0, "Nothing is done"},
		{"says what stays", "factory-reset\nno\n", nil, false, 0, "which PINs\nthe SIMs have refused"},
		{"without asking at the console", "factory-reset --yes\n", nil, false, 1, "The reset is ordered"},
		{"abbreviated", "factory\nyes\n", nil, false, 0, `no command "factory"`},
		{"no disk", "factory-reset\nyes\n", nil, true, 0, "has not started from a disk"},
		{"script", "", []string{"factory-reset", "--yes"}, false, 1, "The reset is ordered"},
		{"script that does not say so", "yes\n", []string{"factory-reset"}, false, 0, "write --yes"},
	} {
		router := &fakeRouter{status: branch}
		if c.noDisk {
			router.status.Boot.Slot = ""
		}
		cli, stdout, stderr := box(t, router, c.typed)
		if c.args == nil {
			c.args = []string{"console"}
		}
		cli.Main(t.Context(), c.args)
		if router.resets != c.resets {
			t.Errorf("%s: %d resets", c.name, router.resets)
		}
		if all := stdout.String() + stderr.String(); !strings.Contains(all, c.says) {
			t.Errorf("%s: %q is missing in:\n%s", c.name, c.says, all)
		}
	}
}
