// Package ndpconn reaches the routers of a link by a packet socket: the firewall has
// no say in this, and the kernel, which listens to no router, keeps nothing of it.
package ndpconn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/ndp"
)

// maxAdvertisement is the largest packet that is read, in octets.
const maxAdvertisement = 2048

// advertisements takes packets of IPv6 that are Router Advertisements without
// extension headers, and no others.
var advertisements = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 6, Size: 1}, // the next header
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 58, SkipTrue: 3},
	bpf.LoadAbsolute{Off: 40, Size: 1}, // the type of the message
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 134, SkipTrue: 1},
	bpf.RetConstant{Val: maxAdvertisement},
	bpf.RetConstant{Val: 0},
}

// allRoutersMAC is where Ethernet sends what is for ndp.AllRouters (RFC 2464, 7).
// Other links do not look at it.
var allRoutersMAC = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 2}

// Conn is open to the routers of one link.
type Conn struct {
	conn *packet.Conn
	link string
}

// Listen hears the routers of a link from now on.
func Listen(link string, index int) (*Conn, error) {
	filter, err := bpf.Assemble(advertisements)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter for Router Advertisements: %w", err)
	}
	conn, err := packet.Listen(&net.Interface{Name: link, Index: index}, packet.Datagram, unix.ETH_P_IPV6, &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("listen to the routers of %s: %w", link, err)
	}
	return &Conn{conn, link}, nil
}

// Solicit asks them to advertise. from is our address on the link alone; without a
// valid one they answer to all.
func (c *Conn) Solicit(from netip.Addr) error {
	if _, err := c.conn.WriteTo(ndp.Solicitation(from), &packet.Addr{HardwareAddr: allRoutersMAC}); err != nil {
		return fmt.Errorf("solicit the routers of %s: %w", c.link, err)
	}
	return nil
}

// Receive returns the next packet of IPv6 that may be an advertisement.
func (c *Conn) Receive() ([]byte, error) {
	b := make([]byte, maxAdvertisement)
	for {
		n, _, err := c.conn.ReadFrom(b)
		if errors.Is(err, unix.ENETDOWN) {
			continue // said once when the link goes down; the socket lives on
		}
		if err != nil {
			return nil, fmt.Errorf("hear the routers of %s: %w", c.link, err)
		}
		return b[:n], nil
	}
}

// Close ends Receive.
func (c *Conn) Close() error { return c.conn.Close() }
