package pid1

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSysctlsAreSetOnce(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range slices.Concat(sysctls, moduleSysctls) {
		if seen[s.name] {
			t.Errorf("%s is set twice", s.name)
		}
		seen[s.name] = true
	}
}

func TestSetSysctlsGoesOnAfterAFailure(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "last"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := setSysctls(root, []sysctl{{"net/no/such", "1"}, {"last", "7"}})
	if err == nil || !strings.Contains(err.Error(), "net.no.such=1") {
		t.Errorf("got %v, want an error that names the parameter", err)
	}
	if got, _ := os.ReadFile(filepath.Join(root, "last")); string(got) != "7" {
		t.Errorf("last is %q", got)
	}
}
