// Package siit translates single packets between IPv4 and IPv6, without state
// (RFC 7915), for one IPv4 address that is ours and the whole IPv4 internet behind
// a network's NAT64: the customer's side of 464XLAT (RFC 6877).
//
// The parties are the IPv4 stack before the translator, which has but one address,
// and the network behind it, which knows us by an IPv6 address of our own and all
// others by addresses inside of its NAT64's prefix. The package is pure: packets in,
// packets out, in the buffer they came in. It takes any octets and allocates
// nothing.
//
// Where RFC 7915 leaves room, or is left:
//
//   - The time to live is not decremented. The kernel forwards each translated
//     packet and does so, and both together are one router.
//   - A quoted packet of an ICMP error is translated with its checksums. Extensions
//     behind it (RFC 4884) are cut off.
//   - Routers of the network, which have no IPv4 address, speak by 192.0.0.8, the
//     dummy address of RFC 7600. They may report errors, and nothing else.
//   - A UDP packet without a checksum gets one. Its first fragment cannot and is
//     dropped.
//   - Fragments of ICMP are dropped, as in the RFC: the checksum of ICMPv6 is about
//     the length of the whole.
//   - A private address is translated even by the well-known prefix 64:ff9b::/96,
//     which RFC 6052, 3.1, forbids. Whether the network leads to a host with such an
//     address, as that of a company's access point may, is for its NAT64 to say.
package siit

import (
	"errors"
	"net/netip"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
)

// Headroom is how many octets must be free before a packet of IPv4: by so many it
// grows at most, an ICMP error by those of two headers.
const Headroom = 20 + fragmentHeader + 20

// Why packets are dropped.
var (
	errMalformed = errors.New("malformed packet")
	errAddress   = errors.New("address that is not translated")
	errProtocol  = errors.New("protocol that is not translated")
	errFragment  = errors.New("fragment that is not translated")
	errRoute     = errors.New("source route that is not at its end")
	errICMP      = errors.New("ICMP message that is not translated")
	errSize      = errors.New("packet too large for IPv4")
)

// Translator translates for one address. It may translate in both directions at
// once, but not two packets of the same direction.
type Translator struct {
	ours4  [4]byte
	ours6  [16]byte
	prefix nat64.Prefix
	// mtu is the largest packet of IPv6 that leaves unfragmented.
	mtu int
	// id is the last identification that we gave a packet of IPv4.
	id uint16
}

// New returns a Translator. ours4 is the one IPv4 address on this side, ours6 the
// IPv6 address that stands for it, prefix that of the network's NAT64, and mtu the
// size of the largest packet, in octets, that the link to the network carries.
func New(ours4, ours6 netip.Addr, prefix nat64.Prefix, mtu int) *Translator {
	return &Translator{ours4: ours4.As4(), ours6: ours6.As16(), prefix: prefix, mtu: mtu}
}
