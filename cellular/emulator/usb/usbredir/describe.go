package usbredir

import (
	"encoding/binary"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

const (
	speedHigh = 2
	slots     = 32   // endpoints and interfaces in a description
	noType    = 0xff // of an endpoint that is not there
)

// connectBody says which device has been plugged in.
func connectBody(d *usb.Device, withRelease bool) []byte {
	id := d.Identity()
	class, subclass, protocol := d.Class()
	b := []byte{speedHigh, class, subclass, protocol}
	b = binary.LittleEndian.AppendUint16(b, id.Vendor)
	b = binary.LittleEndian.AppendUint16(b, id.Product)
	if withRelease {
		b = binary.LittleEndian.AppendUint16(b, id.Release)
	}
	return b
}

// interfaceBody lists interfaces with their classes.
func interfaceBody(interfaces []usb.Interface) []byte {
	b := make([]byte, 4+4*slots)
	binary.LittleEndian.PutUint32(b, uint32(len(interfaces)))
	for n, i := range interfaces {
		for column, v := range []uint8{i.Number, i.Class, i.Subclass, i.Protocol} {
			b[4+column*slots+n] = v
		}
	}
	return b
}

// endpointBody lists endpoints: the kinds, the intervals, the interfaces and, if
// asked for, the sizes of packets, each by the endpoint's slot.
func endpointBody(interfaces []usb.Interface, withSizes bool) []byte {
	b := make([]byte, 5*slots)
	for n := range slots {
		b[n] = noType
	}
	put := func(number uint8, e usb.Endpoint) {
		n := slot(e.Address)
		b[n], b[slots+n], b[2*slots+n] = uint8(e.Kind), e.Interval, number
		binary.LittleEndian.PutUint16(b[3*slots+2*n:], e.MaxPacket)
	}
	put(0, usb.Endpoint{Address: 0x00, Kind: usb.ControlEndpoint, MaxPacket: 64})
	put(0, usb.Endpoint{Address: 0x80, Kind: usb.ControlEndpoint, MaxPacket: 64})
	for _, i := range interfaces {
		for _, e := range i.Endpoints {
			put(i.Number, e)
		}
	}
	if !withSizes {
		return b[:3*slots]
	}
	return b
}

// slot is an endpoint's place in a description: those to the host come last.
func slot(address uint8) int { return int(address&directionIn)>>3 | int(address&0x0f) }
