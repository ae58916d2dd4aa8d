// Package xfrm speaks to the kernel's IPsec transform layer (XFRM) over
// netlink: security associations, policies and the events the kernel sends
// about them. It knows nothing of IKE. It exists beside vishvananda/netlink
// because that library cannot express replay windows above 32 without ESN, and
// reads no ACQUIRE and no MAPPING event.
package xfrm

import (
	"net/netip"
)

// SA is one direction of an ESP security association in transport mode.
type SA struct {
	Src, Dst netip.Addr
	SPI      uint32
	// ReqID ties the SA to the policies whose template bears the same number.
	ReqID uint32
	// Encap is the UDP encapsulation of RFC 3948, nil for bare ESP.
	Encap *Encap
	// Either AEAD, or Crypt and Auth.
	AEAD, Crypt, Auth *Algorithm
	// ReplayWindow is in packets, 0 on an outbound SA.
	ReplayWindow uint32
	ESN          bool
	// SoftPackets and HardPackets bound the use of the keys; the kernel sends
	// an Expire event at each. Zero means no limit. There are no time limits:
	// the kernel measures them on the wall clock, which may jump.
	SoftPackets, HardPackets uint64
	// In says that packets arrive on this SA.
	In bool
}

// Encap are the UDP ports of ESP-in-UDP, as seen on the wire here.
type Encap struct{ SrcPort, DstPort uint16 }

// Algorithm is a kernel crypto algorithm with its key.
type Algorithm struct {
	// Name is the kernel's, such as "rfc4106(gcm(aes))", "cbc(aes)" or
	// "hmac(sha1)".
	Name string
	// Key is the key material, for rfc4106 including the 4 octets of salt.
	Key []byte
	// ICVBits is the length of the integrity check value (AEAD and Auth).
	ICVBits int
}

// ID names an SA in the kernel.
type ID struct {
	Dst netip.Addr
	SPI uint32
}

// Counters is what an SA has carried.
type Counters struct {
	Bytes, Packets       uint64
	ReplayErrors, BadICV uint64
	LastSequence         uint64
}

// Event is one of Acquire, Expire and Mapping.
type Event interface{ event() }

// Acquire says that a packet wants to leave and no SA fits.
type Acquire struct {
	Src, Dst netip.Addr
	Proto    uint8
}

// Expire says that an SA reached a limit. A hard limit has removed it.
type Expire struct {
	ID   ID
	Hard bool
}

// Mapping says that a verified ESP-in-UDP packet came from another address or
// port than the SA's: the peer's NAT has moved.
type Mapping struct {
	ID       ID
	Old, New netip.AddrPort
}

func (Acquire) event() {}
func (Expire) event()  {}
func (Mapping) event() {}
