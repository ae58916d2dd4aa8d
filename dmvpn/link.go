package dmvpn

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/packet"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// nhrpSocket is a packet socket on an mGRE device: what is the hardware address
// elsewhere is the NBMA address here.
type nhrpSocket struct{ conn *packet.Conn }

// Listen implements Kernel.
func (Netlink) Listen(index int) (Link, error) {
	conn, err := packet.Listen(&net.Interface{Index: index}, packet.Datagram, nhrp.EtherType, nil)
	if err != nil {
		return nil, err
	}
	return nhrpSocket{conn}, nil
}

// Send implements Link.
func (s nhrpSocket) Send(nbma netip.Addr, b []byte) error {
	_, err := s.conn.WriteTo(b, &packet.Addr{HardwareAddr: nbma.AsSlice()})
	return err
}

// Receive implements Link.
func (s nhrpSocket) Receive(b []byte) (int, netip.Addr, error) {
	n, from, err := s.conn.ReadFrom(b)
	if err != nil {
		return 0, netip.Addr{}, err
	}
	nbma, ok := netip.AddrFromSlice(from.(*packet.Addr).HardwareAddr)
	if !ok {
		return 0, netip.Addr{}, fmt.Errorf("packet from %s, which is no IP address: is the device GRE?", from)
	}
	return n, nbma, nil
}

// Close implements Link.
func (s nhrpSocket) Close() error { return s.conn.Close() }
