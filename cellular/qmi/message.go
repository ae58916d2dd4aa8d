package qmi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Octets of the parts of a message.
const (
	frameLen      = 6 // QMUX: interface, length, flags, service, client
	ctlHeaderLen  = 6 // flags, one octet of transaction, message, length
	headerLen     = 7 // flags, two octets of transaction, message, length
	tlvHeaderLen  = 3 // type, length
	interfaceType = 0x01
)

// MaxLen is how long a message can be: QMUX counts all octets but the first in
// two octets.
const MaxLen = 0xffff + 1

// fromService is the QMUX flag of what the modem sends.
const fromService = 0x80

// BroadcastClient is the client id of an indication to all clients of a service.
const BroadcastClient = 0xff

// Message is a QMI message in its QMUX frame.
type Message struct {
	Kind
	// Client is the client id that CTL gave out for the service, 0 for CTL itself.
	Client uint8
	// Transaction ties a response to its request, counted per client from 1; it
	// is 0 in indications. CTL has only one octet for it.
	Transaction uint16
	TLVs        []TLV
}

// TLV is a typed value in a message. Its type means something only together
// with the message's kind.
type TLV struct {
	Type  uint8
	Value []byte
}

// String names the message and the TLVs in it, but no values: a PIN may be
// among them.
func (m Message) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v, client %d, transaction %d:", m.Kind, m.Client, m.Transaction)
	for _, t := range m.TLVs {
		fmt.Fprintf(&s, " %v", t)
	}
	return s.String()
}

// GoString is String: values do not show with %#v either.
func (m Message) GoString() string { return m.String() }

// String returns type and length, as in "0x02[4]".
func (t TLV) String() string { return fmt.Sprintf("0x%02x[%d]", t.Type, len(t.Value)) }

// GoString is String.
func (t TLV) GoString() string { return t.String() }

// Size returns how many octets the message takes that starts at b, or 0 while
// too few are there to tell. Where several messages follow each other in a
// stream it says where the next one begins.
func Size(b []byte) (int, error) {
	if len(b) > 0 && b[0] != interfaceType {
		return 0, fmt.Errorf("QMUX starts with 0x%02x, not 0x%02x", b[0], interfaceType)
	}
	if len(b) < 3 {
		return 0, nil
	}
	return 1 + int(binary.LittleEndian.Uint16(b[1:])), nil
}

// Parse reads the message that b holds, no less and no more. The values of its
// TLVs are parts of b.
func Parse(b []byte) (Message, error) {
	size, err := Size(b)
	if err != nil {
		return Message{}, err
	}
	if len(b) < frameLen {
		return Message{}, fmt.Errorf("QMUX header needs %d octets, %d are there", frameLen, len(b))
	}
	if size != len(b) {
		return Message{}, fmt.Errorf("QMUX length at offset 1 is for %d octets, %d are there", size, len(b))
	}
	m := Message{Kind: Kind{Service: Service(b[4])}, Client: b[5]}
	body := frameLen + m.headerLen()
	if len(b) < body {
		return Message{}, fmt.Errorf("header of a %v message at offset %d needs %d octets, %d are left", m.Service, frameLen, body-frameLen, len(b)-frameLen)
	}
	if m.Class, err = classOf(m.Service, b[frameLen]); err != nil {
		return Message{}, err
	}
	if m.Service == CTL {
		m.Transaction = uint16(b[frameLen+1])
	} else {
		m.Transaction = binary.LittleEndian.Uint16(b[frameLen+1:])
	}
	m.ID = binary.LittleEndian.Uint16(b[body-4:])
	if n := int(binary.LittleEndian.Uint16(b[body-2:])); n != len(b)-body {
		return Message{}, fmt.Errorf("%v: length at offset %d is for %d octets, %d are left", m.Kind, body-2, n, len(b)-body)
	}
	if m.TLVs, err = parseTLVs(b, body); err != nil {
		return Message{}, fmt.Errorf("%v: %w", m.Kind, err)
	}
	return m, nil
}

