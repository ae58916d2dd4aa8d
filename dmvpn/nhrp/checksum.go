package nhrp

import "encoding/binary"

// checksum returns the internet checksum of b (RFC 2332, 5.1): of the octets as
// if one of zero followed an odd number of them. A correct packet, its
// checksum field included, yields 0.
func checksum(b []byte) uint16 {
	even := len(b) &^ 1
	sum := sum16(b[:even])
	if even < len(b) {
		sum += uint32(b[even]) << 8
	}
	return ^fold(sum)
}

// checksumTailLow is checksum as FRR up to 10.7 computes it on little-endian
// machines: the last octet of an odd number counts as the low half of a word.
// It differs from checksum only when that octet is not zero, which happens in
// indications: all other packets end with the zeros of the End extension.
func checksumTailLow(b []byte) uint16 {
	even := len(b) &^ 1
	sum := sum16(b[:even])
	if even < len(b) {
		sum += uint32(b[even])
	}
	return ^fold(sum)
}

// sum16 adds up the words of b, at most 32768 of them.
func sum16(b []byte) (sum uint32) {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	return sum
}

// fold adds the carries of sum back into its low half.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
