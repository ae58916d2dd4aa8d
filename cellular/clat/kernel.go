package clat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
	"github.com/farspoke/farspoke/internal/nl"
)

// kernel is what a CLAT needs of Linux.
type kernel interface {
	// Listen opens the underlay's link to its routers.
	Listen(Underlay) (routers, error)
	// Ask asks a name server, by the routes of the underlay's VRF, which NAT64 the
	// network has.
	Ask(ctx context.Context, u Underlay, server netip.Addr) ([]nat64.Offer, error)
	// Create makes the TUN device, with its addresses and routes, and leads what is
	// sent to our address in the network into it. Closing the device takes all of
	// that away.
	Create(u Underlay, ours6 netip.Addr) (device, error)
}

// routers are those of a link.
type routers interface {
	// Solicit asks them to advertise.
	Solicit() error
	// Receive returns the next packet of IPv6 that may be an advertisement.
	Receive() ([]byte, error)
	// Close ends Receive.
	Close() error
}

// device is a TUN device: each Read and each Write is one packet.
type device interface {
	io.ReadWriteCloser
	Index() int
	// SetMetric gives the IPv4 default route another metric.
	SetMetric(int) error
}

// linux is the kernel the process runs on.
type linux struct{}

// Create implements kernel.
func (linux) Create(u Underlay, ours6 netip.Addr) (device, error) {
	table, master := unix.RT_TABLE_MAIN, 0
	if u.VRF != "" {
		var err error
		if table, master, err = nl.VRFTable(u.VRF); err != nil {
			return nil, err
		}
	}
	t, err := openTUN(u.Device)
	if err != nil {
		return nil, err
	}
	t.underlay, t.proxied = u.Index, ours6
	if err := t.configure(u, ours6, master, table); err != nil {
		return nil, errors.Join(fmt.Errorf("set up %s: %w", u.Device, err), t.Close())
	}
	return t, nil
}

// configure puts the device into the VRF and gives it what it needs, the way for IPv6
// first: with the default route packets come.
func (t *tun) configure(u Underlay, ours6 netip.Addr, master, table int) error {
	// The kernel makes no IPv6 address for it, so that it says nothing by itself.
	if err := setParameter(u.Device, "addr_gen_mode", "1"); err != nil {
		return err
	}
	if err := netlink.LinkSetMasterByIndex(t.link, master); err != nil {
		return fmt.Errorf("put it into VRF %q: %w", u.VRF, err)
	}
	if err := netlink.LinkSetMTU(t.link, u.MTU); err != nil {
		return fmt.Errorf("set MTU %d: %w", u.MTU, err)
	}
	if err := netlink.LinkSetUp(t.link); err != nil {
		return fmt.Errorf("set it up: %w", err)
	}
	in, out := routes(t.Index(), u, ours6, table)
	if err := netlink.RouteReplace(&in); err != nil {
		return fmt.Errorf("add route %v: %w", in, err)
	}
	if err := t.answerFor(u, ours6); err != nil {
		return err
	}
	// The default route's source must be there first.
	address := &netlink.Addr{IPNet: nl.IPNet(netip.PrefixFrom(u.Address4, 32))}
	if err := netlink.AddrAdd(t.link, address); err != nil {
		return fmt.Errorf("add address %v: %w", u.Address4, err)
	}
	if err := netlink.RouteAdd(&out); err != nil {
		return fmt.Errorf("add route %v: %w", out, err)
	}
	t.out = out
	return nil
}

// routes returns the two that a CLAT needs: from the network into the device, and out
// by it.
func routes(index int, u Underlay, ours6 netip.Addr, table int) (in, out netlink.Route) {
	in = netlink.Route{
		Family: unix.AF_INET6, LinkIndex: index, Table: table, Protocol: nl.ProtocolUplink,
		Dst: nl.IPNet(netip.PrefixFrom(ours6, 128)),
	}
	out = netlink.Route{
		Family: unix.AF_INET, LinkIndex: index, Table: table, Protocol: nl.ProtocolUplink,
		Dst: nl.IPNet(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), Src: u.Address4.AsSlice(), Priority: u.Metric,
		Gw: gateway.AsSlice(), Flags: int(netlink.FLAG_ONLINK), MTU: u.MTU - longer,
	}
	return in, out
}

// answerFor has the kernel answer neighbours on the underlay who look for our address.
func (t *tun) answerFor(u Underlay, ours6 netip.Addr) error {
	if err := setParameter(u.Link, "proxy_ndp", "1"); err != nil {
		return err
	}
	if err := netlink.NeighSet(proxy(u.Index, ours6)); err != nil {
		return fmt.Errorf("answer for %v on %s: %w", ours6, u.Link, err)
	}
	return nil
}

func proxy(index int, address netip.Addr) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: index, Family: unix.AF_INET6, Flags: netlink.NTF_PROXY, State: netlink.NUD_PERMANENT, IP: address.AsSlice(),
	}
}

// setParameter sets a parameter of IPv6 of a link (Linux
// Documentation/networking/ip-sysctl.rst).
func setParameter(link, name, value string) error {
	return os.WriteFile("/proc/sys/net/ipv6/conf/"+link+"/"+name, []byte(value), 0)
}
