package udp

const (
	// markerSize is the size of the non-ESP marker (RFC 3948 section 2.2): zeros
	// where ESP has its SPI, which is never zero.
	markerSize = 4
	// headerSize is the size of the IKE header (RFC 7296 section 3.1), and with
	// it of the shortest message.
	headerSize = 28
)

// keepalive is the NAT keepalive of RFC 3948 section 2.3.
var keepalive = []byte{0xff}

// deframe returns the IKE message in a datagram that came to a local port. It
// reports false for what cannot be one: a keepalive, ESP, a short packet. The
// message shares the datagram's memory.
func deframe(port uint16, datagram []byte) (message []byte, ok bool) {
	if port != Port {
		if len(datagram) < markerSize || [markerSize]byte(datagram) != [markerSize]byte{} {
			return nil, false
		}
		datagram = datagram[markerSize:]
	}
	return datagram, len(datagram) >= headerSize
}

// frame returns the datagram that carries an IKE message from a local port.
func frame(port uint16, message []byte) []byte {
	if port == Port {
		return message
	}
	datagram := make([]byte, markerSize+len(message))
	copy(datagram[markerSize:], message)
	return datagram
}
