// Package board says what each board is: how it is recognised, where its ports
// are by the name on the case, and what the kernel has to be told. One file
// per board holds nothing but facts; virt.go is QEMU. Nothing here touches the
// hardware: PID 1, the image and the lab read the same facts.
package board

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Board is one kind of hardware.
type Board struct {
	// Name is what the engineer calls it, and the file of facts. It is also the name
	// of the board's configuration in a FIT image.
	Name string
	// Compatible are the strings of the device tree's root that name the
	// board, any of which is enough.
	Compatible []string
	// Untried means that the firmware has not run on such a board yet. What is said
	// of it was read in device trees and in documents, and has not been seen.
	Untried bool
	// Ports leads from the name on the case, which is the link's name in the
	// configuration, to the device: a path.Match pattern for the device's
	// path below /sys/devices.
	Ports map[string]string
	// SwitchPorts are ports that have their names from the kernel: those of a
	// switch, after the labels in the device tree. They share one device.
	SwitchPorts []string
	// Modems are the places for cellular modems, by the names that they have in
	// the configuration.
	Modems map[string]Modem
	// LED is the light that is the box's own, by its name below /sys/class/leds;
	// empty for a board without.
	LED string
	// Button is for the person in front of the box.
	Button Button
	// Clock knows the time before the network does.
	Clock Clock
	// Modules are the drivers the box cannot do without, in the order in
	// which they are worth loading, and those of Watchdog and Ramoops.
	Modules []string
	// OnDemand are drivers that load when PID 1 comes to their device, after the
	// router has started: those of buses on which there may be something.
	OnDemand []string
	// Watchdog resets the board when nobody feeds it.
	Watchdog Watchdog
	// Ramoops is where crash text survives a warm reset.
	Ramoops Ramoops
	// Console is the name of the serial console's device below /dev.
	Console string
	// KernelArgs are what the boot loader has to put on the kernel's command
	// line for all this to be true.
	KernelArgs []string
	// Boot is how it starts from its disk.
	Boot Boot
}

// Watchdog describes the timer that resets the board.
type Watchdog struct {
	// Module is the driver, loaded before all others; empty if built in.
	Module string
	// Timeout is how long the board runs on without being fed, in whole
	// seconds.
	Timeout time.Duration
}

// ErrUnknown says that the device tree names none of our boards.
var ErrUnknown = errors.New("unknown board")

// All are the boards this program knows.
func All() []Board {
	return []Board{virt, espressobinV7, espressobinUltra, turrisMox, ten64, nanopiR4S, cm4IO}
}

// Drivers are the Modules without which the box is of no use: all but
// RamoopsModule and LinesModule, which can wait.
func (b Board) Drivers() []string {
	return slices.DeleteFunc(slices.Clone(b.Modules), func(m string) bool { return m == RamoopsModule || m == LinesModule })
}

// Find returns the board of the given name.
func Find(name string) (Board, error) {
	for _, b := range All() {
		if b.Name == name {
			return b, nil
		}
	}
	return Board{}, fmt.Errorf("%w %q", ErrUnknown, name)
}

// Detect returns the board that the device tree names. The root of fsys is
// /proc.
func Detect(fsys fs.FS) (Board, error) {
	data, err := fs.ReadFile(fsys, "device-tree/compatible")
	if err != nil {
		return Board{}, fmt.Errorf("read device tree: %w", err)
	}
	// The device tree lists its strings from the particular to the general,
	// each with a final NUL.
	names := strings.Split(string(bytes.TrimRight(data, "\x00")), "\x00")
	for _, name := range names {
		for _, b := range All() {
			if slices.Contains(b.Compatible, name) {
				return b, nil
			}
		}
	}
	return Board{}, fmt.Errorf("%w: device tree says %q", ErrUnknown, names)
}

// Port returns the name on the case of the port whose device has the given
// path, with or without /sys in front.
func (b Board) Port(device string) (name string, ok bool) {
	device = strings.TrimPrefix(strings.TrimPrefix(device, "/sys"), "/devices/")
	for name, pattern := range b.Ports {
		if matched, err := path.Match(pattern, device); err == nil && matched {
			return name, true
		}
	}
	return "", false
}
