// Package udp carries IKE datagrams over the two UDP sockets of IKEv2, ports
// 500 and 4500 (RFC 7296 section 2.23, RFC 3948), bound to one VRF. It strips
// and adds the non-ESP marker, sends NAT keepalives, and lets the kernel take
// ESP-in-UDP out of the stream before anything reaches the process.
package udp

import "net/netip"

// Packet is one IKE message with the addresses it travelled between. The
// non-ESP marker is never part of Data.
type Packet struct {
	// Local and Remote are the two ends. Local's port is 500 or 4500 and tells
	// which socket received, or is to send, the packet.
	Local, Remote netip.AddrPort
	Data          []byte
}
