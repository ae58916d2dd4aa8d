// Package usbredir gives an emulated USB device to QEMU, whose usb-redir device
// puts it into a virtual machine: its kernel sees real hardware on a real host
// controller. QEMU is the host's side, and calls; this package is the device's,
// which the protocol calls usb-host. The source is usb-redirection-protocol 0.7.
//
// Each side begins with a hello that tells its capabilities. Then the device is
// described and connected; QEMU sends transfers, of which each is answered under
// its id, as late as it may be. QEMU makes SET_CONFIGURATION and SET_INTERFACE
// packets of their own, takes SET_ADDRESS for itself, and lets notifications of an
// interrupt endpoint be pushed once it has said so.
package usbredir

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// Serve lets QEMU have the function whenever it is plugged into the given port, one
// connection after the other, until ctx ends. It closes the listener. A machine
// with several ports has a usb-redir device and a listener for each.
func Serve(ctx context.Context, listener net.Listener, f *usb.Function, port int) error {
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	defer listener.Close()
	for {
		socket, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wait for QEMU's usb-redir: %w", err)
		}
		if err := serve(ctx, socket, f, port); errors.Is(err, errMalformed) {
			return fmt.Errorf("serve QEMU's usb-redir: %w", err)
		}
	}
}
