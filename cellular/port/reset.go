package port

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/modem"
)

// usbReset is USBDEVFS_RESET, _IO('U', 20) (kernel:
// include/uapi/linux/usbdevice_fs.h).
const usbReset = 0x5514

// The ways to reset a modem from outside are, from the mildest to the last, Reset,
// Rebind, Reauthorize and PowerCycle. After each the modem is found again under the
// same ID, with its nodes under other names perhaps. Their errors wrap
// modem.ErrGone if the modem has left, and modem.ErrUnsupported if its bus has no
// such way. Those of the bus take up to some seconds and cannot be interrupted.

// Reset resets the modem's port of the bus. A USB modem keeps its address; its
// drivers start again, but its firmware need not.
func (f Found) Reset() error { return f.wrap("reset", f.reset(root)) }

// Rebind takes the driver from the modem's device and gives it back.
func (f Found) Rebind() error { return f.wrap("rebind", f.rebind(root)) }

// Reauthorize makes the kernel give up a USB modem, configuration and all, and take
// it in anew.
func (f Found) Reauthorize() error { return f.wrap("reauthorize", f.reauthorize(root)) }

// root is below which /sys and /dev are.
const root = "/"

// wrap says what was done to which modem.
func (f Found) wrap(act string, err error) error {
	if err != nil {
		return fmt.Errorf("%s modem %s: %w", act, f.ID, gone(err))
	}
	return nil
}

// device is the modem's directory below /sys.
func (f Found) device(root string) string { return filepath.Join(root, "sys", devices, f.ID) }

func (f Found) reset(root string) error {
	switch f.Bus {
	case PCI:
		// There is no such attribute if there is no way to reset the function alone.
		err := write(f.device(root), "reset", "1")
		if _, missing := os.Stat(f.device(root)); missing == nil && errors.Is(err, fs.ErrNotExist) {
			return modem.ErrUnsupported
		}
		return err
	case USB:
		return f.resetUSB(root)
	}
	return modem.ErrUnsupported
}

// resetUSB finds the device's node by its address, which changes each time it is
// plugged in.
func (f Found) resetUSB(root string) error {
	var address [2]int
	for i, attribute := range []string{"busnum", "devnum"} {
		text, err := os.ReadFile(path.Join(f.device(root), attribute))
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(string(text), &address[i]); err != nil {
			return fmt.Errorf("%s: %w", attribute, err)
		}
	}
	fd, err := unix.Open(filepath.Join(root, fmt.Sprintf("dev/bus/usb/%03d/%03d", address[0], address[1])), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.IoctlRetInt(fd, usbReset)
	return err
}

func (f Found) rebind(root string) error {
	driver, err := filepath.EvalSymlinks(path.Join(f.device(root), "driver"))
	if err != nil {
		return err
	}
	name := path.Base(f.ID)
	if err := write(driver, "unbind", name); err != nil {
		return err
	}
	return write(driver, "bind", name)
}

func (f Found) reauthorize(root string) error {
	if f.Bus != USB {
		return modem.ErrUnsupported
	}
	if err := write(f.device(root), "authorized", "0"); err != nil {
		return err
	}
	return write(f.device(root), "authorized", "1")
}

// Restore undoes what a process left behind that ended in the midst of a Rebind or
// Reauthorize: a device without its driver, which Discover would never find. It is
// to be called once at the start. Nobody else takes a driver away, and that of a
// new device finds it by itself.
func Restore() error { return restore(root) }

func restore(root string) error {
	var errs []error
	for _, bus := range []string{"usb", "pci"} {
		all := filepath.Join(root, "sys/bus", bus)
		names, err := os.ReadDir(path.Join(all, "devices"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, n := range names {
			device := path.Join(all, "devices", n.Name())
			if authorized, err := os.ReadFile(path.Join(device, "authorized")); err == nil && strings.TrimSpace(string(authorized)) == "0" {
				errs = append(errs, write(device, "authorized", "1"))
			}
			if _, err := os.Lstat(path.Join(device, "driver")); errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, write(all, "drivers_probe", n.Name()))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("give devices their drivers back: %w", err)
	}
	return nil
}

// write gives text to an attribute. The kernel takes it as it is in one call.
func write(dir, attribute, text string) error {
	f, err := os.OpenFile(path.Join(dir, attribute), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
