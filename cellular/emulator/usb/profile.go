package usb

import (
	"encoding/binary"
	"slices"
)

// Profile is a kind of modem: which interfaces it has.
type Profile uint8

const (
	// MBIM is a modem with one MBIM function, which cdc_mbim drives.
	MBIM Profile = iota + 1
	// QMI is a Quectel EC25: four serial ports, which option drives, of which the
	// third is for AT commands and the others are mute, and a QMI interface, which
	// qmi_wwan drives.
	QMI
	// ECM is a u-blox TOBY-L2 with an AT port, which cdc_acm drives, and an
	// Ethernet, which cdc_ether does.
	ECM
)

// identity is who the modem says it is unless told otherwise.
func (p Profile) identity() Identity {
	switch p {
	case QMI:
		return Identity{Vendor: 0x2c7c, Product: 0x0125, Release: 0x0318, Manufacturer: "Quectel", Name: "EC25-EU", SerialNum: "0125fa57"}
	case ECM:
		return Identity{Vendor: 0x1546, Product: 0x1143, Release: 0x0100, Manufacturer: "u-blox AG", Name: "u-blox Modem", SerialNum: "1143fa57"}
	}
	return Identity{Vendor: 0x1209, Product: 0x0001, Release: 0x0100, Manufacturer: "Farspoke", Name: "Emulated MBIM modem", SerialNum: "1209fa57"}
}

// hostMAC is the address that an ECM function gives to the host's interface.
const hostMAC = "0250F3000002"

// layout is the interfaces of a function with the parts behind them. Those that a
// profile does not have are nil.
type layout struct {
	groups  []group
	parts   []part
	channel *encapsulated
	port    *serial
	blocks  *transferBlocks
	simple  *simple
	link    *link
}

// bulk and interrupt are endpoints at high speed.
func bulk(address uint8) Endpoint {
	return Endpoint{Address: address, Kind: BulkEndpoint, MaxPacket: bulkPacket}
}

func interrupt(address uint8, size uint16, interval uint8) Endpoint {
	return Endpoint{Address: address, Kind: InterruptEndpoint, MaxPacket: size, Interval: interval}
}

// lay returns the layout of the function's profile.
func (f *Function) lay() layout {
	switch f.cfg.Profile {
	case QMI:
		return f.layQMI()
	case ECM:
		return f.layECM()
	}
	return f.layMBIM()
}

// layMBIM is the descriptors of MBIM 1.0, section 6.
func (f *Function) layMBIM() layout {
	channel := &encapsulated{number: 0, endpoint: 0x81, send: f.command}
	blocks := &transferBlocks{
		data: data{inward: 0x82, onward: 0x02}, number: 0,
		deliver: f.deliver, restart: func() { f.restart(FunctionReset) },
	}
	// MBIM 1.0, 32 filters of 128 octets, segments of 2048, long input sizes.
	function := binary.LittleEndian.AppendUint16([]byte{0x00, 0x01}, f.cfg.MaxMessage)
	function = append(function, 32, 128, 0x00, 0x08, 0x20)
	control := Interface{
		Number: 0, Class: classCommunications, Subclass: 0x0e,
		Endpoints: []Endpoint{interrupt(0x81, 64, 5)},
		functional: slices.Concat(
			functional(0x00, 0x10, 0x01),
			functional(0x06, 0, 1),
			functional(0x1b, function...),
			functional(0x1c, 0x00, 0x01, 16, 0xdc, 0x05)), // 16 commands at once, MTU of 1500
	}
	idle := Interface{Number: 1, Class: classData, Protocol: 2}
	busy := Interface{Number: 1, Alternate: 1, Class: classData, Protocol: 2, Endpoints: []Endpoint{bulk(0x82), bulk(0x02)}}
	return layout{
		groups: []group{{control, idle, busy}}, parts: []part{channel, blocks},
		channel: channel, blocks: blocks,
	}
}

// layQMI has the interfaces of an EC25 with their endpoints.
func (f *Function) layQMI() layout {
	mute := func([]byte) func() { return nil }
	var l layout
	l.port = newSerial(2, 0x84, 0x03, f.typed)
	l.parts = []part{newSerial(0, 0x81, 0x01, mute), newSerial(1, 0x82, 0x02, mute), l.port, newSerial(3, 0x86, 0x04, mute)}
	vendor := func(number, protocol uint8, endpoints ...Endpoint) {
		l.groups = append(l.groups, group{{Number: number, Class: classVendor, Subclass: protocol, Protocol: protocol, Endpoints: endpoints}})
	}
	vendor(0, 0xff, bulk(0x81), bulk(0x01))
	vendor(1, 0, interrupt(0x83, 10, 9), bulk(0x82), bulk(0x02))
	vendor(2, 0, interrupt(0x85, 10, 9), bulk(0x84), bulk(0x03))
	vendor(3, 0, interrupt(0x87, 10, 9), bulk(0x86), bulk(0x04))
	vendor(4, 0xff, interrupt(0x89, 8, 9), bulk(0x88), bulk(0x05))

	l.channel = &encapsulated{number: 4, endpoint: 0x89, send: f.command}
	l.simple = &simple{data: data{inward: 0x88, onward: 0x05}, deliver: f.deliver, framing: f.framing}
	l.parts = append(l.parts, l.channel, l.simple)
	return l
}

// layECM is the descriptors of PSTN 1.2, section 5.3, and ECM 1.2, section 5.4.
func (f *Function) layECM() layout {
	var l layout
	l.port = newSerial(0, 0x82, 0x02, f.typed)
	commands := Interface{
		Number: 0, Class: classCommunications, Subclass: 0x02, Protocol: 0x01,
		Endpoints: []Endpoint{interrupt(0x81, 16, 9)},
		functional: slices.Concat(
			functional(0x00, 0x10, 0x01),
			functional(0x01, 0x00, 1),
			functional(0x02, 0x02), // line coding and state
			functional(0x06, 0, 1)),
	}
	octets := Interface{Number: 1, Class: classData, Endpoints: []Endpoint{bulk(0x82), bulk(0x02)}}

	l.link = &link{number: 2, endpoint: 0x83, up: f.linkUp}
	l.simple = &simple{data: data{inward: 0x84, onward: 0x04}, deliver: f.deliver}
	control := Interface{
		Number: 2, Class: classCommunications, Subclass: 0x06,
		Endpoints: []Endpoint{interrupt(0x83, 16, 9)},
		functional: slices.Concat(
			functional(0x00, 0x10, 0x01),
			functional(0x06, 2, 3),
			functional(0x0f, stringHostMAC, 0, 0, 0, 0, 0xea, 0x05, 0, 0, 0)), // segments of 1514
	}
	idle := Interface{Number: 3, Class: classData}
	busy := Interface{Number: 3, Alternate: 1, Class: classData, Endpoints: []Endpoint{bulk(0x84), bulk(0x04)}}
	l.groups = []group{{commands, octets}, {control, idle, busy}}
	l.parts = []part{l.port, l.link, l.simple}
	return l
}
