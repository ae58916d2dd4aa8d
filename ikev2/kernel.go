package ikev2

import (
	"context"
	"net/netip"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// Modules are the kernel modules that IPsec needs.
var Modules = xfrm.Modules

// Kernel holds the SAs and policies. *xfrm.Handle is one.
type Kernel interface {
	AddSA(xfrm.SA) error
	UpdateSA(xfrm.SA) error
	MoveSA(old xfrm.ID, sa xfrm.SA) error
	DeleteSA(xfrm.ID) error
	SAs(reqID uint32) ([]xfrm.State, error)
	PutPolicy(xfrm.Policy) error
	Policies() ([]xfrm.Policy, error)
}

// Monitor tells of what happens to the SAs. *xfrm.Monitor is one.
type Monitor interface {
	Run(ctx context.Context, handle func(xfrm.Event)) error
}

// Socket carries IKE messages. *udp.Conn is one.
type Socket interface {
	Run(ctx context.Context) error
	Packets() <-chan udp.Packet
	Send(udp.Packet) error
	Keepalive(local, remote netip.AddrPort) error
	// Retain keeps these ports open beside 500 and 4500, and no others.
	Retain(ports ...uint16) error
}

// ReqID marks our SAs and policies in the kernel.
const ReqID = 0x66737001

const (
	// replayWindow is in packets; a radio link reorders more than the 32 that
	// are usual.
	replayWindow = 256
	// softPackets and hardPackets keep the sequence numbers from running out
	// (RFC 4303 section 3.3.3); ones of 64 bits would last longer than any key
	// should.
	softPackets = 3 << 30
	hardPackets = 1<<32 - 1
	// softBytes and hardBytes keep the chance that two blocks of AES collide
	// under one key below 2^-60: that is what 2^34 blocks of 16 octets bring
	// about, in CBC (NIST SP 800-38A) and in GCM alike.
	softBytes = 3 << 36
	hardBytes = 1 << 38
)

// kernelSA returns an SA as the kernel is to have it.
func kernelSA(sa session.SA) xfrm.SA {
	aead, crypt, auth := sa.Suite.Kernel(sa.Keys)
	k := xfrm.SA{
		Src: sa.Local.Addr(), Dst: sa.Remote.Addr(), SPI: sa.SPI, ReqID: ReqID,
		AEAD: kernelAlgorithm(aead), Crypt: kernelAlgorithm(crypt), Auth: kernelAlgorithm(auth),
		ESN: sa.Suite.ESN, SoftPackets: softPackets, HardPackets: hardPackets, SoftBytes: softBytes, HardBytes: hardBytes,
	}
	from, to := sa.Local, sa.Remote
	if sa.Inbound {
		from, to = to, from
		k.Src, k.Dst, k.In, k.ReplayWindow = from.Addr(), to.Addr(), true, replayWindow
	}
	if sa.Encap {
		k.Encap = &xfrm.Encap{SrcPort: from.Port(), DstPort: to.Port()}
	}
	return k
}

func kernelAlgorithm(k *suite.Kernel) *xfrm.Algorithm {
	if k == nil {
		return nil
	}
	return &xfrm.Algorithm{Name: k.Name, Key: k.Key, ICVBits: k.ICVBits}
}

// kernelID returns the kernel's name of an SA.
func kernelID(sa session.SA) xfrm.ID {
	to := sa.Remote
	if sa.Inbound {
		to = sa.Local
	}
	return xfrm.ID{Dst: to.Addr(), SPI: sa.SPI}
}
