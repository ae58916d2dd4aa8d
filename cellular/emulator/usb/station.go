package usb

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Ethernet, ARP (RFC 826) and neighbour discovery (RFC 4861) as far as a modem has
// to do with them.
const (
	macLen      = 6
	frameHeader = 2*macLen + 2

	typeIPv4 = 0x0800
	typeARP  = 0x0806
	typeIPv6 = 0x86dd

	arpLen     = 28
	arpRequest = 1
	arpReply   = 2

	protocolICMPv6        = 58
	neighborSolicitation  = 135
	neighborAdvertisement = 136
	solicitationLen       = 24 // ICMPv6 header, reserved, target
	// An advertisement from a router, solicited, that overrides.
	advertisementFlags = 0xe0
)

// functionMAC is the function's end of the Ethernet that it pretends to be.
var functionMAC = [macLen]byte{0x02, 0x50, 0xf3, 0x00, 0x00, 0x01}

// station is that end. It knows one neighbour, the host, whose address it learns,
// and says yes to whoever looks for any other: everything is behind the modem.
type station struct {
	host [macLen]byte
}

// receive takes a frame from the host. It returns the IP packet in it, if there is
// one for the modem, and the frame that answers it.
func (s *station) receive(frame []byte) (packet, answer []byte) {
	if len(frame) < frameHeader || [macLen]byte(frame[macLen:]) == [macLen]byte{} {
		return nil, nil
	}
	s.host = [macLen]byte(frame[macLen:])
	body := frame[frameHeader:]
	switch binary.BigEndian.Uint16(frame[2*macLen:]) {
	case typeARP:
		return nil, s.answerARP(body)
	case typeIPv4:
		return body, nil
	case typeIPv6:
		if isSolicitation(body) {
			return nil, s.answerSolicitation(body)
		}
		return body, nil
	}
	return nil, nil
}

// frame puts an IP packet into a frame to the host.
func (s *station) frame(packet []byte) []byte {
	switch {
	case len(packet) >= ipv4Header && packet[0]>>4 == 4:
		return slices.Concat(s.header(typeIPv4), packet)
	case len(packet) >= ipv6Header && packet[0]>>4 == 6:
		return slices.Concat(s.header(typeIPv6), packet)
	}
	return nil
}

// header begins a frame, to everybody as long as the host has not sent anything.
func (s *station) header(etherType uint16) []byte {
	to := s.host
	if to == [macLen]byte{} {
		to = [macLen]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return binary.BigEndian.AppendUint16(slices.Concat(to[:], functionMAC[:]), etherType)
}

// answerARP answers a request, unless the host only asks whether somebody has its
// own address.
func (s *station) answerARP(b []byte) []byte {
	ethernetToIPv4 := []byte{0, 1, 8, 0, macLen, 4, 0, arpRequest}
	if len(b) < arpLen || !bytes.Equal(b[:8], ethernetToIPv4) {
		return nil
	}
	sender, target := b[8:18], b[24:28]
	if senderIP := sender[macLen:]; bytes.Equal(senderIP, target) || bytes.Equal(senderIP, make([]byte, 4)) {
		return nil
	}
	return slices.Concat(s.header(typeARP), ethernetToIPv4[:7], []byte{arpReply}, functionMAC[:], target, sender)
}

// isSolicitation reports whether an IPv6 packet asks for a neighbour.
func isSolicitation(b []byte) bool {
	return len(b) >= ipv6Header+solicitationLen && b[0]>>4 == 6 && b[6] == protocolICMPv6 && b[ipv6Header] == neighborSolicitation
}

// answerSolicitation answers, unless the host only asks whether somebody has its
// own address.
func (s *station) answerSolicitation(b []byte) []byte {
	source, target := b[8:24], b[ipv6Header+8:ipv6Header+solicitationLen]
	if bytes.Equal(source, make([]byte, 16)) {
		return nil
	}
	// The option tells the link-layer address of the target.
	body := slices.Concat([]byte{neighborAdvertisement, 0, 0, 0, advertisementFlags, 0, 0, 0}, target, []byte{2, 1}, functionMAC[:])
	header := slices.Concat([]byte{0x60, 0, 0, 0, 0, uint8(len(body)), protocolICMPv6, 255}, target, source)
	binary.BigEndian.PutUint16(body[2:], checksumICMPv6(header, body))
	return slices.Concat(s.header(typeIPv6), header, body)
}

// checksumICMPv6 is that of RFC 8200, section 8.1.
func checksumICMPv6(header, body []byte) uint16 {
	sum := uint32(len(body)) + protocolICMPv6
	for _, part := range [][]byte{header[8:ipv6Header], body} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
