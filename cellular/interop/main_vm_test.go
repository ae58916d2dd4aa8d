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

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/internal/kmod"
)

// patience is how long anything may take in an emulated machine, however busy the one
// is that emulates it. ModemManager takes half a minute to know a modem on an idle one.
const patience = 5 * time.Minute

// root is where the VM has the programs of Debian.
const root = "/debian/manager"

func TestMain(m *testing.M) {
	if os.Getenv(aloneEnv) != "" {
		os.Exit(stayAlone())
	}
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// prepare loads the drivers, and gives the programs what they look for.
func prepare() error {
	if err := os.Setenv("SYSTEMD_IGNORE_CHROOT", "1"); err != nil { // or udevadm would do nothing
		return err
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	if err := loader.Load(slices.Concat(vhci.Modules, cellular.Modules, []string{"cdc_mbim", "qmi_wwan", "option"})...); err != nil {
		return err
	}
	for _, dir := range []string{"/run/dbus", "/etc/polkit-1/rules.d", "/var/lib/polkit-1"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/:/\nmessagebus:x:100:100::/:/\npolkitd:x:101:101::/:/\n",
		"group":  "root:x:0:\nmessagebus:x:100:\npolkitd:x:101:\n",
	} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(
		unix.Mount("proc", root+"/proc", "proc", 0, ""),
		unix.Mount("/sys", root+"/sys", "", unix.MS_BIND, ""),
		unix.Mount("/dev", root+"/dev", "", unix.MS_BIND, ""),
	)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}
