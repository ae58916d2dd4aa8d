package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// listen opens the socket for one port, bound to a VRF device unless vrf is
// empty. Nothing in it takes time.
func listen(vrf string, port uint16) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = prepare(int(fd), vrf, port) }), err)
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", net.JoinHostPort("", strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("open UDP port %d for IKE: %w", port, err)
	}
	return conn.(*net.UDPConn), nil
}

// adopt returns the connection of an inherited socket. One whose VRF was removed
// meanwhile is of no use, even if there is a new one of the same name.
func adopt(vrf string, port uint16, file *os.File) (*net.UDPConn, error) {
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, fmt.Errorf("adopt socket of UDP port %d: %w", port, err)
	}
	socket, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("adopt socket of UDP port %d: it is not of UDP", port), conn.Close())
	}
	if bound := socket.LocalAddr().(*net.UDPAddr).Port; bound != int(port) {
		err = fmt.Errorf("it is of port %d", bound)
	} else {
		err = checkDevice(socket, vrf)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("adopt socket of UDP port %d: %w", port, err), socket.Close())
	}
	return socket, nil
}

// checkDevice reports a socket that is not bound to the device.
func checkDevice(socket *net.UDPConn, device string) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var bound string
	var asked error
	err = raw.Control(func(fd uintptr) {
		bound, asked = unix.GetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
	})
	if err := errors.Join(err, asked); err != nil {
		return fmt.Errorf("ask for its device: %w", err)
	}
	if bound != device {
		return fmt.Errorf("it is bound to %q, not to %q", bound, device)
	}
	return nil
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
	if port != Port {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_ENCAP, unix.UDP_ENCAP_ESPINUDP); err != nil {
			return fmt.Errorf("let the kernel take ESP-in-UDP: %w", err)
		}
	}
	return xfrm.BypassSocket(fd)
}

// isICMP reports whether a socket's error is what an ICMP message has left on it.
func isICMP(err error) bool {
	for _, errno := range []unix.Errno{
		unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET,
		unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.EMSGSIZE, unix.EPROTO,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
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
