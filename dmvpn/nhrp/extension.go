package nhrp

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ExtensionType is the 14-bit type of an extension.
type ExtensionType uint16

// Extension types of RFC 2332, 5.3, and Cisco's NAT, whose number RFC 2735
// gives to device capabilities: those are 8 octets long, which no list of CIEs
// is.
const (
	extEnd           ExtensionType = 0
	ResponderAddress ExtensionType = 3
	ForwardTransit   ExtensionType = 4
	ReverseTransit   ExtensionType = 5
	Authentication   ExtensionType = 7
	VendorPrivate    ExtensionType = 8
	NATAddress       ExtensionType = 9
)

const (
	extCompulsory uint16 = 0x8000
	extTypeMask   uint16 = 0x3fff
)

// Extension is one element of the extensions part.
type Extension struct {
	Type ExtensionType
	// Compulsory forbids a receiver that does not know Type to act on the
	// packet.
	Compulsory bool
	Value      []byte
}

// NewCIEExtension returns an extension whose value is a list of CIEs: the
// responder's address, a transit record or a NAT address.
func NewCIEExtension(t ExtensionType, compulsory bool, f Family, p Protocol, cies ...CIE) (Extension, error) {
	e := Extension{Type: t, Compulsory: compulsory}
	var err error
	for _, c := range cies {
		if e.Value, err = appendCIE(e.Value, c, f, p); err != nil {
			return Extension{}, fmt.Errorf("encode extension %d: %w", t, err)
		}
	}
	return e, nil
}

// CIEs returns the list of CIEs in e's value, for the types that hold one.
// Offsets in errors count from the start of the value.
func (e Extension) CIEs(f Family, p Protocol) ([]CIE, error) {
	cies, err := parseCIEs(e.Value, 0, f, p)
	if err != nil {
		return nil, fmt.Errorf("extension %d: %w", e.Type, err)
	}
	return cies, nil
}

// MaxSecret is the longest authentication string that peers accept, in octets.
const MaxSecret = 8

// spiCleartext is the security parameter index of an authentication by a
// string that is sent as it is.
const spiCleartext = 1

// NewAuthentication returns the authentication extension for a secret. It
// proves nothing against an attacker who can read the packet: inside IPsec it
// keeps networks apart that were joined by mistake.
func NewAuthentication(secret string) Extension {
	value := binary.BigEndian.AppendUint32(nil, spiCleartext)
	return Extension{Type: Authentication, Compulsory: true, Value: append(value, secret...)}
}

// Authenticates reports, in constant time, whether e holds the secret.
func (e Extension) Authenticates(secret string) bool {
	return e.Type == Authentication &&
		subtle.ConstantTimeCompare(e.Value, NewAuthentication(secret).Value) == 1
}

// NewVendorPrivate returns an extension private to the vendor with the given
// organisationally unique identifier.
func NewVendorPrivate(oui [3]byte, data []byte) Extension {
	return Extension{Type: VendorPrivate, Value: append(oui[:], data...)}
}

// Vendor splits the value of a vendor-private extension.
func (e Extension) Vendor() (oui [3]byte, data []byte, err error) {
	if e.Type != VendorPrivate || len(e.Value) < len(oui) {
		return oui, nil, errors.New("not a vendor-private extension with an identifier of 3 octets")
	}
	return [3]byte(e.Value), e.Value[len(oui):], nil
}

// Extension returns the first extension of type t.
func (p *Packet) Extension(t ExtensionType) (Extension, bool) {
	for _, e := range p.Extensions {
		if e.Type == t {
			return e, true
		}
	}
	return Extension{}, false
}

// Unrecognized returns the first extension that is compulsory and of a type
// this package does not know. A packet with one must not be acted on; the
// answer is an [UnrecognizedExtension] error.
func (p *Packet) Unrecognized() (Extension, bool) {
	if i := p.unrecognized(); i >= 0 {
		return p.Extensions[i], true
	}
	return Extension{}, false
}

// unrecognized returns the place of what Unrecognized returns, -1 for nothing.
func (p *Packet) unrecognized() int {
	return slices.IndexFunc(p.Extensions, func(e Extension) bool {
		switch e.Type {
		case ResponderAddress, ForwardTransit, ReverseTransit, Authentication, VendorPrivate, NATAddress:
			return false
		}
		return e.Compulsory
	})
}

// parseExtensions reads the extensions part, which starts at offset off of the
// packet. A peer that forgets the End is understood.
func parseExtensions(b []byte, off int) ([]Extension, error) {
	all := make([]Extension, 0, len(b)/extensionHeaderLen)
	for r := (reader{b: b, off: off}); len(r.b) > 0; {
		head, err := r.take(extensionHeaderLen, "extension header")
		if err != nil {
			return nil, err
		}
		bits := binary.BigEndian.Uint16(head)
		e := Extension{Type: ExtensionType(bits & extTypeMask), Compulsory: bits&extCompulsory != 0}
		if e.Type == extEnd {
			break
		}
		if e.Value, err = r.take(int(binary.BigEndian.Uint16(head[2:])), "extension value"); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// appendExtensions appends the extensions part, closed by End.
func appendExtensions(b []byte, all []Extension) ([]byte, error) {
	for _, e := range all {
		if e.Type == extEnd || uint16(e.Type)&^extTypeMask != 0 {
			return nil, fmt.Errorf("extension type %d is out of range", e.Type)
		}
		if len(e.Value) > 0xffff {
			return nil, fmt.Errorf("extension %d of %d octets is too long", e.Type, len(e.Value))
		}
		bits := uint16(e.Type)
		if e.Compulsory {
			bits |= extCompulsory
		}
		b = binary.BigEndian.AppendUint16(b, bits)
		b = binary.BigEndian.AppendUint16(b, uint16(len(e.Value)))
		b = append(b, e.Value...)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(extEnd)|extCompulsory)
	return binary.BigEndian.AppendUint16(b, 0), nil
}
