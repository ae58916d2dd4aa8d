package nhrp

import (
	"encoding/binary"
	"net/netip"
)

// maxQuoted is how much of a packet an error indication about it repeats, in
// octets: with GRE and protection around it, it fits into the 576 octets that
// every IPv4 host takes. It is even, see [Packet.Payload].
const maxQuoted = 256

// NewErrorIndication returns the indication by which the station with the
// given addresses tells the sender of the packet b, which may be malformed, of
// its fault (RFC 2332, 5.2.7). It bears no extensions, as the RFC demands; the
// peers that want an authentication even there get it from the caller. It
// reports false if there is nobody to tell: there is none about another error
// indication, nor about what is too short to be a packet.
func NewErrorIndication(b []byte, fault *Fault, nbma, protocol netip.Addr) (*Packet, bool) {
	if len(b) < fixedHeaderLen+commonHeaderLen || Type(b[17]) == ErrorIndication {
		return nil, false
	}
	if size := int(binary.BigEndian.Uint16(b[10:])); size >= fixedHeaderLen+commonHeaderLen && size < len(b) {
		b = b[:size]
	}
	p := &Packet{
		Family:      FamilyOf(nbma),
		Protocol:    ProtocolOf(protocol),
		Hops:        MaxHops,
		Type:        ErrorIndication,
		Error:       fault.Code,
		ErrorOffset: uint16(fault.Offset),
		SrcNBMA:     nbma,
		SrcProtocol: protocol,
		Payload:     append([]byte(nil), b[:min(len(b), maxQuoted)&^1]...),
	}
	if to := sender(b); to.IsValid() && ProtocolOf(to) == p.Protocol {
		p.DstProtocol = to
	}
	return p, true
}

// sender returns the protocol address of the station that sent the packet b of
// at least the headers' length, or the zero Addr if b does not say. A reply
// bears the addresses of its request, so it comes from the destination.
func sender(b []byte) netip.Addr {
	p := header(b)
	// What was read before an error counts.
	_ = p.parseAddresses(&reader{b: b[fixedHeaderLen:], off: fixedHeaderLen}, b[18], b[19])
	switch p.Type {
	case ResolutionReply, RegistrationReply, PurgeReply:
		return p.DstProtocol
	}
	return p.SrcProtocol
}

// Offender returns type and request id of the NHRP packet that the error
// indication p is about. It reports false if p holds too little of it.
func (p *Packet) Offender() (t Type, requestID uint32, ok bool) {
	if p.Type != ErrorIndication || len(p.Payload) < fixedHeaderLen+commonHeaderLen {
		return 0, 0, false
	}
	return Type(p.Payload[17]), binary.BigEndian.Uint32(p.Payload[fixedHeaderLen+4:]), true
}

// Redirected returns the addresses of the IP packet for which there is a
// shorter way according to the traffic indication p. It reports false if p
// holds no whole header of one of its protocol.
func (p *Packet) Redirected() (source, destination netip.Addr, ok bool) {
	if p.Type != TrafficIndication || len(p.Payload) == 0 {
		return source, destination, false
	}
	switch version := p.Payload[0] >> 4; {
	case version == 4 && p.Protocol == ProtocolIPv4 && len(p.Payload) >= 20:
		return netip.AddrFrom4([4]byte(p.Payload[12:])), netip.AddrFrom4([4]byte(p.Payload[16:])), true
	case version == 6 && p.Protocol == ProtocolIPv6 && len(p.Payload) >= 40:
		return netip.AddrFrom16([16]byte(p.Payload[8:])), netip.AddrFrom16([16]byte(p.Payload[24:])), true
	}
	return source, destination, false
}
