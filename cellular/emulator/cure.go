package emulator

import (
	"encoding/binary"
	"fmt"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Cure is what makes a modem answer again that hangs. Each is stronger than those
// before it, and heals what they heal.
type Cure uint8

// The cures, from the gentlest.
const (
	// ByOpening: the host begins the conversation anew, by MBIM's OPEN or QMI's SYNC.
	ByOpening Cure = iota + 1
	// ByBusReset: the host resets the USB port.
	ByBusReset
	// ByConfiguration: the host takes the USB configuration away and gives it back.
	ByConfiguration
	// ByRestart: the modem starts again, by a command on another port or by itself.
	ByRestart
	// ByPower: the modem is without power for once.
	ByPower
)

var cureWords = []string{"", "opening", "bus reset", "configuration", "restart", "power"}

// String names the cure.
func (c Cure) String() string {
	if int(c) < len(cureWords) {
		return cureWords[c]
	}
	return fmt.Sprintf("cure %d", uint8(c))
}

// HangUntil has the control channel take everything and bring nothing until the cure
// comes. It is called inside of the modem's Do.
func (e *Emulator) HangUntil(c Cure) { e.control.hung, e.cure = true, c }

// heal ends a hang-up that c heals.
func (e *Emulator) heal(c Cure) {
	if e.control.hung && e.cure != 0 && c >= e.cure {
		e.control.hung, e.cure = false, 0
	}
}

// healByEvent takes what happens in the modem for a cure.
func (e *Emulator) healByEvent(event virtual.Event) {
	switch {
	case event.Change == virtual.PowerChanged:
		e.heal(ByPower)
	case event.Change == virtual.BusChanged && e.Modem.OnBus():
		e.heal(ByRestart)
	}
}

// healByReset takes what the host does to the port for a cure.
func (e *Emulator) healByReset(how usb.Reset) {
	switch how {
	case usb.BusReset:
		e.heal(ByBusReset)
	case usb.Configuration:
		e.heal(ByConfiguration)
	}
}

// opens reports whether a message of the host begins the conversation.
func (e *Emulator) opens(message []byte) bool {
	if e.mbim != nil {
		return len(message) >= 4 && mbim.Type(binary.LittleEndian.Uint32(message)) == mbim.Open
	}
	m, err := qmi.Parse(message)
	return err == nil && m.Kind == (&qmi.SyncRequest{}).Kind()
}
