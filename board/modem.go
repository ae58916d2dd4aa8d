package board

import (
	"path"
	"strings"
)

// Modem describes a place for a cellular modem: a slot on the board, or a socket
// on the case.
type Modem struct {
	// Device is a path.Match pattern for the path below /sys/devices of the
	// device that a modem there is.
	Device string
	// Slot is what the slot is called, such as "M.2 key B" or "mini PCIe".
	Slot string
	// SIMs is how many SIM cards the board has for it.
	SIMs int
	// Power is the line that is active while the modem has power, and Reset the one
	// that is active while it is held in reset.
	Power, Reset Line
}

// Line is a line of a GPIO chip. The zero Line is a board without.
type Line struct {
	// Chip is the label that the chip's driver gives it, for the number in its
	// name depends on the order in which drivers start.
	Chip string
	// Number counts from 0.
	Number uint32
	// ActiveLow means that the line is active when its voltage is low.
	ActiveLow bool
}

// Modem returns the name of the place where the device with the given path is,
// with or without /sys in front.
func (b Board) Modem(device string) (name string, ok bool) {
	device = strings.TrimPrefix(strings.TrimPrefix(device, "/sys"), "/devices/")
	for name, m := range b.Modems {
		if matched, err := path.Match(m.Device, device); err == nil && matched {
			return name, true
		}
	}
	return "", false
}
