package dhcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
)

const (
	serverPort = 67
	clientPort = 68
	ipHeader   = 20
	udpHeader  = 8
	protoUDP   = 17
	// ttl and dscp of what we broadcast. Network control (CS6) is what
	// routers give their own protocols.
	ttl  = 64
	dscp = 48 << 2
)

// filter passes unfragmented UDP to the client's port. It runs in the kernel on
// packets that begin with the IP header, so that the rest of the uplink's
// traffic is not copied to us.
var filter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoUDP, SkipTrue: 6},
	bpf.LoadAbsolute{Off: 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 4}, // more fragments, or an offset
	bpf.LoadMemShift{Off: 0},
	bpf.LoadIndirect{Off: 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: clientPort, SkipTrue: 1},
	bpf.RetConstant{Val: 0xffff},
	bpf.RetConstant{Val: 0},
}

// broadcastPacket wraps a message into UDP and IPv4 from 0.0.0.0 to all (RFC
// 2131, 4.1).
func broadcastPacket(message []byte) []byte {
	length := ipHeader + udpHeader + len(message)
	p := make([]byte, ipHeader, length)
	p[0] = 4<<4 | ipHeader/4
	p[1] = dscp
	binary.BigEndian.PutUint16(p[2:], uint16(length))
	p[8] = ttl
	p[9] = protoUDP
	copy(p[16:], []byte{255, 255, 255, 255})
	binary.BigEndian.PutUint16(p[10:], ^sum(0, p))

	p = binary.BigEndian.AppendUint16(p, clientPort)
	p = binary.BigEndian.AppendUint16(p, serverPort)
	p = binary.BigEndian.AppendUint16(p, uint16(udpHeader+len(message)))
	p = binary.BigEndian.AppendUint16(p, 0)
	p = append(p, message...)
	// The pseudo header's addresses and protocol (RFC 768); a sum of 0 is
	// sent as all ones.
	check := ^sum(protoUDP+uint32(udpHeader+len(message)), p[12:])
	if check == 0 {
		check = 0xffff
	}
	binary.BigEndian.PutUint16(p[ipHeader+6:], check)
	return p
}

// unwrap returns the DHCP message within an IPv4 packet to the client's port,
// and the packet's source. It leaves the UDP checksum alone: a sender on the
// same machine or a card that offloads checksums has yet to fill it in.
func unwrap(p []byte) ([]byte, netip.Addr, error) {
	if len(p) < ipHeader {
		return nil, netip.Addr{}, fmt.Errorf("packet of %d octets ends within the IP header", len(p))
	}
	header, length := int(p[0]&0xf)*4, int(binary.BigEndian.Uint16(p[2:]))
	if p[0]>>4 != 4 || header < ipHeader || length < header+udpHeader || length > len(p) {
		return nil, netip.Addr{}, fmt.Errorf("IP header of version %d, %d octets, does not fit its packet of %d in %d", p[0]>>4, header, length, len(p))
	}
	if sum(0, p[:header]) != 0xffff {
		return nil, netip.Addr{}, errors.New("IP header checksum is wrong")
	}
	if p[9] != protoUDP || binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
		return nil, netip.Addr{}, errors.New("packet is not unfragmented UDP")
	}
	src := netip.AddrFrom4([4]byte(p[12:16]))
	udp := p[header:length]
	udpLength := int(binary.BigEndian.Uint16(udp[4:]))
	if udpLength < udpHeader || udpLength > len(udp) {
		return nil, src, fmt.Errorf("UDP length %d does not fit the %d octets there are", udpLength, len(udp))
	}
	if port := binary.BigEndian.Uint16(udp[2:]); port != clientPort {
		return nil, src, fmt.Errorf("packet is for port %d", port)
	}
	return udp[udpHeader:udpLength], src, nil
}

// sum returns the Internet checksum's one's complement sum of p (RFC 1071).
func sum(start uint32, p []byte) uint16 {
	s := start
	for ; len(p) >= 2; p = p[2:] {
		s += uint32(p[0])<<8 | uint32(p[1])
	}
	if len(p) == 1 {
		s += uint32(p[0]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
