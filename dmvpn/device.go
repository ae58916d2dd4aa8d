package dmvpn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

const (
	// greKey is GRE_KEY of linux/if_tunnel.h, big endian as package netlink
	// has it.
	greKey = 0x2000
	// outerTTL is that of the outer header. A fixed one is what lets the
	// kernel do path MTU discovery on the outside.
	outerTTL = 64
	// alias marks a device as ours (ifalias).
	alias = "farspoke tunnel"
)

// EnsureDevice implements Kernel. A device of ours that differs in what cannot
// be changed under traffic is made anew.
func (Netlink) EnsureDevice(d Device) (index int, err error) {
	underlay, err := vrfIndex(d.Underlay)
	if err != nil {
		return 0, err
	}
	master, err := vrfIndex(d.VRF)
	if err != nil {
		return 0, err
	}
	link, err := ensureGRE(greOf(d, underlay))
	if err != nil {
		return 0, err
	}
	attrs := link.Attrs()
	if attrs.MasterIndex != master {
		// Index 0 takes a link out of its VRF.
		if err := netlink.LinkSetMasterByIndex(link, master); err != nil {
			return 0, fmt.Errorf("move to VRF %q: %w", d.VRF, err)
		}
	}
	if attrs.MTU > d.MTU {
		if err := netlink.LinkSetMTU(link, d.MTU); err != nil {
			return 0, fmt.Errorf("set MTU %d: %w", d.MTU, err)
		}
	}
	if attrs.RawFlags&unix.IFF_NOARP != 0 {
		// With it the kernel takes each next hop for itself.
		if err := netlink.LinkSetARPOn(link); err != nil {
			return 0, fmt.Errorf("clear NOARP: %w", err)
		}
	}
	if err := setSysctls(d.Name, d.Solicit); err != nil {
		return 0, err
	}
	if err := setAddress(link, d.Address); err != nil {
		return 0, err
	}
	if attrs.Flags&net.FlagUp == 0 {
		if err := netlink.LinkSetUp(link); err != nil {
			return 0, fmt.Errorf("set up: %w", err)
		}
	}
	return attrs.Index, nil
}

// SetMTU implements Kernel.
func (Netlink) SetMTU(index, mtu int) error {
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		return fmt.Errorf("set MTU %d: %w", mtu, err)
	}
	if link.Attrs().MTU == mtu {
		return nil
	}
	if err := netlink.LinkSetMTU(link, mtu); err != nil {
		return fmt.Errorf("set MTU %d of %s: %w", mtu, link.Attrs().Name, err)
	}
	return nil
}

// vrfIndex returns the index of the named VRF device, 0 for the main table.
func vrfIndex(name string) (index int, err error) {
	if name == "" {
		return 0, nil
	}
	_, index, err = nl.VRFTable(name)
	return index, err
}

// greOf returns the device d in the library's terms.
func greOf(d Device, underlay int) *netlink.Gretun {
	gre := &netlink.Gretun{
		LinkAttrs: netlink.LinkAttrs{Name: d.Name, MTU: d.MTU},
		Link:      uint32(underlay),
		Local:     net.IPv4zero,
		Remote:    net.IPv4zero,
		Ttl:       outerTTL,
		PMtuDisc:  1,
	}
	if d.Key != nil {
		// The flag stands for the key: one of 0 is not written otherwise.
		gre.IKey, gre.OKey = *d.Key, *d.Key
		gre.IFlags, gre.OFlags = greKey, greKey
	}
	return gre
}

// ensureGRE returns the device as the kernel has it, made if need be.
func ensureGRE(want *netlink.Gretun) (netlink.Link, error) {
	link, err := netlink.LinkByName(want.Name)
	if err == nil {
		have, ok := link.(*netlink.Gretun)
		if !ok {
			return nil, fmt.Errorf("a link of that name exists and is a %s", link.Type())
		}
		if sameGRE(have, want) {
			return have, nil
		}
		if err := netlink.LinkDel(have); err != nil {
			return nil, fmt.Errorf("remove the device with the former key or underlay: %w", err)
		}
	} else if _, absent := errors.AsType[netlink.LinkNotFoundError](err); !absent {
		return nil, err
	}
	if err := netlink.LinkAdd(want); errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("create: another tunnel on this underlay has the same key: %w", err)
	} else if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	link, err = netlink.LinkByName(want.Name)
	if err != nil {
		return nil, err
	}
	if err := netlink.LinkSetAlias(link, alias); err != nil {
		return nil, fmt.Errorf("mark as ours: %w", err)
	}
	return link, nil
}

