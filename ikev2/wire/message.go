// Package wire turns IKEv2 messages into octets and back (RFC 7296 section 3).
// The parties are us and whoever can send us a datagram, so nothing here
// trusts a length: all arithmetic is in int, every list is bounded, and an
// error names the offset and what is wrong there. The package holds no keys
// and no state; ikev2/suite opens and closes the Encrypted payload.
package wire

import (
	"encoding/binary"
	"fmt"
)

// Bounds on what a message may hold. A peer that exceeds them is broken or
// hostile; real messages stay far below.
const (
	MaxMessage    = 64 << 10
	maxPayloads   = 64
	maxProposals  = 32
	maxTransforms = 64
	maxSelectors  = 32
	maxSPIs       = 256
)

const (
	headerLength        = 28
	genericHeaderLength = 4
)

// Version is the major version of IKE that this package speaks.
const Version = 2

// ExchangeType is the kind of an exchange (RFC 7296 section 3.1).
type ExchangeType uint8

// The exchanges of RFC 7296.
const (
	IKESAInit     ExchangeType = 34
	IKEAuth       ExchangeType = 35
	CreateChildSA ExchangeType = 36
	Informational ExchangeType = 37
)

// String returns the name the RFC uses.
func (e ExchangeType) String() string {
	switch e {
	case IKESAInit:
		return "IKE_SA_INIT"
	case IKEAuth:
		return "IKE_AUTH"
	case CreateChildSA:
		return "CREATE_CHILD_SA"
	case Informational:
		return "INFORMATIONAL"
	}
	return fmt.Sprintf("exchange %d", uint8(e))
}

// Flags are the bits of the header's flags octet.
type Flags uint8

// The flags of RFC 7296 section 3.1.
const (
	// FlagInitiator is set by the side that initiated the IKE SA.
	FlagInitiator Flags = 0x08
	// FlagVersion says that the sender can speak a higher major version.
	FlagVersion Flags = 0x10
	// FlagResponse marks the answer to a request.
	FlagResponse Flags = 0x20
)

// Header is the fixed part of a message.
type Header struct {
	SPIi, SPIr uint64
	Exchange   ExchangeType
	Flags      Flags
	MessageID  uint32
}

// Response reports whether the message answers a request.
func (h Header) Response() bool { return h.Flags&FlagResponse != 0 }

// FromInitiator reports whether the IKE SA's original initiator sent it.
func (h Header) FromInitiator() bool { return h.Flags&FlagInitiator != 0 }

// Message is one IKE message. The payloads inside Encrypted are not in
// Payloads: whoever holds the keys opens Encrypted and parses them by
// ParsePayloads.
type Message struct {
	Header
	Payloads  []Payload
	Encrypted *Encrypted
}

// Encrypted is the SK payload, which is always the last (RFC 7296 section
// 3.14).
type Encrypted struct {
	// First is the type of the first payload inside.
	First PayloadType
	// Associated is everything before the initialization vector: the header,
	// clear payloads and SK's own generic header. An AEAD authenticates it
	// (RFC 5282 section 5.1).
	Associated []byte
	// Body is the initialization vector, the ciphertext and the integrity
	// check value.
	Body []byte
}

// Error says what is wrong with a message, and where.
type Error struct {
	// Offset counts octets from the start of what was parsed.
	Offset  int
	Problem string
}

// Error returns the whole on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("malformed IKE message at octet %d: %s", e.Offset, e.Problem)
}

func malformed(offset int, format string, args ...any) error {
	return &Error{Offset: offset, Problem: fmt.Sprintf(format, args...)}
}

// VersionError says that a message is of another major version, which is
// answered, if at all, by INVALID_MAJOR_VERSION.
type VersionError struct {
	Major uint8
	// Header is what the message's header would be in our version.
	Header Header
}

// Error returns the whole on one line.
func (e *VersionError) Error() string {
	return fmt.Sprintf("message is of IKE version %d, not 2", e.Major)
}

// ParseHeader reads the header alone, to find the IKE SA a message belongs to.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < headerLength {
		return Header{}, malformed(len(b), "%d octets are less than a header", len(b))
	}
	h := Header{
		SPIi:      binary.BigEndian.Uint64(b[0:]),
		SPIr:      binary.BigEndian.Uint64(b[8:]),
		Exchange:  ExchangeType(b[18]),
		Flags:     Flags(b[19]),
		MessageID: binary.BigEndian.Uint32(b[20:]),
	}
	if major := b[17] >> 4; major != Version {
		return Header{}, &VersionError{Major: major, Header: h}
	}
	if length := binary.BigEndian.Uint32(b[24:]); uint64(length) != uint64(len(b)) {
		return Header{}, malformed(24, "length is %d in a datagram of %d octets", length, len(b))
	}
	return h, nil
}

// Parse reads a whole message. The result shares b's memory.
func Parse(b []byte) (*Message, error) {
	if len(b) > MaxMessage {
		return nil, malformed(0, "%d octets are more than %d", len(b), MaxMessage)
	}
	header, err := ParseHeader(b)
	if err != nil {
		return nil, err
	}
	m := &Message{Header: header}
	m.Payloads, m.Encrypted, err = parseChain(PayloadType(b[16]), b, headerLength)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Marshal returns the octets of a message without an Encrypted payload.
func (m *Message) Marshal() []byte {
	b := appendHeader(nil, m.Header, firstType(m.Payloads, NoNext))
	b = appendChain(b, m.Payloads, NoNext)
	binary.BigEndian.PutUint32(b[24:], uint32(len(b)))
	return b
}

// MarshalEncrypted returns what an AEAD authenticates and what precedes the
// body of a message that holds nothing but an SK payload: the header and SK's
// generic header, with both lengths counting a body of bodyLength octets. The
// caller appends the body.
func MarshalEncrypted(h Header, first PayloadType, bodyLength int) []byte {
	b := appendHeader(make([]byte, 0, headerLength+genericHeaderLength+bodyLength), h, TypeEncrypted)
	b = append(b, byte(first), 0)
	b = binary.BigEndian.AppendUint16(b, uint16(genericHeaderLength+bodyLength))
	binary.BigEndian.PutUint32(b[24:], uint32(len(b)+bodyLength))
	return b
}

func appendHeader(b []byte, h Header, next PayloadType) []byte {
	b = binary.BigEndian.AppendUint64(b, h.SPIi)
	b = binary.BigEndian.AppendUint64(b, h.SPIr)
	b = append(b, byte(next), Version<<4, byte(h.Exchange), byte(h.Flags))
	b = binary.BigEndian.AppendUint32(b, h.MessageID)
	return append(b, 0, 0, 0, 0)
}
