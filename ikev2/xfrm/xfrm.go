// Package xfrm speaks to the kernel's IPsec transform layer (XFRM, Linux
// include/uapi/linux/xfrm.h) over netlink: security associations, policies and
// the events the kernel sends about them. It knows nothing of IKE.
//
// What it installs is always the same in kind: ESP in transport mode (RFC 4303)
// that carries GRE and nothing else, between IPv4 addresses. SAs belong to their
// policies by ReqID. No SA and no policy names an interface: a selector with the
// index of a VRF does not match packets that leave through it, and GRE would go
// out in clear.
//
// It exists beside vishvananda/netlink because that library cannot express
// replay windows above 32 without ESN, and reads no ACQUIRE and no MAPPING
// event.
//
// SPIs are the caller's to choose at random: one that is taken shows as EEXIST
// from AddSA, and no larval SA has to be reserved, timed and cleaned up.
package xfrm

import (
	"fmt"
	"net/netip"
)

// SA is one direction of an ESP security association in transport mode.
type SA struct {
	Src, Dst netip.Addr
	SPI      uint32
	// ReqID ties the SA to the policies whose template bears the same number.
	ReqID uint32
	// Encap is the UDP encapsulation of RFC 3948, nil for bare ESP. The kernel
	// takes only packets of the same form.
	Encap *Encap
	// Either AEAD, or Crypt and Auth.
	AEAD, Crypt, Auth *Algorithm
	// ReplayWindow is in packets: at least 32 on an inbound SA, 0 on an outbound
	// one.
	ReplayWindow uint32
	ESN          bool
	// SoftPackets, HardPackets, SoftBytes and HardBytes bound the use of the
	// keys; the kernel sends an Expire event at the first packet beyond each.
	// Zero means no limit. There are no time limits: the kernel measures them on
	// the wall clock, which may jump.
	SoftPackets, HardPackets uint64
	SoftBytes, HardBytes     uint64
	// In says that packets arrive on this SA.
	In bool
}

// ID returns what names the SA in the kernel.
func (sa *SA) ID() ID { return ID{Dst: sa.Dst, SPI: sa.SPI} }

// Encap are the UDP ports of ESP-in-UDP, as seen on the wire here.
type Encap struct{ SrcPort, DstPort uint16 }

// ID names an SA in the kernel.
type ID struct {
	Dst netip.Addr
	SPI uint32
}

// String returns the ID as `ip xfrm state` has it.
func (id ID) String() string { return fmt.Sprintf("%s spi %#08x", id.Dst, id.SPI) }

// Counters is what an SA has carried.
type Counters struct {
	Bytes, Packets       uint64
	ReplayErrors, BadICV uint64
	// LastSequence is the highest sequence number sent, or received and
	// verified, with its upper half under ESN.
	LastSequence uint64
}

// State is an SA as the kernel has it. Its keys are in it.
type State struct {
	SA
	Counters
	// replay is the kernel's own record, kept to move the SA (Handle.MoveSA).
	replay replay
}
