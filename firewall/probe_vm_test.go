//go:build vm

package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// probe is a packet that a test makes, of either family. Its text is at its
// end and tells it from all others.
type probe struct {
	// proto is protoTCP, protoUDP or protoICMP.
	proto    protocol
	from, to netip.AddrPort
	// flags are TCP's, and mss the segment size it announces, if any.
	flags byte
	mss   uint16
	// about is the packet that an ICMP error, port unreachable, is about.
	about *probe
	text  string
	dscp  DSCP
	// hops is the time to live, 64 if it is 0.
	hops uint8
}

// The flags of TCP.
const (
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
	tcpACK = 0x10
)

const ip6Header = 40

func (p probe) v6() bool { return p.from.Addr().Is6() }

// family is 0 for IPv4 and 1 for IPv6.
func (p probe) family() int {
	if p.v6() {
		return 1
	}
	return 0
}

// number is the protocol's in the IP header.
func (p probe) number() byte {
	switch {
	case p.proto != protoICMP:
		return byte(p.proto)
	case p.v6():
		return byte(protoICMPv6)
	default:
		return byte(protoICMPv4)
	}
}

// transport is the packet without its IP header.
func (p probe) transport() []byte {
	var b []byte
	checksum := 0
	switch p.proto {
	case protoUDP:
		b, checksum = make([]byte, 8), 6
		binary.BigEndian.PutUint16(b[4:], uint16(8+len(p.text)))
	case protoTCP:
		b, checksum = make([]byte, 20), 16
		binary.BigEndian.PutUint32(b[4:], 1000)
		b[12], b[13] = 5<<4, p.flags
		binary.BigEndian.PutUint16(b[14:], 1024)
		if p.mss != 0 {
			b[12] += 1 << 4
			b = binary.BigEndian.AppendUint16(append(b, 2, 4), p.mss)
		}
	default:
		about := *p.about
		about.text = p.text
		b, checksum = append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, about.packet()...), 2
		if p.v6() {
			b[0], b[1] = 1, 4
		}
	}
	if p.proto != protoICMP {
		binary.BigEndian.PutUint16(b, p.from.Port())
		binary.BigEndian.PutUint16(b[2:], p.to.Port())
		b = append(b, p.text...)
	}
	covered := b
	if p.proto != protoICMP || p.v6() {
		covered = slices.Concat(p.from.Addr().AsSlice(), p.to.Addr().AsSlice(), []byte{0, p.number()}, binary.BigEndian.AppendUint16(nil, uint16(len(b))), b)
	}
	binary.BigEndian.PutUint16(b[checksum:], internetChecksum(covered))
	return b
}

// packet is the packet with its IP header.
func (p probe) packet() []byte {
	content, hops := p.transport(), p.hops
	if hops == 0 {
		hops = 64
	}
	var b []byte
	if p.v6() {
		b = make([]byte, ip6Header)
		binary.BigEndian.PutUint32(b, 6<<28|uint32(p.dscp)<<22)
		binary.BigEndian.PutUint16(b[4:], uint16(len(content)))
		b[6], b[7] = p.number(), hops
		copy(b[8:], p.from.Addr().AsSlice())
		copy(b[24:], p.to.Addr().AsSlice())
	} else {
		b = ipv4Packet(p.number(), p.from.Addr(), p.to.Addr(), len(content))
		b[1], b[8] = byte(p.dscp)<<2, hops
		binary.BigEndian.PutUint16(b[10:], 0)
		binary.BigEndian.PutUint16(b[10:], internetChecksum(b))
	}
	return append(b, content...)
}

// ipv4Packet is the header of a packet with so many octets behind it.
func ipv4Packet(proto byte, from, to netip.Addr, length int) []byte {
	b := make([]byte, ipHeader)
	b[0], b[8], b[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(b[2:], uint16(ipHeader+length))
	copy(b[12:], from.AsSlice())
	copy(b[16:], to.AsSlice())
	binary.BigEndian.PutUint16(b[10:], internetChecksum(b))
	return b
}

// internetChecksum is RFC 1071's.
func internetChecksum(b []byte) uint16 {
	var sum uint32
	for i, octet := range b {
		sum += uint32(octet) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sight is a packet as it was seen to arrive.
type sight struct {
	proto    protocol
	from, to netip.AddrPort
	// content follows the IP header.
	content []byte
}

func (s sight) ends(text string) bool { return strings.HasSuffix(string(s.content), text) }

func (s sight) String() string { return fmt.Sprintf("%s from %s to %s", s.proto, s.from, s.to) }

// segmentSize is what the TCP packet, of a probe, announces.
func (s sight) segmentSize() uint16 {
	if len(s.content) < 24 || s.content[20] != 2 {
		return 0
	}
	return binary.BigEndian.Uint16(s.content[22:])
}

// look reads an IP packet. It reports false for what is none.
func look(packet []byte) (sight, bool) {
	switch {
	case len(packet) >= ipHeader && packet[0] == 0x45:
		from, to := netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
		return lookInto(packet[9], from, to, packet[ipHeader:]), true
	case len(packet) >= ip6Header && packet[0]>>4 == 6:
		from, to := netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
		return lookInto(packet[6], from, to, packet[ip6Header:]), true
	}
	return sight{}, false
}

func lookInto(proto byte, from, to netip.Addr, content []byte) sight {
	s := sight{proto: numbered(protocol(proto)), content: slices.Clone(content)}
	var source, dest uint16
	if (s.proto == protoTCP || s.proto == protoUDP) && len(content) >= 4 {
		source, dest = binary.BigEndian.Uint16(content), binary.BigEndian.Uint16(content[2:])
	}
	s.from, s.to = netip.AddrPortFrom(from, source), netip.AddrPortFrom(to, dest)
	return s
}
