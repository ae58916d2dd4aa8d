package virtual

import (
	"encoding/binary"
	"net/netip"

	"github.com/farspoke/farspoke/cellular/modem"
)

// ICMPv6 of RFC 4861, and its options; that of RFC 8106 tells a name server, that of
// RFC 8781 a NAT64.
const (
	icmpv6              = 58
	routerSolicitation  = 133
	routerAdvertisement = 134
	optionPrefix        = 3
	optionMTU           = 5
	optionDNS           = 25
	optionPREF64        = 38
)

// headerIPv6 is the length of an IPv6 header without extensions.
const headerIPv6 = 40

var gatewayLinkLocal = netip.MustParseAddr("fe80::1")

// advertise answers a router solicitation, as the network's gateway does.
func (s *Session) advertise(packet []byte) (answer []byte, ok bool) {
	if len(packet) < headerIPv6+8 || packet[0]>>4 != 6 || packet[6] != icmpv6 || packet[headerIPv6] != routerSolicitation {
		return nil, false
	}
	asker := netip.AddrFrom16([16]byte(packet[8:]))
	if asker.IsUnspecified() {
		asker = netip.MustParseAddr("ff02::1")
	}
	return s.advertisement(asker), true
}

// advertisement is a router advertisement of s's prefix.
func (s *Session) advertisement(to netip.Addr) []byte {
	const hopLimit, lifetime = 255, 65535
	body := []byte{routerAdvertisement, 0, 0, 0, hopLimit, 0}
	body = binary.BigEndian.AppendUint16(body, lifetime)
	body = append(body, make([]byte, 8)...) // reachable time and retransmission timer: not said

	prefix := s.Granted.Address6.Masked()
	const autonomous, forever = 0x40, 0xffffffff
	body = append(body, optionPrefix, 4, byte(prefix.Bits()), autonomous)
	body = binary.BigEndian.AppendUint32(body, forever)
	body = binary.BigEndian.AppendUint32(body, forever)
	body = append(body, 0, 0, 0, 0)
	body = append(body, prefix.Addr().AsSlice()...)
	if s.Granted.MTU != 0 {
		body = append(body, optionMTU, 1, 0, 0)
		body = binary.BigEndian.AppendUint32(body, uint32(s.Granted.MTU))
	}
	for _, server := range s.Granted.DNS {
		if server.Is6() {
			body = append(body, optionDNS, 3, 0, 0)
			body = binary.BigEndian.AppendUint32(body, forever)
			body = append(body, server.AsSlice()...)
		}
	}
	if nat64 := s.apn.NAT64; nat64.IsValid() && s.Families == modem.IPv6 {
		const scaledLifetime, length96 = 8191 << 3, 0
		body = append(body, optionPREF64, 2)
		body = binary.BigEndian.AppendUint16(body, scaledLifetime|length96)
		body = append(body, nat64.Addr().AsSlice()[:12]...)
	}
	return icmpv6Packet(gatewayLinkLocal, to, body)
}

// icmpv6Packet is an IPv6 packet around the ICMPv6 message of body, whose
// checksum it fills in.
func icmpv6Packet(from, to netip.Addr, body []byte) []byte {
	packet := []byte{0x60, 0, 0, 0}
	packet = binary.BigEndian.AppendUint16(packet, uint16(len(body)))
	packet = append(packet, icmpv6, 255)
	packet = append(packet, from.AsSlice()...)
	packet = append(packet, to.AsSlice()...)
	sum := uint32(len(body)) + icmpv6
	sum += sum16(packet[8:]) + sum16(body)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(body[2:], ^uint16(sum))
	return append(packet, body...)
}

// sum16 is the sum of the 16-bit words of an even number of octets.
func sum16(b []byte) (sum uint32) {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return sum
}
