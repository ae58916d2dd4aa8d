//go:build vm

package clat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/breakout"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/nl"
)

// limit is how long anything may take in an emulated machine, however busy the one
// is that emulates it.
const limit = 3 * time.Minute

// maxPacket is the largest that IP knows, in octets.
const maxPacket = 1 << 16

// carrierRoot is where the VM has the programs of Debian.
const carrierRoot = "/debian/carrier"

// TestMain loads the modules that a box has and those of the test, and keeps the
// kernel from loading any other, so that the tests show Modules to be enough.
func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("/nonexistent"), 0); err != nil {
		return err
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	if err := loader.Load(slices.Concat(Modules, nl.VRFModules, firewall.Modules, breakout.Modules, []string{"veth", "af_packet"})...); err != nil {
		return err
	}
	// As PID 1 does on the box.
	for name, value := range map[string]string{
		"net/ipv4/ip_forward": "1", "net/ipv4/ip_forward_use_pmtu": "1", "net/ipv6/conf/all/forwarding": "1",
		"net/ipv6/conf/default/accept_dad": "0", "net/ipv6/conf/default/addr_gen_mode": "1",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0); err != nil {
			return err
		}
	}
	// dnsmasq wants to know whom it runs as.
	for name, line := range map[string]string{"passwd": "root:x:0:0:root:/:/\n", "group": "root:x:0:\n"} {
		if err := errors.Join(os.MkdirAll(carrierRoot+"/etc", 0o755), os.WriteFile(filepath.Join(carrierRoot, "etc", name), []byte(line), 0o644)); err != nil {
			return err
		}
	}
	if err := unix.Mount("proc", carrierRoot+"/proc", "proc", 0, ""); err != nil {
		return err
	}
	return unix.Mount("/dev", carrierRoot+"/dev", "", unix.MS_BIND, "")
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
	for end := time.Now().Add(limit); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}
