// Package nat64 says by which IPv6 prefix a network's NAT64 stands for the IPv4
// internet: addresses inside of such a prefix (RFC 6052), and what a network says
// of it, by the PREF64 option of a Router Advertisement (RFC 8781) or by the AAAA
// records of ipv4only.arpa. (RFC 7050). It is pure: no sockets and no clock.
package nat64

import (
	"fmt"
	"net/netip"
	"slices"
)

// lengths are those that a prefix may have, in bits (RFC 6052, 2.2).
var lengths = []int{96, 64, 56, 48, 40, 32}

// Prefix is an IPv6 prefix with room for an IPv4 address behind it. The zero Prefix
// is none. Prefixes can be compared with ==.
type Prefix struct {
	octets [16]byte
	length int // in octets
}

// NewPrefix returns the prefix if a NAT64 can have it: one of IPv6 with 32, 40, 48,
// 56, 64 or 96 bits, of which bits 64 to 71 are zero.
func NewPrefix(p netip.Prefix) (Prefix, error) {
	switch {
	case !p.Addr().Is6() || p.Addr().Is4In6() || !slices.Contains(lengths, p.Bits()):
		return Prefix{}, fmt.Errorf("%s is no prefix of a NAT64: it is to be of IPv6 with 32, 40, 48, 56, 64 or 96 bits", p)
	case p.Masked().Addr().As16()[reserved] != 0:
		return Prefix{}, fmt.Errorf("%s is no prefix of a NAT64: its bits 64 to 71 are not zero", p)
	}
	return Prefix{p.Masked().Addr().As16(), p.Bits() / 8}, nil
}

// reserved is the octet of an address that holds no part of the IPv4 address, and
// is zero (RFC 6052, 2.2).
const reserved = 8

// IsValid reports whether p is a prefix at all.
func (p Prefix) IsValid() bool { return p.length > 0 }

// Prefix returns p in package netip's terms.
func (p Prefix) Prefix() netip.Prefix {
	if !p.IsValid() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(netip.AddrFrom16(p.octets), p.length*8)
}

// String is the prefix as it is written, such as 64:ff9b::/96.
func (p Prefix) String() string { return p.Prefix().String() }

// Embed returns the IPv6 address that stands for the IPv4 address.
func (p Prefix) Embed(address [4]byte) [16]byte {
	embedded := p.octets
	at := p.length
	for _, octet := range address {
		if at == reserved {
			at++
		}
		embedded[at] = octet
		at++
	}
	return embedded
}

// Extract is the inverse of Embed. It is false for an address that is not within
// the prefix. What is behind the IPv4 address does not matter (RFC 6052, 2.2).
func (p Prefix) Extract(embedded [16]byte) (address [4]byte, ok bool) {
	if !p.IsValid() || [16]byte(p.octets) != p.mask(embedded) {
		return address, false
	}
	at := p.length
	for i := range address {
		if at == reserved {
			at++
		}
		address[i] = embedded[at]
		at++
	}
	return address, true
}

// mask returns the address without what is behind the prefix.
func (p Prefix) mask(address [16]byte) (masked [16]byte) {
	copy(masked[:p.length], address[:p.length])
	return masked
}
