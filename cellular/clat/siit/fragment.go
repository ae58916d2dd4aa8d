package siit

import (
	"encoding/binary"
	"iter"
)

// MayFragment reports whether the sender of a packet of IPv4 lets it be fragmented.
func MayFragment(packet []byte) bool { return len(packet) > 6 && packet[6]&0x40 == 0 }

// ID returns the identification of a packet of IPv4, which its fragments share.
func ID(packet []byte) uint16 { return binary.BigEndian.Uint16(packet[4:]) }

// Fragments returns the fragments of a packet of IPv6 that is larger than the MTU.
// The packet is one that ToIPv6 made, and may be a fragment itself; if it is not,
// the fragments get the identification. Each fragment is good until the next one.
func Fragments(packet []byte, id uint16, mtu int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		whole, err := parse6(packet)
		room := (mtu - header6 - fragmentHeader) &^ 7
		if err != nil || room <= 0 {
			return
		}
		if !whole.fragmented {
			whole.id = uint32(id)
		}
		payload := packet[whole.start:]
		b := make([]byte, mtu)
		for at := 0; at < len(payload); at += room {
			part := whole
			part.fragmented = true
			part.offset += uint16(at / 8)
			part.size = min(room, len(payload)-at)
			part.more = whole.more || at+part.size < len(payload)
			copy(b[header6+fragmentHeader:], payload[at:at+part.size])
			put6(b, header6+fragmentHeader, part)
			if !yield(b[:header6+fragmentHeader+part.size]) {
				return
			}
		}
	}
}
