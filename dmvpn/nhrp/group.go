package nhrp

import (
	"bytes"
	"encoding/binary"
)

// MaxGroup is the longest name of a group, in octets.
const MaxGroup = 64

// cisco is the vendor who has groups.
var cisco = [3]byte{0x00, 0x00, 0x0c}

const (
	// attributeHeaderLen is the length of an attribute's type and length.
	attributeHeaderLen = 4
	// groupAttribute is the type of the attribute that holds a group's name.
	groupAttribute = 1
)

// NewGroup returns the extension of a registration request that tells the server
// which group the client belongs to (IOS: ip nhrp group), for which it has a QoS
// policy. The name is of 1 to MaxGroup octets.
//
// The form is an assumption. That IOS uses a vendor-private extension is known, its
// content is not published, and no capture of IOS was at hand. We take the content
// for a list of attributes, each of a type and a length of 16 bits and a value, as
// extensions are themselves: IOS tells servers more than the group, and RFC 2332, 5.3
// wants no more than one such extension of a vendor. The group was the first of these
// things, so its type is taken to be 1. A server that takes it otherwise ought to
// ignore it (5.3.5).
func NewGroup(name string) Extension {
	data := binary.BigEndian.AppendUint16(nil, groupAttribute)
	data = binary.BigEndian.AppendUint16(data, uint16(len(name)))
	return NewVendorPrivate(cisco, append(data, name...))
}

// Group returns the group that an extension names, and false if it names none. The
// name by itself is understood too, and zeros behind it are ignored.
func (e Extension) Group() (string, bool) {
	oui, data, err := e.Vendor()
	if err != nil || oui != cisco {
		return "", false
	}
	if name, ok := groupOf(data); ok {
		return name, true
	}
	for len(data) >= attributeHeaderLen {
		kind, size := binary.BigEndian.Uint16(data), int(binary.BigEndian.Uint16(data[2:]))
		data = data[attributeHeaderLen:]
		if size > len(data) {
			break
		}
		if kind == groupAttribute {
			return groupOf(data[:size])
		}
		data = data[size:]
	}
	return "", false
}

// groupOf returns the name that b holds, if it is one.
func groupOf(b []byte) (string, bool) {
	b = bytes.TrimRight(b, "\x00")
	invisible := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(b) == 0 || len(b) > MaxGroup || bytes.ContainsFunc(b, invisible) {
		return "", false
	}
	return string(b), true
}
