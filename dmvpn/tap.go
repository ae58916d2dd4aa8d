package dmvpn

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/socket"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// virtioHeader is the size of struct virtio_net_hdr, which precedes each
	// frame and says what of it, such as a checksum, is left to the device.
	virtioHeader = 10
	// outerDst is where a frame of an mGRE device has the address on the
	// underlay: the device's link layer header is the outer IP header.
	outerDst = virtioHeader + 16
	// maxFrame is the largest frame: GRE over IPv4, with room for a packet that
	// the device would still have to segment.
	maxFrame = virtioHeader + 20 + 16 + 1<<16
)

// leavingForGroup passes packets that leave for 224.0.0.0/4. The kernel refuses to
// send multicast of IPv6 over mGRE.
var leavingForGroup = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 5},
	bpf.LoadExtension{Num: bpf.ExtProto},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 3},
	bpf.LoadAbsolute{Off: inner + 16, Size: 1},
	bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xe0, SkipTrue: 1},
	bpf.RetConstant{Val: 0},
	bpf.RetConstant{Val: maxFrame},
}

// inner is SKF_NET_OFF of linux/filter.h: where the inner IP header is, whatever
// precedes it.
const inner = 1<<32 - 0x100000

// tap is a packet socket that gets what leaves an mGRE device, and none of what
// it sends itself. The kernel hands packets to such sockets before it looks for
// a way to the group, and so before IPsec drops them.
type tap struct {
	conn  *socket.Conn
	buf   [maxFrame]byte
	frame []byte
	to    unix.SockaddrLinklayer
}

// Tap implements Kernel.
func (Netlink) Tap(index int) (Tap, error) {
	filter, err := bpf.Assemble(leavingForGroup)
	if err != nil {
		return nil, err
	}
	// Without a protocol nothing is received until there is a filter.
	conn, err := socket.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0, "packet", nil)
	if err != nil {
		return nil, err
	}
	t := &tap{conn: conn, to: unix.SockaddrLinklayer{Ifindex: index, Protocol: networkOrder(unix.ETH_P_IP)}}
	if err := t.open(filter); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return t, nil
}

func (t *tap) open(filter []bpf.RawInstruction) error {
	if err := t.conn.SetBPF(filter); err != nil {
		return fmt.Errorf("set filter: %w", err)
	}
	// A copy of UDP would else leave with the checksum that the kernel has not
	// finished yet.
	if err := t.conn.SetsockoptInt(unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		return fmt.Errorf("ask for unfinished checksums: %w", err)
	}
	return t.conn.Bind(&unix.SockaddrLinklayer{Ifindex: t.to.Ifindex, Protocol: networkOrder(unix.ETH_P_ALL)})
}

// networkOrder returns n as sockaddr_ll has its protocol.
func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// Next implements Tap.
func (t *tap) Next() error {
	for {
		n, _, err := t.conn.Recvfrom(context.Background(), t.buf[:], 0)
		if err != nil {
			return err
		}
		// One that is shorter has no outer header, so the device is no mGRE.
		if n >= outerDst+4 {
			t.frame = t.buf[:n]
			return nil
		}
	}
}

// Send implements Tap.
func (t *tap) Send(nbma netip.Addr) error {
	copy(t.frame[outerDst:outerDst+4], nbma.AsSlice())
	return t.conn.Sendto(context.Background(), t.frame, 0, &t.to)
}

// Close implements Tap.
func (t *tap) Close() error { return t.conn.Close() }
