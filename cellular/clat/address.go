package clat

import (
	"crypto/sha256"
	"net/netip"
)

// sourceAddress returns the IPv6 address that stands for us in the network: one of the
// underlay's /64 with an interface identifier that follows from the underlay's
// address and the device's name. So it is the same again after a restart, and the
// NAT64 goes on with the connections it knows.
func sourceAddress(u Underlay) netip.Addr {
	const half = 8
	own := u.Address6.Addr().As16()
	sum := sha256.Sum256(append(own[:], u.Device...))
	address := own
	copy(address[half:], sum[:half])
	return netip.AddrFrom16(address)
}
