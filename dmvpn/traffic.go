package dmvpn

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// Prefixes implements Kernel. A link that has a default route, or is a tunnel of
// ours, leads away from the box: nothing on it is behind the box.
func (Netlink) Prefixes(vrf string, ipv6 bool) ([]netip.Prefix, error) {
	table, family := unix.RT_TABLE_MAIN, netlink.FAMILY_V4
	if ipv6 {
		family = netlink.FAMILY_V6
	}
	if vrf != "" {
		var err error
		if table, _, err = nl.VRFTable(vrf); err != nil {
			return nil, err
		}
	}
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(family, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	links, err := nl.List(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	away := make(map[int]bool)
	for _, link := range links {
		attrs := link.Attrs()
		away[attrs.Index] = attrs.Alias == alias || attrs.Name == "lo"
	}
	for _, r := range routes {
		if nl.Destination(r).Bits() == 0 {
			away[r.LinkIndex] = true
		}
	}
	var prefixes []netip.Prefix
	for _, r := range routes {
		p := nl.Destination(r)
		if r.Type == unix.RTN_UNICAST && !away[r.LinkIndex] && r.LinkIndex != 0 && p.Addr().IsGlobalUnicast() {
			prefixes = append(prefixes, p)
		}
	}
	return prefixes, nil
}

// Rerouted implements Kernel. It tells once more for each time that it begins to
// listen, as it may have missed something before.
func (Netlink) Rerouted(ctx context.Context, tell func()) error {
	return resubscribe(ctx, "routes", func(done <-chan struct{}) error {
		updates := make(chan netlink.RouteUpdate)
		if err := netlink.RouteSubscribe(updates, done); err != nil {
			return err
		}
		tell()
		for range updates {
			tell()
		}
		return nil
	})
}

// Sent implements Kernel by the counters of IPsec: those of neighbours do not
// count packets.
func (Netlink) Sent() (map[netip.Addr]uint64, error) {
	states, err := nl.List(func() ([]netlink.XfrmState, error) { return netlink.XfrmStateList(netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list SAs: %w", err)
	}
	octets := make(map[netip.Addr]uint64)
	for _, s := range states {
		if to, ok := netip.AddrFromSlice(s.Dst); ok {
			octets[to.Unmap()] += s.Statistics.Bytes
		}
	}
	return octets, nil
}
