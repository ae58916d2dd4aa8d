// Package nhrp reads and writes NHRP packets, the Next Hop Resolution Protocol
// of RFC 2332 with the extensions that DMVPN adds to it. Clients (spokes) and
// servers (hubs) speak it to each other in GRE, protocol type 0x2001.
//
// The package is pure: bytes to [Packet] and back, with no clock, socket or
// state. What it guarantees:
//
//   - Parse accepts any bytes, allocates no more than a small multiple of their
//     number, and says of a bad packet what is wrong at which offset: see
//     [Fault].
//   - Extensions keep their order and compulsory bit, and unknown ones their
//     value, so a packet that is passed on says what it said (RFC 2332, 5.3).
//   - NBMA and protocol addresses are IPv4 or IPv6, in any mixture.
package nhrp

import "net/netip"

// Family is the address family number of the NBMA network (ar$afn).
type Family uint16

// Protocol is the EtherType of the internetwork layer (ar$pro.type).
type Protocol uint16

// What DMVPN uses of the numbers in RFC 2332, 5.1.
const (
	FamilyIPv4   Family   = 1
	FamilyIPv6   Family   = 2
	ProtocolIPv4 Protocol = 0x0800
	ProtocolIPv6 Protocol = 0x86dd
)

// MaxHops is the hop count that IOS gives its packets.
const MaxHops = 255

// EtherType is the GRE protocol type that NHRP packets travel under.
const EtherType = 0x2001

// FamilyOf returns the family of the NBMA address a.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return FamilyIPv4
	}
	return FamilyIPv6
}

// ProtocolOf returns the protocol that the internetwork address a belongs to.
func ProtocolOf(a netip.Addr) Protocol {
	if a.Is4() {
		return ProtocolIPv4
	}
	return ProtocolIPv6
}

// addressLen returns the length of f's addresses, 0 for a family not spoken.
func (f Family) addressLen() int {
	switch f {
	case FamilyIPv4:
		return 4
	case FamilyIPv6:
		return 16
	}
	return 0
}

// addressLen returns the length of p's addresses, 0 for a protocol not spoken.
func (p Protocol) addressLen() int {
	switch p {
	case ProtocolIPv4:
		return 4
	case ProtocolIPv6:
		return 16
	}
	return 0
}

// Type is the packet type (ar$op.type).
type Type uint8

// Packet types: RFC 2332, 5.2, and Cisco's traffic indication, by which a hub
// tells a spoke that there is a shorter way.
const (
	ResolutionRequest   Type = 1
	ResolutionReply     Type = 2
	RegistrationRequest Type = 3
	RegistrationReply   Type = 4
	PurgeRequest        Type = 5
	PurgeReply          Type = 6
	ErrorIndication     Type = 7
	TrafficIndication   Type = 8
)

// Flags of resolution requests and replies (RFC 2332, 5.2.1 and 5.2.2).
const (
	ResolutionRouter        uint16 = 0x8000 // Q: the requester is a router
	ResolutionAuthoritative uint16 = 0x4000 // A
	ResolutionDestStable    uint16 = 0x2000 // D: the destination's binding is stable
	ResolutionUnique        uint16 = 0x1000 // U
	ResolutionSourceStable  uint16 = 0x0800 // S: the requester's binding is stable
)

// Flags of the other packets, and the one that DMVPN adds to all.
const (
	RegistrationUnique uint16 = 0x8000 // U: no other may register the address (5.2.3)
	PurgeNoReply       uint16 = 0x8000 // N (5.2.5)
	NAT                uint16 = 0x0002 // the sender understands the NAT extension
)

// Packet is one NHRP packet of any type.
type Packet struct {
	// Family and Protocol govern every address in the packet.
	Family   Family
	Protocol Protocol
	// Hops is the number of servers the packet may still pass. Hubs exist that
	// drop a packet that arrives with 0, so send [MaxHops].
	Hops uint8
	Type Type

	// Flags and RequestID belong to requests and replies. Retries bear the
	// number of the first attempt, and the reply that of the request.
	Flags     uint16
	RequestID uint32

	// Error and ErrorOffset belong to error indications, which have them in
	// the place of the request id. The offset counts octets into Payload.
	Error       ErrorCode
	ErrorOffset uint16

	SrcNBMA netip.Addr
	// SrcSubaddress is empty on every IP network; it exists to be passed on.
	SrcSubaddress []byte
	// SrcProtocol is the address of the packet's first sender. DstProtocol is
	// what a request asks for, and in an indication the receiver.
	SrcProtocol, DstProtocol netip.Addr

	// CIEs are the client information entries of requests and replies.
	CIEs []CIE
	// Payload is the start of the packet that an indication is about: an NHRP
	// packet in error indications, an IP packet in traffic indications. Senders
	// should cut it to an even length: there are peers that add up an odd one
	// wrongly (see checksum).
	Payload []byte

	// Extensions in their order on the wire, without the End that closes them.
	// Nil is a packet without an extensions part; an empty list is End alone.
	Extensions []Extension
}

// carriesCIEs says whether packets of type t consist of CIEs after the common
// header. The others carry a part of another packet.
func (t Type) carriesCIEs() bool { return t >= ResolutionRequest && t <= PurgeReply }

// Lengths of the parts of fixed size (RFC 2332, 5.1 and 5.2.0.1).
const (
	fixedHeaderLen     = 20
	commonHeaderLen    = 8
	cieHeaderLen       = 12
	extensionHeaderLen = 4
	version            = 1
)
