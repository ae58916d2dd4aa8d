// Package ndp is a host's part of Neighbour Discovery (RFC 4861) on the link of a
// modem: it reads what the network's routers advertise, and makes an address of it
// (RFC 4862) where the modem says the interface identifier alone, as 3GPP's networks
// may have it (TS 23.401, 5.3.1.2.2). It is pure: no sockets and no clock.
package ndp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Advertisement is what a router says of its link.
type Advertisement struct {
	// Router is the router's address, which holds on the link alone.
	Router netip.Addr
	// Lifetime is for how long it leads to other networks, zero if it does not.
	Lifetime time.Duration
	// MTU is the largest IPv6 packet of the link in octets, 0 if it is not said.
	MTU int
	// Prefixes are those of which hosts make addresses.
	Prefixes []Prefix
	// DNS are name servers (RFC 8106). One without a lifetime is none any more.
	DNS []Server
	// NAT64 are prefixes that stand for the IPv4 internet (RFC 8781), for as long as
	// they are valid. Their bits need not be such as a NAT64 can have.
	NAT64 []Prefix
}

// Prefix is one that is advertised.
type Prefix struct {
	netip.Prefix
	// Valid is for how long addresses of it may be used, and Preferred for how long
	// they should be. Infinity is the longest.
	Valid, Preferred time.Duration
}

// Server is a name server and for how long it is one.
type Server struct {
	Address  netip.Addr
	Lifetime time.Duration
}

// Infinity is the lifetime of what never ends by itself (RFC 4861, 4.6.2).
const Infinity = (1<<32 - 1) * time.Second

// Lengths and numbers of IPv6 (RFC 8200), of ICMPv6 (RFC 4443), and of Neighbour
// Discovery (RFC 4861).
const (
	headerLength        = 40
	advertisementLength = 16
	protocolICMP        = 58
	onLink              = 255 // the hop limit of what no router has forwarded
	typeSolicitation    = 133
	typeAdvertisement   = 134
)

// errNoAdvertisement says that a packet is something else.
var errNoAdvertisement = errors.New("no Router Advertisement")

// Parse returns what a packet of IPv6 says if it is a Router Advertisement: from a
// router of the link itself, and whole (RFC 4861, 6.1.2). Options that are not
// understood are passed over.
func Parse(packet []byte) (Advertisement, error) {
	if len(packet) < headerLength+advertisementLength || packet[0]>>4 != 6 || packet[6] != protocolICMP ||
		packet[headerLength] != typeAdvertisement {
		return Advertisement{}, errNoAdvertisement
	}
	message := packet[headerLength:]
	size := int(binary.BigEndian.Uint16(packet[4:]))
	if size < advertisementLength || size > len(message) {
		return Advertisement{}, fmt.Errorf("router advertisement of %d octets, %d are there", size, len(message))
	}
	message = message[:size]
	from := netip.AddrFrom16([16]byte(packet[8:]))
	switch {
	case packet[7] != onLink || !from.IsLinkLocalUnicast():
		return Advertisement{}, fmt.Errorf("router advertisement of %s, with hop limit %d, is not of this link", from, packet[7])
	case message[1] != 0:
		return Advertisement{}, fmt.Errorf("router advertisement with code %d", message[1])
	case checksum(packet[8:headerLength], message) != 0:
		return Advertisement{}, errors.New("router advertisement with a wrong checksum")
	}
	a := Advertisement{Router: from, Lifetime: time.Duration(binary.BigEndian.Uint16(message[6:])) * time.Second}
	if err := a.readOptions(message[advertisementLength:]); err != nil {
		return Advertisement{}, err
	}
	return a, nil
}

// Solicitation returns the packet of IPv6 that asks the routers of a link for their
// advertisements (RFC 4861, 4.1). from is our address on the link alone. Without a
// valid one it comes from no address, and the answer goes to all.
func Solicitation(from netip.Addr) []byte {
	const size = 8
	packet := make([]byte, headerLength+size)
	packet[0], packet[5], packet[6], packet[7] = 6<<4, size, protocolICMP, onLink
	if from.Is6() {
		copy(packet[8:], from.AsSlice())
	}
	copy(packet[24:], AllRouters.AsSlice())
	message := packet[headerLength:]
	message[0] = typeSolicitation
	binary.BigEndian.PutUint16(message[2:], checksum(packet[8:headerLength], message))
	return packet
}

// AllRouters is the group of the routers of a link, to which solicitations go.
var AllRouters = netip.MustParseAddr("ff02::2")

// checksum returns the checksum of an ICMPv6 message between two addresses; it is
// zero if the message has it already.
func checksum(addresses, message []byte) uint16 {
	total := uint32(protocolICMP + len(message))
	for _, b := range [][]byte{addresses, message} {
		for i, octet := range b {
			total += uint32(octet) << (8 * (1 - i%2))
		}
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return ^uint16(total)
}