// parseTLVs reads the TLVs from offset off of b to its end.
func parseTLVs(b []byte, off int) ([]TLV, error) {
	var tlvs []TLV
	for off < len(b) {
		if len(b)-off < tlvHeaderLen {
			return nil, fmt.Errorf("TLV at offset %d needs %d octets, %d are left", off, tlvHeaderLen, len(b)-off)
		}
		t, n := b[off], int(binary.LittleEndian.Uint16(b[off+1:]))
		off += tlvHeaderLen
		if n > len(b)-off {
			return nil, fmt.Errorf("value of TLV 0x%02x at offset %d has %d octets, %d are left", t, off, n, len(b)-off)
		}
		tlvs = append(tlvs, TLV{Type: t, Value: b[off : off+n : off+n]})
		off += n
	}
	return tlvs, nil
}

// Marshal returns the message as octets.
func (m Message) Marshal() ([]byte, error) {
	if m.Class > Indication {
		return nil, fmt.Errorf("%v: no such class of messages", m.Kind)
	}
	if m.Service == CTL && m.Transaction > 0xff {
		return nil, fmt.Errorf("%v: transaction %d is more than CTL's one octet", m.Kind, m.Transaction)
	}
	size := frameLen + m.headerLen()
	for _, t := range m.TLVs {
		size += tlvHeaderLen + len(t.Value)
	}
	if size > MaxLen {
		return nil, fmt.Errorf("%v: %d octets are more than the %d of a message", m.Kind, size, MaxLen)
	}
	b := make([]byte, 0, size)
	b = append(b, interfaceType)
	b = binary.LittleEndian.AppendUint16(b, uint16(size-1))
	b = append(b, m.frameFlags(), byte(m.Service), m.Client, m.Class.flags(m.Service))
	if m.Service == CTL {
		b = append(b, byte(m.Transaction))
	} else {
		b = binary.LittleEndian.AppendUint16(b, m.Transaction)
	}
	b = binary.LittleEndian.AppendUint16(b, m.ID)
	b = binary.LittleEndian.AppendUint16(b, uint16(size-frameLen-m.headerLen()))
	for _, t := range m.TLVs {
		b = append(b, t.Type)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(t.Value)))
		b = append(b, t.Value...)
	}
	return b, nil
}

// frameFlags returns the QMUX flags, which say who sends. They follow from the
// class, so Parse need not look at them.
func (m Message) frameFlags() byte {
	if m.Class == Request {
		return 0
	}
	return fromService
}

// headerLen returns the length of the header after the QMUX frame.
func (m Message) headerLen() int {
	if m.Service == CTL {
		return ctlHeaderLen
	}
	return headerLen
}

// Body is the contents of a message of one kind: a pointer to one of the
// structs of this package.
type Body interface {
	// Kind returns the kind of message that the body is for.
	Kind() Kind
	// walk reads or writes the body's fields.
	walk(f *fields)
}

// New returns the message with the contents of body.
func New(client uint8, transaction uint16, body Body) (Message, error) {
	f := fields{writing: true}
	body.walk(&f)
	if f.err != nil {
		return Message{}, fmt.Errorf("%s: %w", name(body), f.err)
	}
	return Message{Kind: body.Kind(), Client: client, Transaction: transaction, TLVs: f.tlvs}, nil
}

// Decode reads m into body, which must be empty and of m's kind. TLVs that the
// kind has but body does not know are passed over. A response that says no is
// read as far as it goes, and then returned as an error that wraps its
// [ErrorCode].
func (m Message) Decode(body Body) error {
	if m.Kind != body.Kind() {
		return fmt.Errorf("%s is a %v, the message a %v", name(body), body.Kind(), m.Kind)
	}
	f := fields{tlvs: m.TLVs}
	body.walk(&f)
	if f.err != nil {
		return fmt.Errorf("%s: %w", name(body), f.err)
	}
	if f.refusal != Success {
		return fmt.Errorf("%s: %w", name(body), f.refusal)
	}
	return nil
}

// Refused reports whether err is a modem's well-formed no, and the reason.
func Refused(err error) (ErrorCode, bool) {
	var code ErrorCode
	ok := errors.As(err, &code)
	return code, ok
}

// name returns the name of body's type for an error message.
func name(body Body) string { return strings.TrimPrefix(fmt.Sprintf("%T", body), "*qmi.") }
