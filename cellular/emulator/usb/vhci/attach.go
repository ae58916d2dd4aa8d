// Package vhci gives an emulated USB device to the kernel it runs on, by vhci_hcd,
// the kernel's virtual host controller, without any network: a box, or a virtual
// machine of a test, has its own modem. The kernel is the host's side, and this
// package the device's, which usbip calls the server. The source is the kernel's
// Documentation/usb/usbip_protocol.rst, of which only URBs are left here, and
// drivers/usb/usbip.
//
// The kernel tells neither resets of the port nor addresses, and makes
// SET_CONFIGURATION and SET_INTERFACE control transfers like others. Closing the
// socket is pulling the plug.
package vhci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// Modules are the kernel modules that this takes.
var Modules = []string{"vhci_hcd"}

// controller is where the kernel is asked for a device in a port.
const controller = "/sys/devices/platform/vhci_hcd.0"

// Attach lets the kernel have the function whenever it is plugged in, until ctx
// ends. The function's ports are those of the controller's high-speed hub, 0 to 7.
func Attach(ctx context.Context, f *usb.Function) error {
	for ctx.Err() == nil {
		device, err := f.Plugged(ctx)
		if err != nil {
			break // ctx has ended
		}
		if err := attach(ctx, controller, device); err != nil {
			return fmt.Errorf("attach USB device to vhci: %w", err)
		}
	}
	return nil
}

// attach puts the device in and returns when it has gone.
func attach(ctx context.Context, controller string, device *usb.Device) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-device.Gone():
			cancel()
		case <-ctx.Done():
		}
	}()
	err = plug(ctx, controller, device.Port(), theirs)
	theirs.Close() // the kernel has its own by now
	if err != nil && ctx.Err() == nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ours.Close() })()
	err = newConn(device, ours).serve()
	if errors.Is(err, errMalformed) {
		return err
	}
	<-ctx.Done()
	return nil
}

// devID stands for bus 1, device 2, as the tools of usbip count.
const devID = 1<<16 | 2

// speedHigh is the kernel's number for high speed.
const speedHigh = 3

// A port that a device has just left is free a moment later.
const (
	portLimit = time.Minute
	portPause = 20 * time.Millisecond
)

// plug hands the kernel its end of the socket, once it has forgotten the device that
// was in the port before.
func plug(ctx context.Context, controller string, port int, socket *os.File) error {
	text := fmt.Appendf(nil, "%d %d %d %d", port, socket.Fd(), devID, speedHigh)
	for limit := time.After(portLimit); ; {
		err := error(unix.EBUSY)
		if !remembered(controller, port) {
			err = os.WriteFile(filepath.Join(controller, "attach"), text, 0)
		}
		if err == nil {
			return nil
		}
		err = fmt.Errorf("port %d: %w", port, err)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		select {
		case <-time.After(portPause):
		case <-limit:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// remembered reports whether the kernel still has a device in the port, whose hub
// counts from 1. It would take a new one that says the same of itself for that one,
// and not configure it: a port of vhci_hcd stays enabled when its device leaves
// (drivers/usb/core/hub.c, hub_port_connect_change).
func remembered(controller string, port int) bool {
	devices, _ := filepath.Glob(fmt.Sprintf("%s/usb*/*-%d", controller, port+1))
	return len(devices) > 0
}

// socketPair returns two ends of a stream.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open socket pair: %w", err)
	}
	// Ours has to be pollable, so that closing it ends a read.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("open socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "vhci"), os.NewFile(uintptr(fds[1]), "vhci kernel"), nil
}
