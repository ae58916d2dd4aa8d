package usb

import "encoding/binary"

// Setup is the packet that begins a control transfer.
type Setup struct {
	Type, Request        uint8
	Value, Index, Length uint16
}

// ParseSetup reads a setup packet.
func ParseSetup(b [8]byte) Setup {
	le := binary.LittleEndian
	return Setup{Type: b[0], Request: b[1], Value: le.Uint16(b[2:]), Index: le.Uint16(b[4:]), Length: le.Uint16(b[6:])}
}

// In reports whether it is the function that sends the data.
func (s Setup) In() bool { return s.Type&directionIn != 0 }

// directionIn is the bit of a request's type and of an endpoint's address that
// says that the host receives.
const directionIn = 0x80

// Types of requests: to whom, and whose, without the direction. USB 2.0, table 9-2.
const (
	toDevice         = 0x00
	toInterface      = 0x01
	toEndpoint       = 0x02
	classToInterface = 0x21
	typeMask         = 0x7f
)

// Standard requests, USB 2.0 table 9-4.
const (
	getStatus        = 0
	clearFeature     = 1
	setFeature       = 3
	setAddress       = 5
	getDescriptor    = 6
	getConfiguration = 8
	setConfiguration = 9
	getInterface     = 10
	setInterface     = 11
)

// The standard requests that a host controller other than this kernel's makes by
// itself.

// SetConfiguration chooses a configuration; 0 is none.
func SetConfiguration(value uint8) Setup {
	return Setup{Type: toDevice, Request: setConfiguration, Value: uint16(value)}
}

// SetInterface chooses an alternate setting.
func SetInterface(number, alternate uint8) Setup {
	return Setup{Type: toInterface, Request: setInterface, Value: uint16(alternate), Index: uint16(number)}
}
