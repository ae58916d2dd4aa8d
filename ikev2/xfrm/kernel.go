package xfrm

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// The kernel's structures of linux/xfrm.h as 64-bit machines lay them out, with
// padding spelt out for encoding/binary. Integers are in the machine's order
// except where the type is be16 or be32.
type (
	address [16]byte
	be16    [2]byte
	be32    [4]byte

	selector struct {
		Dst, Src             address
		DstPort, DstPortMask be16
		SrcPort, SrcPortMask be16
		Family               uint16
		DstLen, SrcLen       uint8
		Proto                uint8
		_                    [3]byte
		Ifindex              int32
		User                 uint32
	}

	xfrmID struct {
		Dst   address
		SPI   be32
		Proto uint8
		_     [3]byte
	}

	lifetimeConfig struct {
		SoftBytes, HardBytes           uint64
		SoftPackets, HardPackets       uint64
		SoftAddSeconds, HardAddSeconds uint64
		SoftUseSeconds, HardUseSeconds uint64
	}

	lifetimeCurrent struct{ Bytes, Packets, AddTime, UseTime uint64 }

	// saInfo is struct xfrm_usersa_info.
	saInfo struct {
		Selector        selector
		ID              xfrmID
		Src             address
		Limits          lifetimeConfig
		Current         lifetimeCurrent
		WindowErrors    uint32
		ReplayErrors    uint32
		IntegrityErrors uint32
		Seq, ReqID      uint32
		Family          uint16
		Mode            uint8
		ReplayWindow    uint8
		Flags           uint8
		_               [7]byte
	}

	// saID is struct xfrm_usersa_id.
	saID struct {
		Dst    address
		SPI    be32
		Family uint16
		Proto  uint8
		_      byte
	}

	// policyInfo is struct xfrm_userpolicy_info.
	policyInfo struct {
		Selector        selector
		Limits          lifetimeConfig
		Current         lifetimeCurrent
		Priority, Index uint32
		Dir             uint8
		Action          uint8
		Flags, Share    uint8
		_               [4]byte
	}

	// policyID is struct xfrm_userpolicy_id.
	policyID struct {
		Selector selector
		Index    uint32
		Dir      uint8
		_        [3]byte
	}

	// template is struct xfrm_user_tmpl.
	template struct {
		ID                  xfrmID
		Family              uint16
		_                   [2]byte
		Src                 address
		ReqID               uint32
		Mode, Share         uint8
		Optional            uint8
		_                   byte
		Auths, Crypts, Comp uint32
	}

	// encapTemplate is struct xfrm_encap_tmpl.
	encapTemplate struct {
		Type             uint16
		SrcPort, DstPort be16
		_                [2]byte
		Original         address
	}

	// replayState is struct xfrm_replay_state, the kernel's default form.
	replayState struct{ OutSeq, Seq, Bitmap uint32 }

	// replayESN heads struct xfrm_replay_state_esn; Words words of bitmap follow.
	replayESN struct {
		Words               uint32
		OutSeq, Seq         uint32
		OutSeqHigh, SeqHigh uint32
		Window              uint32
	}

	acquireInfo struct {
		ID                  xfrmID
		Src                 address
		Selector            selector
		Policy              policyInfo
		Auths, Crypts, Comp uint32
		Seq                 uint32
	}

	expireInfo struct {
		SA   saInfo
		Hard uint8
		_    [7]byte
	}

	mappingInfo struct {
		ID               saID
		ReqID            uint32
		OldSrc, NewSrc   address
		OldPort, NewPort be16
	}
)

// Message types, XFRM_MSG_*.
const (
	msgNewSA     = 0x10
	msgDelSA     = 0x11
	msgGetSA     = 0x12
	msgDelPolicy = 0x14
	msgGetPolicy = 0x15
	msgAcquire   = 0x17
	msgExpire    = 0x18
	msgUpdPolicy = 0x19
	msgUpdSA     = 0x1a
	msgMapping   = 0x26
)

// Attribute types, XFRMA_*.
const (
	attrCrypt         = 2
	attrEncap         = 4
	attrTemplates     = 5
	attrReplay        = 10
	attrAEAD          = 18
	attrAuthTruncated = 20
	attrReplayESN     = 23
	attrMappingPause  = 32
	attrDirection     = 33
)

// Multicast groups, XFRMNLGRP_*.
const (
	groupAcquire = 1
	groupExpire  = 2
	groupMapping = 8
)

const (
	familyIPv4 = 2 // AF_INET

	protoGRE = 47
	protoESP = 50

	modeTransport = 0    // XFRM_MODE_TRANSPORT
	flagESN       = 0x80 // XFRM_STATE_ESN

	directionIn  = 1 // XFRM_SA_DIR_IN
	directionOut = 2 // XFRM_SA_DIR_OUT

	encapESPInUDP = 2 // UDP_ENCAP_ESPINUDP

	unlimited = ^uint64(0) // XFRM_INF
	anyAlgo   = ^uint32(0)
)

var native = binary.NativeEndian

// pack returns the bytes of one of the structures above.
func pack(v any) []byte {
	b, err := binary.Append(nil, native, v)
	if err != nil {
		panic(err) // not a fixed-size structure: a mistake in this package
	}
	return b
}

// unpack fills v, a pointer to one of the structures above, from the start of b
// and returns what follows.
func unpack(b []byte, v any) (rest []byte, err error) {
	n, err := binary.Decode(b, native, v)
	if err != nil {
		return nil, fmt.Errorf("message has %d octets where %d are due: %w", len(b), binary.Size(v), err)
	}
	return b[n:], nil
}

// packAddr puts an IPv4 address at the start of the field.
func packAddr(a netip.Addr) (out address) {
	if a.Is4() {
		b := a.As4()
		copy(out[:], b[:])
	}
	return out
}

// unpackAddr is the inverse of packAddr; everything here is IPv4.
func unpackAddr(a address) netip.Addr { return netip.AddrFrom4([4]byte(a[:4])) }

func packPort(p uint16) (out be16) {
	binary.BigEndian.PutUint16(out[:], p)
	return out
}

func unpackPort(p be16) uint16 { return binary.BigEndian.Uint16(p[:]) }

func packSPI(spi uint32) (out be32) {
	binary.BigEndian.PutUint32(out[:], spi)
	return out
}

func unpackSPI(spi be32) uint32 { return binary.BigEndian.Uint32(spi[:]) }
