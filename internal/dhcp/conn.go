package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// maxPacket is the largest packet read. Our own limit (option 57) keeps
// servers below it.
const maxPacket = 2048

// broadcast is the Ethernet address of all stations.
var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// linkConn is a Conn on an Ethernet link. It receives, and sends to all, by a
// packet socket, which needs no address and sees what the firewall drops. To a
// server it sends by a UDP socket bound to the link, so that the kernel finds
// the next hop by the VRF's routes.
type linkConn struct {
	link   string
	packet *packet.Conn

	mu  sync.Mutex
	udp *net.UDPConn // from our address; it stays open so that answers meet no ICMP error
}

// Listen opens a Conn on the link of the given name and index.
func Listen(link string, index int) (Conn, error) {
	raw, err := bpf.Assemble(filter)
	if err != nil {
		return nil, fmt.Errorf("assemble DHCP filter: %w", err)
	}
	conn, err := packet.Listen(&net.Interface{Name: link, Index: index}, packet.Datagram, unix.ETH_P_IP, &packet.Config{Filter: raw})
	if err != nil {
		return nil, fmt.Errorf("open DHCP packet socket on %s: %w", link, err)
	}
	return &linkConn{link: link, packet: conn}, nil
}

func (c *linkConn) Broadcast(message []byte) error {
	if _, err := c.packet.WriteTo(broadcastPacket(message), &packet.Addr{HardwareAddr: broadcast}); err != nil {
		return fmt.Errorf("broadcast DHCP message on %s: %w", c.link, err)
	}
	return nil
}

func (c *linkConn) Unicast(message []byte, from, to netip.Addr) error {
	conn, err := c.dial(from)
	if err == nil {
		_, err = conn.WriteToUDPAddrPort(message, netip.AddrPortFrom(to, serverPort))
	}
	if err != nil {
		return fmt.Errorf("send DHCP message on %s to %v: %w", c.link, to, err)
	}
	return nil
}

// dial returns the UDP socket bound to our address, and opens it anew if the
// address has changed.
func (c *linkConn) dial(from netip.Addr) (*net.UDPConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	local := netip.AddrPortFrom(from, clientPort)
	if c.udp != nil {
		if c.udp.LocalAddr().(*net.UDPAddr).AddrPort() == local {
			return c.udp, nil
		}
		c.udp.Close()
		c.udp = nil
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) {
			if err = unix.BindToDevice(int(fd), c.link); err == nil {
				// Nobody reads it: the packet socket does.
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 0)
			}
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", local.String())
	if err != nil {
		return nil, err
	}
	c.udp = conn.(*net.UDPConn)
	return c.udp, nil
}

func (c *linkConn) Receive() ([]byte, error) {
	buf := make([]byte, maxPacket)
	for {
		n, _, err := c.packet.ReadFrom(buf)
		if errors.Is(err, unix.ENETDOWN) {
			continue // said once when the link goes down; the socket lives on
		}
		if err != nil {
			return nil, fmt.Errorf("receive DHCP messages on %s: %w", c.link, err)
		}
		if message, _, err := unwrap(buf[:n]); err == nil {
			return message, nil
		}
	}
}

func (c *linkConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.udp != nil {
		c.udp.Close()
	}
	return c.packet.Close()
}
