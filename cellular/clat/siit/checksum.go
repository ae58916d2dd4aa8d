package siit

import (
	"encoding/binary"
	"math/bits"
)

// sum adds octets as numbers of 16 bits, for the checksum of RFC 1071, as sums of
// 64 bits, which fold to the same.
func sum(b []byte) uint64 {
	var total, carry uint64
	for len(b) >= 32 {
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(b), carry)
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(b[8:]), carry)
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(b[16:]), carry)
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		total, carry = bits.Add64(total, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	var rest [8]byte
	copy(rest[:], b)
	total, carry = bits.Add64(total, binary.BigEndian.Uint64(rest[:]), carry)
	// A carry out of this addition leaves less than it could carry again.
	return total + carry
}

// add is the sum of two sums.
func add(a, b uint64) uint64 {
	total, carry := bits.Add64(a, b, 0)
	return total + carry
}

// fold makes 16 bits of a sum.
func fold(total uint64) uint16 {
	total = total>>32 + total&0xffffffff
	total = total>>16&0xffff + total>>32 + total&0xffff
	total = total>>16 + total&0xffff
	return uint16(total>>16 + total&0xffff)
}

// adjust returns the checksum after what summed to one sum sums to another (RFC
// 1624, equation 3).
func adjust(checksum uint16, from, to uint64) uint16 {
	return ^fold(add(add(uint64(^checksum), uint64(^fold(from))), to))
}

// pseudo4 is the sum of the pseudo-header without the length and the protocol,
// which both versions have alike. So is pseudo6.
func pseudo4(h *packet4) uint64 { return add(sum(h.from[:]), sum(h.to[:])) }

func pseudo6(h *packet6) uint64 { return add(sum(h.from[:]), sum(h.to[:])) }

// pseudo is the rest of a pseudo-header.
func pseudo(protocol byte, length int) uint64 { return uint64(protocol) + uint64(length) }
