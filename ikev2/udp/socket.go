package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// listen opens the socket for one port, bound to a VRF device unless vrf is
// empty.
func listen(ctx context.Context, vrf string, port uint16) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = prepare(int(fd), vrf, port) }), err)
	}}
	conn, err := config.ListenPacket(ctx, "udp4", net.JoinHostPort("", strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("open UDP port %d for IKE: %w", port, err)
	}
	return conn.(*net.UDPConn), nil
}

// prepare sets the options of a socket before it is bound.
func prepare(fd int, vrf string, port uint16) error {
	if vrf != "" {
		if err := unix.BindToDevice(fd, vrf); err != nil {
			return fmt.Errorf("bind to VRF %s (does it exist?): %w", vrf, err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		return fmt.Errorf("ask for local addresses: %w", err)
	}
	// IKE does not discover path MTUs: let the network fragment what is too big.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT); err != nil {
		return fmt.Errorf("clear the don't-fragment bit: %w", err)
	}
	if port == PortNAT {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_ENCAP, unix.UDP_ENCAP_ESPINUDP); err != nil {
			return fmt.Errorf("let the kernel take ESP-in-UDP: %w", err)
		}
	}
	return xfrm.BypassSocket(fd)
}

// controlSize holds the control message of IP_PKTINFO.
var controlSize = unix.CmsgSpace(unix.SizeofInet4Pktinfo)

// localAddr returns the address a datagram was sent to.
func localAddr(control []byte) (netip.Addr, error) {
	var m ipv4.ControlMessage
	if err := m.Parse(control); err != nil {
		return netip.Addr{}, err
	}
	addr, ok := netip.AddrFromSlice(m.Dst.To4())
	if !ok {
		return netip.Addr{}, errors.New("no destination address in the control message")
	}
	return addr, nil
}

// fromAddr returns the control message that makes a datagram leave from an
// address, none for the unspecified one.
func fromAddr(local netip.Addr) []byte {
	if local.IsUnspecified() {
		return nil
	}
	return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.As4()})
}
