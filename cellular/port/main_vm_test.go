//go:build vm

package port

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/internal/kmod"
)

// confinedEnv is set in the process that runs the tests.
const confinedEnv = "FARSPOKE_TEST_CONFINED"

// TestMain loads the drivers and starts itself again with the router process's
// capabilities and no others (internal/pid1, startConfined).
func TestMain(m *testing.M) {
	if os.Getenv(confinedEnv) != "" {
		os.Exit(m.Run())
	}
	err := loadDrivers()
	if err == nil {
		err = runConfined()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func loadDrivers() error {
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("\n"), 0); err != nil {
		return err
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	drivers := []string{"cdc_mbim", "qmi_wwan", "option", "cdc_acm", "cdc_ether", "wwan", "dummy", "gpio_pl061"}
	return loader.Load(slices.Concat(vhci.Modules, Modules, drivers)...)
}

// runConfined runs the tests. The bounding set belongs to the thread that starts
// them.
func runConfined() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- func() error {
			kept := []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE}
			for c := range unix.CAP_LAST_CAP + 1 {
				if slices.Contains(kept, c) {
					continue
				}
				if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
					return fmt.Errorf("drop capability %d: %w", c, err)
				}
			}
			tests := exec.Command("/proc/self/exe", os.Args[1:]...)
			tests.Env = append(os.Environ(), confinedEnv+"=1")
			tests.Stdout, tests.Stderr = os.Stdout, os.Stderr
			return tests.Run()
		}()
	}()
	return <-done
}

func TestTestsAreConfined(t *testing.T) {
	header, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	const want = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_NET_BIND_SERVICE
	if data[0].Effective != want || data[1].Effective != 0 {
		t.Errorf("capabilities %#x %#x, want %#x", data[0].Effective, data[1].Effective, want)
	}
}
