package wire

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"net/netip"
)

// NATHash returns what a NAT_DETECTION notification says of an address and port:
// a hash, so that it does not give them away (RFC 7296 section 2.23). SHA-1 is
// the RFC's; the hash protects nothing.
func NATHash(spiI, spiR uint64, at netip.AddrPort) []byte {
	sum := sha1.Sum(natOctets(spiI, spiR, at))
	return sum[:]
}

// FindNATPort returns the port of the address that NATHash makes the hash of. It
// tries them all, the likely ones first, which takes some 20 ms.
func FindNATPort(spiI, spiR uint64, addr netip.Addr, hash []byte, likely ...uint16) (uint16, bool) {
	octets := natOctets(spiI, spiR, netip.AddrPortFrom(addr, 0))
	matches := func(port uint16) bool {
		binary.BigEndian.PutUint16(octets[len(octets)-2:], port)
		sum := sha1.Sum(octets)
		return bytes.Equal(sum[:], hash)
	}
	for _, port := range likely {
		if matches(port) {
			return port, true
		}
	}
	for port := range 1 << 16 {
		if matches(uint16(port)) {
			return uint16(port), true
		}
	}
	return 0, false
}

func natOctets(spiI, spiR uint64, at netip.AddrPort) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+8+16+2), spiI)
	b = binary.BigEndian.AppendUint64(b, spiR)
	b = append(b, at.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(b, at.Port())
}
