package suite

// Octets of an IPv4 packet that carries ESP in transport mode.
const (
	ipv4Header = 20
	udpHeader  = 8
	espHeader  = 8 // SPI and sequence number
	espTrailer = 2 // length of the padding, and the next header
	espAlign   = 4 // of payload and trailer, with a cipher that asks for no more
	aesBlock   = 16
)

// Room returns how many octets of payload ESP in transport mode carries in an
// IPv4 packet of the given size (RFC 4303 section 2), in UDP (RFC 3948) or not:
// all that follows the IP header. It is negative for a packet that has not even
// room for ESP itself.
func (s ESP) Room(packet int, udp bool) int {
	iv, align, icv := gcmIVLength, espAlign, gcmICVLength
	if !isAEAD(s.Encryption) {
		iv, align, icv = aesBlock, aesBlock, icvLength(s.Integrity)
	}
	packet -= ipv4Header + espHeader + iv + icv
	if udp {
		packet -= udpHeader
	}
	return packet/align*align - espTrailer
}
