// Package udp carries IKE datagrams over the UDP sockets of IKEv2, ports 500 and
// 4500 (RFC 7296 section 2.23, RFC 3948), bound to one VRF. It strips and adds
// the non-ESP marker, sends NAT keepalives, and lets the kernel take ESP-in-UDP
// out of the stream before anything reaches the process.
//
// Extra ports serve like 4500, towards a peer's port 4500: a NAT that has lost
// its way with one local port, or a carrier that has taken a dislike to it, knows
// nothing of another. They are opened by sending from them and closed by Retain.
//
// The sockets are bound to a device and never to an address, so that an uplink
// may get, lose or change its address while they stay open; each packet says
// which local address it came to or is to leave from.
package udp

import "net/netip"

// Ports of IKE. On all but Port each IKE message follows a non-ESP marker, and
// ESP shares the port.
const (
	Port    = 500
	PortNAT = 4500
	// FirstExtra is the first of the ports that may be used like PortNAT, the
	// dynamic ones (RFC 6335 section 6).
	FirstExtra = 49152
)

// maxSockets bounds the ports that are open at once.
const maxSockets = 2 + 14

func isExtra(port uint16) bool { return port >= FirstExtra }

// Packet is one IKE message with the addresses it travelled between. The
// non-ESP marker is never part of Data.
type Packet struct {
	// Local and Remote are the two ends. Local's port tells which socket
	// received, or is to send, the packet. An unspecified local address on a
	// packet to send leaves the choice to the routing table.
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
