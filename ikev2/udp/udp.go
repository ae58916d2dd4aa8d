// Package udp carries IKE datagrams over the two UDP sockets of IKEv2, ports
// 500 and 4500 (RFC 7296 section 2.23, RFC 3948), bound to one VRF. It strips
// and adds the non-ESP marker, sends NAT keepalives, and lets the kernel take
// ESP-in-UDP out of the stream before anything reaches the process.
//
// The sockets are bound to a device and never to an address, so that an uplink
// may get, lose or change its address while they stay open; each packet says
// which local address it came to or is to leave from.
package udp

import "net/netip"

// Ports of IKE. On PortNAT each IKE message follows a non-ESP marker, and ESP
// shares the port.
const (
	Port    = 500
	PortNAT = 4500
)

// Packet is one IKE message with the addresses it travelled between. The
// non-ESP marker is never part of Data.
type Packet struct {
	// Local and Remote are the two ends. Local's port is 500 or 4500 and tells
	// which socket received, or is to send, the packet. An unspecified local
	// address on a packet to send leaves the choice to the routing table.
	Local, Remote netip.AddrPort
	Data          []byte
}

// Counters is what the sockets have carried.
type Counters struct {
	Received uint64 `json:"received"`
	Sent     uint64 `json:"sent"`
	// Junk counts datagrams that cannot be IKE, and NAT keepalives of the peers
	// as far as the kernel has not eaten them.
	Junk uint64 `json:"junk"`
	// Keepalives counts those we sent.
	Keepalives uint64 `json:"keepalives"`
}
