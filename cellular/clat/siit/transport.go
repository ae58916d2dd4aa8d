package siit

import "encoding/binary"

// checksumAt returns where the checksum of a transport is within its header, and
// how long that header is at least. A protocol without one, or with one that is not
// about addresses, is passed on as it is.
func checksumAt(protocol byte) (at, least int, ok bool) {
	switch protocol {
	case tcp:
		return 16, 20, true
	case udp, udplite:
		return 6, 8, true
	}
	return 0, 0, false
}

// readdress adjusts the checksum of a payload for other addresses, given by the
// sums of the pseudo-headers. whole says that the payload is all there; a checksum
// that is missing can be made then.
func readdress(payload []byte, h *header, from, to uint64, whole bool) error {
	at, least, ok := checksumAt(h.protocol)
	if !ok || !h.first() {
		return nil
	}
	if whole && len(payload) < least {
		return errMalformed
	}
	if len(payload) < at+2 {
		return nil // a quote that ends before
	}
	field := payload[at : at+2]
	checksum := binary.BigEndian.Uint16(field)
	if h.protocol == udp && checksum == 0 {
		return nil
	}
	checksum = adjust(checksum, from, to)
	if h.protocol == udp && checksum == 0 {
		checksum = 0xffff // zero is none
	}
	binary.BigEndian.PutUint16(field, checksum)
	return nil
}

// complete gives a UDP packet without a checksum one, as IPv6 demands it (RFC 7915,
// 4.5).
func complete(payload []byte, h *packet6) error {
	if h.protocol != udp || !h.first() || len(payload) < 8 || binary.BigEndian.Uint16(payload[6:]) != 0 {
		return nil
	}
	if h.isFragment() {
		return errFragment
	}
	length := int(binary.BigEndian.Uint16(payload[4:]))
	if length < 8 || length > len(payload) {
		return errMalformed
	}
	checksum := ^fold(add(add(pseudo6(h), pseudo(udp, length)), sum(payload[:length])))
	if checksum == 0 {
		checksum = 0xffff
	}
	binary.BigEndian.PutUint16(payload[6:], checksum)
	return nil
}
