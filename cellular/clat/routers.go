package clat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
	"github.com/farspoke/farspoke/internal/nl"
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

// allRoutersMAC is where Ethernet sends what is for nat64.AllRouters (RFC 2464, 7).
// Other links do not look at it.
var allRoutersMAC = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 2}

// packetRouters are the routers of a link, by a packet socket: the firewall has no
// say in this, and the kernel, which listens to no router, keeps nothing of it.
type packetRouters struct {
	*packet.Conn
	underlay Underlay
}

// Listen implements kernel.
func (linux) Listen(u Underlay) (routers, error) {
	filter, err := bpf.Assemble(advertisements)
	if err != nil {
		return nil, fmt.Errorf("assemble the filter for Router Advertisements: %w", err)
	}
	conn, err := packet.Listen(&net.Interface{Name: u.Link, Index: u.Index}, packet.Datagram, unix.ETH_P_IPV6, &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("listen to the routers of %s: %w", u.Link, err)
	}
	return &packetRouters{conn, u}, nil
}

// Solicit implements routers.
func (r *packetRouters) Solicit() error {
	from, err := linkLocal(r.underlay)
	if err != nil {
		return err
	}
	if _, err := r.WriteTo(nat64.Solicitation(from), &packet.Addr{HardwareAddr: allRoutersMAC}); err != nil {
		return fmt.Errorf("solicit the routers of %s: %w", r.underlay.Link, err)
	}
	return nil
}

// linkLocal returns our address for the link alone, not valid if there is none.
func linkLocal(u Underlay) (netip.Addr, error) {
	link := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: u.Link, Index: u.Index}}
	all, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, unix.AF_INET6) })
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list addresses of %s: %w", u.Link, err)
	}
	for _, a := range all {
		if address := nl.Prefix(a.IPNet).Addr(); address.IsLinkLocalUnicast() {
			return address, nil
		}
	}
	return netip.Addr{}, nil
}

// Receive implements routers.
func (r *packetRouters) Receive() ([]byte, error) {
	b := make([]byte, maxAdvertisement)
	for {
		n, _, err := r.ReadFrom(b)
		if errors.Is(err, unix.ENETDOWN) {
			continue // said once when the link goes down; the socket lives on
		}
		if err != nil {
			return nil, fmt.Errorf("hear the routers of %s: %w", r.underlay.Link, err)
		}
		return b[:n], nil
	}
}
