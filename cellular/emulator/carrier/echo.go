package carrier

import (
	"context"
	"encoding/binary"
	"slices"
)

// echoes is how many answers wait for a modem.
const echoes = 64

// Echo is a network in which every address answers pings, and nothing else. The
// zero Echo is not usable, see [NewEcho].
type Echo chan []byte

// NewEcho returns such a network.
func NewEcho() Echo { return make(Echo, echoes) }

// Send takes a packet of a modem.
func (e Echo) Send(packet []byte) {
	if answer, ok := answerPing(packet); ok {
		select {
		case e <- answer:
		default: // lost, as on the air
		}
	}
}

// Run gives deliver the answers until ctx ends.
func (e Echo) Run(ctx context.Context, deliver func(packet []byte)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case answer := <-e:
			deliver(answer)
		}
	}
}

// Echo requests and replies of RFC 792 and RFC 4443.
const (
	echoReply4, echoRequest4 = 0, 8
	echoReply6, echoRequest6 = 129, 128
)

// answerPing returns the answer to a packet if it is an echo request.
func answerPing(packet []byte) (answer []byte, ok bool) {
	const icmp, icmpv6, icmpHeader = 1, 58, 8
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		header := int(packet[0]&0xf) * 4
		if packet[9] != icmp || header < 20 || len(packet) < header+icmpHeader || packet[header] != echoRequest4 {
			return nil, false
		}
		return reply(packet, 12, 4, header, echoReply4), true
	case len(packet) >= 40+icmpHeader && packet[0]>>4 == 6 && packet[6] == icmpv6 && packet[40] == echoRequest6:
		return reply(packet, 8, 16, 40, echoReply6), true
	}
	return nil, false
}

// reply is packet with its addresses, of which the first is at an offset and has
// the length, swapped, and its ICMP message, at another offset, of another type.
func reply(packet []byte, addresses, length, message int, kind byte) []byte {
	answer := slices.Clone(packet)
	copy(answer[addresses:], packet[addresses+length:addresses+2*length])
	copy(answer[addresses+length:], packet[addresses:addresses+length])
	answer[message] = kind
	// Only the type has changed, the high octet of a word of the sum (RFC 1624).
	checksum := answer[message+2 : message+4]
	sum := uint32(^binary.BigEndian.Uint16(checksum)) + uint32(^(uint16(packet[message]) << 8)) + uint32(kind)<<8
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(checksum, ^uint16(sum))
	return answer
}
