package nat64

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Offer is a prefix that the network names, and for how long. No time at all is
// the end of an earlier offer.
type Offer struct {
	Prefix   Prefix
	Lifetime time.Duration
}

// Lengths and numbers of IPv6 (RFC 8200), of ICMPv6 (RFC 4443), of Neighbour
// Discovery (RFC 4861), and of the option for us (RFC 8781).
const (
	headerLength        = 40
	advertisementLength = 16
	protocolICMP        = 58
	onLink              = 255 // the hop limit of what no router has forwarded
	typeSolicitation    = 133
	typeAdvertisement   = 134
	optionPREF64        = 38
	optionUnit          = 8
	pref64Length        = 16
	lifetimeUnit        = 8 * time.Second
)

// errNoAdvertisement says that a packet is something else.
var errNoAdvertisement = errors.New("no Router Advertisement")

// ParseAdvertisement returns the prefixes that a packet of IPv6 offers if it is a
// Router Advertisement: from a router of the link itself, and whole (RFC 4861,
// 6.1.2). An advertisement may well offer none. Options that are not understood,
// and prefixes of lengths that there are not (RFC 8781, 4), are passed over.
func ParseAdvertisement(packet []byte) ([]Offer, error) {
	if len(packet) < headerLength+advertisementLength || packet[0]>>4 != 6 || packet[6] != protocolICMP ||
		packet[headerLength] != typeAdvertisement {
		return nil, errNoAdvertisement
	}
	message := packet[headerLength:]
	size := int(binary.BigEndian.Uint16(packet[4:]))
	if size < advertisementLength || size > len(message) {
		return nil, fmt.Errorf("router advertisement of %d octets, %d are there", size, len(message))
	}
	message = message[:size]
	from := netip.AddrFrom16([16]byte(packet[8:]))
	switch {
	case packet[7] != onLink || !from.IsLinkLocalUnicast():
		return nil, fmt.Errorf("router advertisement of %s, with hop limit %d, is not of this link", from, packet[7])
	case message[1] != 0:
		return nil, fmt.Errorf("router advertisement with code %d", message[1])
	case checksum(packet[8:headerLength], message) != 0:
		return nil, errors.New("router advertisement with a wrong checksum")
	}
	return parseOptions(message[advertisementLength:])
}

// parseOptions reads the options of an advertisement. One without a length is an
// error (RFC 4861, 4.6), as nothing can be found behind it.
func parseOptions(options []byte) (offers []Offer, err error) {
	for len(options) > 0 {
		if len(options) < 2 || options[1] == 0 || int(options[1])*optionUnit > len(options) {
			return nil, fmt.Errorf("router advertisement with an option that is cut: % x", options[:min(len(options), optionUnit)])
		}
		option := options[:int(options[1])*optionUnit]
		options = options[len(option):]
		if option[0] != optionPREF64 || len(option) != pref64Length {
			continue
		}
		if offer, ok := parsePREF64(option); ok {
			offers = append(offers, offer)
		}
	}
	return offers, nil
}

// parsePREF64 reads a PREF64 option: 13 bits of lifetime, three that say how long
// the prefix is, and its first 96 bits.
func parsePREF64(option []byte) (Offer, bool) {
	word := binary.BigEndian.Uint16(option[2:])
	code := int(word & 7)
	if code >= len(lengths) {
		return Offer{}, false
	}
	var address [16]byte
	copy(address[:], option[4:])
	prefix, err := NewPrefix(netip.PrefixFrom(netip.AddrFrom16(address), lengths[code]))
	return Offer{prefix, time.Duration(word>>3) * lifetimeUnit}, err == nil
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
