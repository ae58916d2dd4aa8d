package port

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/cellular/modem"
)

// files makes a tree of files and, with "->", symbolic links in a directory.
func files(t *testing.T, content map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range content {
		name = filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if target, isLink := strings.CutPrefix(text, "-> "); isLink {
			err = errors.Join(err, os.Symlink(target, name))
		} else {
			err = errors.Join(err, os.WriteFile(name, []byte(text), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestResetOfPCI(t *testing.T) {
	const id = "pci0000:00/0000:01:00.0"
	root := files(t, map[string]string{
		"sys/devices/" + id + "/reset":               "",
		"sys/devices/" + id + "/driver":              "-> ../../../bus/pci/drivers/mhi-pci-generic",
		"sys/bus/pci/drivers/mhi-pci-generic/bind":   "",
		"sys/bus/pci/drivers/mhi-pci-generic/unbind": "",
		"sys/devices/pci0000:00/0000:02:00.0/vendor": "0x17cb",
	})
	f := Found{ID: id, Bus: PCI}
	if err := errors.Join(f.reset(root), f.rebind(root)); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"sys/devices/" + id + "/reset":               "1",
		"sys/bus/pci/drivers/mhi-pci-generic/unbind": "0000:01:00.0",
		"sys/bus/pci/drivers/mhi-pci-generic/bind":   "0000:01:00.0",
	} {
		if got := read(t, root, file); got != want {
			t.Errorf("%s was told %q, want %q", file, got, want)
		}
	}
	if err := f.reauthorize(root); !errors.Is(err, modem.ErrUnsupported) {
		t.Errorf("PCI does not authorize: %v", err)
	}
	if err := (Found{ID: "pci0000:00/0000:02:00.0", Bus: PCI}).reset(root); !errors.Is(err, modem.ErrUnsupported) {
		t.Errorf("a function that cannot be reset: %v", err)
	}
	if err := (Found{ID: "soc"}).reset(root); !errors.Is(err, modem.ErrUnsupported) {
		t.Errorf("a modem on no bus: %v", err)
	}
}

func TestResetOfWhatIsGone(t *testing.T) {
	for _, bus := range []Bus{USB, PCI} {
		f := Found{ID: "gone/usb1/1-1", Bus: bus}
		for name, reset := range map[string]func() error{"Reset": f.Reset, "Rebind": f.Rebind, "Reauthorize": f.Reauthorize} {
			want := modem.ErrGone
			if bus == PCI && name == "Reauthorize" {
				want = modem.ErrUnsupported
			}
			if err := reset(); !errors.Is(err, want) {
				t.Errorf("%s on bus %d: %v, want %v", name, bus, err, want)
			}
		}
	}
}

// TestResetFindsTheNode gives it a file where the device's node would be, which
// takes no such call.
func TestResetFindsTheNode(t *testing.T) {
	root := files(t, map[string]string{
		"sys/devices/usb1/1-1/busnum": "1\n", "sys/devices/usb1/1-1/devnum": "23\n", "dev/bus/usb/001/023": "",
	})
	if err := (Found{ID: "usb1/1-1", Bus: USB}).reset(root); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("got %v, want %v", err, unix.ENOTTY)
	}
}

func TestRestoreOnlyWhatIsMissing(t *testing.T) {
	root := files(t, map[string]string{
		"sys/bus/usb/devices/1-1/authorized":      "1\n",
		"sys/bus/usb/devices/1-1/driver":          "-> x",
		"sys/bus/usb/devices/1-2/authorized":      "0\n",
		"sys/bus/usb/devices/1-2/driver":          "-> x",
		"sys/bus/usb/drivers_probe":               "",
		"sys/bus/pci/devices/0000:01:00.0/vendor": "0x17cb\n",
		"sys/bus/pci/drivers_probe":               "",
	})
	if err := restore(root); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"sys/bus/usb/devices/1-1/authorized": "1\n",
		"sys/bus/usb/devices/1-2/authorized": "1\n",
		"sys/bus/usb/drivers_probe":          "",
		"sys/bus/pci/drivers_probe":          "0000:01:00.0",
	} {
		if got := read(t, root, file); got != want {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
	if err := restore(t.TempDir()); err != nil {
		t.Errorf("a kernel without the buses: %v", err)
	}
}

func TestPowerCycleNeedsALine(t *testing.T) {
	if err := PowerCycle(t.Context(), board.Modem{Slot: "USB"}, time.Hour); !errors.Is(err, modem.ErrUnsupported) {
		t.Errorf("got %v, want %v", err, modem.ErrUnsupported)
	}
	if err := PowerUp(board.Modem{Slot: "USB"}); err != nil {
		t.Errorf("a board without lines: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := PowerCycle(ctx, board.Modem{Slot: "M.2", Power: board.Line{Chip: "no such chip"}}, time.Hour); err == nil {
		t.Error("a chip that there is not took a line's value")
	}
}
