// Package ntb reads and writes NCM transfer blocks in their 16-bit format: what
// a bulk transfer of an MBIM or NCM function carries, several packets at once.
// The parties are the host's driver and the function; both send the same format.
// A block is a header (NTH16), the packets, and one table of them (NDP16) for
// each stream, which is an IP session or Ethernet. The source is Network Control
// Model 1.0, sections 3.2 and 3.3, and for the sessions Mobile Broadband
// Interface Model 1.0, section 7. The package is pure: it accepts any octets,
// and neither returns more than they hold nor keeps a copy.
package ntb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Lengths and signatures of the headers, in octets. NCM 1.0, tables 3-1 and 3-3.
const (
	headerLen      = 12
	tableHeaderLen = 8
	entryLen       = 4
	minTableLen    = tableHeaderLen + 2*entryLen

	headerSignature   = 0x484d434e // "NCMH"
	ethernetSignature = 0x304d434e // "NCM0"
	sessionSignature  = 0x00535049 // "IPS", then the session's number
	serviceSignature  = 0x00535344 // "DSS", then the number of the service stream
)

// Alignment is that of packets and tables within the blocks written here, and
// MaxLen the most octets that a block can have.
const (
	Alignment = 4
	MaxLen    = 0xffff
)

// Stream says what the packets of a table are and where they belong. It is the
// table's signature.
type Stream uint32

// Ethernet is the stream of an NCM function: frames without checksum.
const Ethernet Stream = ethernetSignature

// Session is the stream of IP packets of an MBIM session.
func Session(n uint8) Stream { return sessionSignature | Stream(n)<<24 }

// Session reports whether the stream is that of an MBIM session, and which.
func (s Stream) Session() (n uint8, ok bool) { return uint8(s >> 24), s&0xffffff == sessionSignature }

// String names the stream as the specifications do.
func (s Stream) String() string {
	switch {
	case s == Ethernet:
		return "NCM0"
	case s&0xffffff == sessionSignature:
		return fmt.Sprintf("IPS%d", s>>24)
	case s&0xffffff == serviceSignature:
		return fmt.Sprintf("DSS%d", s>>24)
	}
	return fmt.Sprintf("stream %#08x", uint32(s))
}

// Packet is one packet of a stream.
type Packet struct {
	Stream Stream
	Data   []byte
}

// Errors of a block.
var (
	ErrShort     = errors.New("transfer block is cut short")
	ErrSignature = errors.New("transfer block has a wrong signature")
	ErrTable     = errors.New("transfer block has a table that cannot be")
)

// Parse returns the packets of a block, which share its memory, table by table.
// What follows the block's own length is padding.
func Parse(b []byte) (sequence uint16, packets []Packet, err error) {
	if len(b) < headerLen {
		return 0, nil, fmt.Errorf("%w: %d octets", ErrShort, len(b))
	}
	if signature := binary.LittleEndian.Uint32(b); signature != headerSignature {
		return 0, nil, fmt.Errorf("%w: %#08x for the block", ErrSignature, signature)
	}
	if n := binary.LittleEndian.Uint16(b[4:]); n != headerLen {
		return 0, nil, fmt.Errorf("%w: header of %d octets", ErrTable, n)
	}
	sequence = binary.LittleEndian.Uint16(b[6:])
	// A length of zero means that the end of the transfer is the end of the block.
	if n := int(binary.LittleEndian.Uint16(b[8:])); n != 0 {
		if n < headerLen || n > len(b) {
			return 0, nil, fmt.Errorf("%w: %d octets of %d", ErrShort, len(b), n)
		}
		b = b[:n]
	}
	packets, err = parseTables(b, int(binary.LittleEndian.Uint16(b[10:])))
	return sequence, packets, err
}

// parseTables follows the chain of tables from the one at the given index. All
// entries together have to fit into the block beside its header: so a chain that
// bites its own tail ends, and a small block does not become many packets.
func parseTables(b []byte, index int) (packets []Packet, err error) {
	room := (len(b) - headerLen) / entryLen
	for index != 0 {
		if index < headerLen || index%Alignment != 0 || index+minTableLen > len(b) {
			return nil, fmt.Errorf("%w: at %d", ErrTable, index)
		}
		stream := Stream(binary.LittleEndian.Uint32(b[index:]))
		length := int(binary.LittleEndian.Uint16(b[index+4:]))
		if length < minTableLen || length%entryLen != 0 || index+length > len(b) {
			return nil, fmt.Errorf("%w: %d octets at %d", ErrTable, length, index)
		}
		if room -= length / entryLen; room < 0 {
			return nil, fmt.Errorf("%w: more entries than fit", ErrTable)
		}
		for entry := b[index+tableHeaderLen : index+length]; len(entry) > 0; entry = entry[entryLen:] {
			start, n := int(binary.LittleEndian.Uint16(entry)), int(binary.LittleEndian.Uint16(entry[2:]))
			if start == 0 || n == 0 {
				break // the entry that ends the table
			}
			if start < headerLen || start+n > len(b) {
				return nil, fmt.Errorf("%w: packet of %d octets at %d", ErrTable, n, start)
			}
			packets = append(packets, Packet{Stream: stream, Data: b[start : start+n : start+n]})
		}
		index = int(binary.LittleEndian.Uint16(b[index+6:]))
	}
	return packets, nil
}
