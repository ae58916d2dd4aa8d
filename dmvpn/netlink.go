package dmvpn

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// Netlink is the Kernel of the box itself.
type Netlink struct{}

var _ Kernel = Netlink{}

// routeMetric puts routes over tunnels behind connected ones.
const routeMetric = 100

// SetNeighbours implements Kernel. The device is ours, so every permanent
// neighbour on it is.
func (Netlink) SetNeighbours(index int, neighbours []Neighbour) error {
	existing, err := nl.List(func() ([]netlink.Neigh, error) { return netlink.NeighList(index, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	have := make(map[Neighbour]bool)
	for _, n := range existing {
		if n.State&netlink.NUD_PERMANENT == 0 {
			continue
		}
		address, _ := netip.AddrFromSlice(n.IP)
		nbma, _ := netip.AddrFromSlice(n.LLIPAddr)
		have[Neighbour{Address: address.Unmap(), NBMA: nbma.Unmap()}] = true
	}
	for _, n := range neighbours {
		if have[n] {
			continue
		}
		if err := netlink.NeighSet(neigh(index, n)); err != nil {
			return fmt.Errorf("add %s at %s: %w", n.Address, n.NBMA, err)
		}
	}
	for n := range have {
		// One whose NBMA address has changed was replaced above.
		if slices.ContainsFunc(neighbours, func(kept Neighbour) bool { return kept.Address == n.Address }) {
			continue
		}
		if err := netlink.NeighDel(neigh(index, n)); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove %s: %w", n.Address, err)
		}
	}
	return nil
}

func neigh(index int, n Neighbour) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: index,
		State:     netlink.NUD_PERMANENT,
		IP:        n.Address.AsSlice(),
		LLIPAddr:  n.NBMA.AsSlice(),
	}
}

// SetRoutes implements Kernel. A route that the kernel refuses, because another
// tunnel or another owner has the same one, keeps none of the others away.
func (Netlink) SetRoutes(index int, vrf string, routes []Route) error {
	table := unix.RT_TABLE_MAIN
	if vrf != "" {
		var err error
		if table, _, err = nl.VRFTable(vrf); err != nil {
			return err
		}
	}
	ours := &netlink.Route{Protocol: nl.ProtocolTunnel, LinkIndex: index, Table: table}
	existing, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, ours, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	have := make(map[netip.Prefix]netip.Addr)
	for _, r := range existing {
		have[nl.Destination(r)], _ = netip.AddrFromSlice(r.Gw)
	}
	var errs []error
	for _, r := range routes {
		via, present := have[r.Prefix]
		delete(have, r.Prefix)
		route := *ours
		route.Dst, route.Gw, route.Priority = nl.IPNet(r.Prefix), r.Via.AsSlice(), routeMetric
		if !r.Via.IsValid() {
			// Without a next hop there is no neighbour either: packets are refused.
			route.Scope = netlink.SCOPE_LINK
		}
		var err error
		switch {
		case !present:
			// Add and not replace: a route of another owner stays.
			err = netlink.RouteAdd(&route)
		case via.Unmap() != r.Via:
			err = netlink.RouteReplace(&route)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("route %s via %s: %w", r.Prefix, r.Via, err))
		}
	}
	for prefix := range have {
		route := *ours
		route.Dst, route.Priority = nl.IPNet(prefix), routeMetric
		if err := netlink.RouteDel(&route); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("remove route %s: %w", prefix, err))
		}
	}
	return errors.Join(errs...)
}
