package qmi

import "fmt"

// Service is the part of the modem that a message is for.
type Service uint8

// The services spoken here, by their QMUX numbers.
const (
	CTL Service = 0x00 // control: client ids, versions
	WDS Service = 0x01 // wireless data: calls, addresses, profiles
	DMS Service = 0x02 // device management: identity, operating mode
	NAS Service = 0x03 // network access: registration, signal
	UIM Service = 0x0b // SIM cards and slots
	WDA Service = 0x1a // wireless data administration: framing of packets
)

var serviceNames = map[Service]string{CTL: "CTL", WDS: "WDS", DMS: "DMS", NAS: "NAS", UIM: "UIM", WDA: "WDA"}

// String returns the service's usual abbreviation.
func (s Service) String() string {
	if name, ok := serviceNames[s]; ok {
		return name
	}
	return fmt.Sprintf("service 0x%02x", uint8(s))
}

// Class is what a message does: ask, answer, or tell unasked.
type Class uint8

// The classes of messages.
const (
	Request Class = iota
	Response
	Indication
)

// String returns the class in lower case.
func (c Class) String() string {
	switch c {
	case Request:
		return "request"
	case Response:
		return "response"
	case Indication:
		return "indication"
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// flags returns c as the control flags of a message of service s: CTL counts
// the classes where the other services have a bit for each.
func (c Class) flags(s Service) byte {
	if s == CTL {
		return byte(c)
	}
	return byte(c) << 1
}

// classOf is the reverse of Class.flags.
func classOf(s Service, flags byte) (Class, error) {
	for _, c := range []Class{Request, Response, Indication} {
		if c.flags(s) == flags {
			return c, nil
		}
	}
	return 0, fmt.Errorf("control flags 0x%02x at offset %d are neither request, response nor indication", flags, frameLen)
}

// Kind is what tells one sort of message from another.
type Kind struct {
	Service Service
	ID      uint16
	Class   Class
}

// String names the kind, as in "WDS 0x0020 request".
func (k Kind) String() string { return fmt.Sprintf("%v 0x%04x %v", k.Service, k.ID, k.Class) }
