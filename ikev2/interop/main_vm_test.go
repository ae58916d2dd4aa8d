//go:build vm

package interop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/nl"
)

// patience is how long anything may take in an emulated machine, of which the real
// one may have no time for seconds on end.
const patience = 3 * time.Minute

// roots is where the VM has the programs of Debian.
const roots = "/debian"

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// prepare loads our modules, makes the VRF, and gives the programs what they
// look for.
func prepare() error {
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	if err := loader.Load(slices.Concat(xfrm.Modules, nl.VRFModules, []string{"veth", "ip_gre"})...); err != nil {
		return err
	}
	for _, name := range xfrm.CPUModules {
		if err := loader.Load(name); err != nil && !errors.Is(err, unix.ENODEV) {
			return err
		}
	}
	// The kernel itself would send IPv6 through the tunnel.
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0); err != nil {
		return err
	}
	if err := nl.EnsureVRFs([]string{front}); err != nil {
		return err
	}
	entries, err := os.ReadDir(roots)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		root := filepath.Join(roots, entry.Name())
		if err := errors.Join(
			unix.Mount("proc", root+"/proc", "proc", 0, ""),
			unix.Mount("/dev", root+"/dev", "", unix.MS_BIND, ""),
		); err != nil {
			return fmt.Errorf("mount for %s: %w", root, err)
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("%s does not come", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