// Prune removes the devices of tunnels that an earlier configuration had and
// that are not among those to keep.
func (Netlink) Prune(keep []string) error {
	links, err := nl.List(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, link := range links {
		attrs := link.Attrs()
		if attrs.Alias != alias || slices.Contains(keep, attrs.Name) {
			continue
		}
		if err := netlink.LinkDel(link); err != nil {
			return fmt.Errorf("remove tunnel device %s: %w", attrs.Name, err)
		}
	}
	return nil
}

// sameGRE compares what only a new device could change.
func sameGRE(have, want *netlink.Gretun) bool {
	// What is read back has the underlay among the attributes of every link.
	return have.ParentIndex == int(want.Link) && have.IKey == want.IKey && have.OKey == want.OKey &&
		have.IFlags == want.IFlags && have.OFlags == want.OFlags &&
		have.Local.Equal(want.Local) && have.Remote.Equal(want.Remote) &&
		have.Ttl == want.Ttl && have.PMtuDisc == want.PMtuDisc
}

// setAddress makes prefix the device's only address of global scope.
func setAddress(link netlink.Link, prefix netip.Prefix) error {
	addresses, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	present := false
	for _, a := range addresses {
		if a.Scope != unix.RT_SCOPE_UNIVERSE {
			continue
		}
		if a.IPNet.String() == prefix.String() {
			present = true
			continue
		}
		if err := netlink.AddrDel(link, &a); err != nil {
			return fmt.Errorf("remove address %s: %w", a.IPNet, err)
		}
	}
	if present {
		return nil
	}
	// There is no broadcast on mGRE, so no address for it either.
	a := &netlink.Addr{IPNet: nl.IPNet(prefix), Broadcast: net.IPv4zero}
	if prefix.Addr().Is6() {
		a.Broadcast = nil
		// There is nobody to ask whether the address is taken.
		a.Flags = unix.IFA_F_NODAD
	}
	if err := netlink.AddrAdd(link, a); err != nil {
		return fmt.Errorf("add address %s: %w", prefix, err)
	}
	return nil
}

// setSysctls tells the kernel how a device without broadcast and with paths of
// several lengths behaves.
func setSysctls(name string, solicit bool) error {
	asked := "0"
	if solicit {
		asked = "1"
	}
	for _, s := range []struct{ path, value string }{
		// Nobody on the wire answers for a neighbour that is missing; we may.
		{filepath.Join("ipv4/neigh", name, "app_solicit"), asked},
		{filepath.Join("ipv4/neigh", name, "mcast_solicit"), "0"},
		{filepath.Join("ipv4/neigh", name, "ucast_solicit"), "0"},
		// Paths may differ by direction while they move from hub to hub.
		{filepath.Join("ipv4/conf", name, "rp_filter"), "2"},
		// NHRP tells of shorter paths, ICMP must not.
		{filepath.Join("ipv4/conf", name, "send_redirects"), "0"},
		{filepath.Join("ipv4/conf", name, "accept_redirects"), "0"},
		{filepath.Join("ipv6/neigh", name, "app_solicit"), asked},
		{filepath.Join("ipv6/neigh", name, "mcast_solicit"), "0"},
		{filepath.Join("ipv6/neigh", name, "ucast_solicit"), "0"},
		// No link-local address, and so none of the multicast it brings.
		{filepath.Join("ipv6/conf", name, "addr_gen_mode"), "1"},
		{filepath.Join("ipv6/conf", name, "accept_ra"), "0"},
		{filepath.Join("ipv6/conf", name, "accept_redirects"), "0"},
	} {
		err := os.WriteFile(filepath.Join("/proc/sys/net", s.path), []byte(s.value), 0)
		if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(s.path, "ipv6") {
			continue // a kernel without IPv6
		}
		if err != nil {
			return fmt.Errorf("set sysctl: %w", err)
		}
	}
	return nil
}
