package usb

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// Types of descriptors, USB 2.0 table 9-5, its addendum on interface
// associations, and CDC 1.2 table 12.
const (
	descriptorDevice      = 1
	descriptorConfig      = 2
	descriptorString      = 3
	descriptorInterface   = 4
	descriptorEndpoint    = 5
	descriptorQualifier   = 6
	descriptorAssociation = 11
	descriptorFunctional  = 0x24
)

// Classes of devices and interfaces.
const (
	classCommunications = 0x02
	classData           = 0x0a
	classMiscellaneous  = 0xef // of a device with interface associations
	classVendor         = 0xff
)

// Numbers of the string descriptors; the host's MAC address is that of an ECM
// function.
const (
	stringLanguages = iota
	stringManufacturer
	stringProduct
	stringSerial
	stringHostMAC
)

const (
	usbVersion      = 0x0200
	controlPacket   = 64  // octets in a packet of endpoint 0
	bulkPacket      = 512 // of a bulk endpoint at high speed
	languageEnglish = 0x0409
	// configurationValue is the number of the only configuration.
	configurationValue = 1
)

// Kind is how an endpoint transfers, as its descriptor says it.
type Kind uint8

// The kinds of endpoints that modems have.
const (
	ControlEndpoint   Kind = 0
	BulkEndpoint      Kind = 2
	InterruptEndpoint Kind = 3
)

// Endpoint is one end of a pipe.
type Endpoint struct {
	// Address is the endpoint's number, and bit 7 if it is the host that receives.
	Address   uint8
	Kind      Kind
	MaxPacket uint16
	Interval  uint8
}

// Interface is one alternate setting of an interface.
type Interface struct {
	Number, Alternate         uint8
	Class, Subclass, Protocol uint8
	Endpoints                 []Endpoint
	// functional are the class's descriptors.
	functional []byte
}

// Identity is what a modem says of itself when the host asks who it is.
type Identity struct {
	Vendor, Product               uint16
	Release                       uint16 // binary-coded decimals
	Manufacturer, Name, SerialNum string
}

func (i Identity) descriptor() []byte {
	b := []byte{18, descriptorDevice}
	b = binary.LittleEndian.AppendUint16(b, usbVersion)
	b = append(b, classMiscellaneous, 2, 1, controlPacket)
	for _, v := range []uint16{i.Vendor, i.Product, i.Release} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return append(b, stringManufacturer, stringProduct, stringSerial, 1)
}

// qualifier says what the device would be at full speed.
func qualifier() []byte {
	return []byte{10, descriptorQualifier, 0x00, 0x02, classMiscellaneous, 2, 1, controlPacket, 1, 0}
}

func (e Endpoint) descriptor() []byte {
	b := []byte{7, descriptorEndpoint, e.Address, uint8(e.Kind)}
	return append(binary.LittleEndian.AppendUint16(b, e.MaxPacket), e.Interval)
}

func (i Interface) descriptor() []byte {
	b := []byte{9, descriptorInterface, i.Number, i.Alternate, uint8(len(i.Endpoints)), i.Class, i.Subclass, i.Protocol, 0}
	b = append(b, i.functional...)
	for _, e := range i.Endpoints {
		b = append(b, e.descriptor()...)
	}
	return b
}

// group is interfaces that belong to each other.
type group []Interface

// descriptor begins with an interface association if there are several.
func (g group) descriptor() []byte {
	var b []byte
	first, last := g[0], g[len(g)-1]
	if first.Number != last.Number {
		b = []byte{8, descriptorAssociation, first.Number, last.Number - first.Number + 1, first.Class, first.Subclass, first.Protocol, 0}
	}
	for _, i := range g {
		b = append(b, i.descriptor()...)
	}
	return b
}

// configuration is the descriptor of the whole.
func configuration(groups []group) []byte {
	b := []byte{9, descriptorConfig, 0, 0, 0, configurationValue, 0, 0xa0, 250} // wakes the host, 500 mA
	numbers := make(map[uint8]bool)
	for _, g := range groups {
		b = append(b, g.descriptor()...)
		for _, i := range g {
			numbers[i.Number] = true
		}
	}
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)))
	b[4] = uint8(len(numbers))
	return b
}

// text is a string descriptor.
func text(s string) []byte {
	b := []byte{0, descriptorString}
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	b = b[:min(len(b), 254)]
	b[0] = uint8(len(b))
	return b
}

// functional puts a functional descriptor's length and type in front.
func functional(subtype uint8, contents ...byte) []byte {
	return slices.Concat([]byte{uint8(len(contents) + 3), descriptorFunctional, subtype}, contents)
}
