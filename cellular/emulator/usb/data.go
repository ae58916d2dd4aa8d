package usb

import "encoding/binary"

// maxPackets is how many packets wait for a host that does not read. What comes
// then is lost, as it is on the air.
const maxPackets = 256

// data is a path of packets, whose framing is that of the part that embeds it.
type data struct {
	inward, onward uint8 // endpoints to the host and to the modem
	waiting        []Packet
}

// push queues a packet for the host.
func (d *data) push(p Packet) {
	if len(d.waiting) < maxPackets {
		d.waiting = append(d.waiting, p)
	}
}

// next takes the packet that has waited longest.
func (d *data) next() (p Packet, ok bool) {
	if len(d.waiting) == 0 {
		return Packet{}, false
	}
	p, d.waiting = d.waiting[0], d.waiting[1:]
	return p, true
}

func (d *data) reset() { d.waiting = nil }

// Lengths and places in IP headers, RFC 791 and RFC 8200.
const (
	ipv4Header = 20
	ipv6Header = 40
)

// trim returns the IP packet without what a driver put behind it, such as an octet
// that keeps a transfer from ending with a full packet of USB. It is not ok if
// this is no IP packet.
func trim(b []byte) (packet []byte, ok bool) {
	var n int
	switch {
	case len(b) >= ipv4Header && b[0]>>4 == 4:
		n = int(binary.BigEndian.Uint16(b[2:]))
	case len(b) >= ipv6Header && b[0]>>4 == 6:
		n = ipv6Header + int(binary.BigEndian.Uint16(b[4:]))
	}
	if n < ipv4Header || n > len(b) {
		return nil, false
	}
	return b[:n:n], true
}
