package dmvpn

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// Backstop puts behind the tunnels' routes, and their own networks, such as refuse
// what they lead to, and removes those of tunnels that an earlier configuration
// had. The kernel takes a tunnel's routes along with its device, and without these
// the traffic would then take the next best way, perhaps to a provider. Call it
// before there is such a way.
//
// A default route has none behind it: it says which way is preferred.
func (Netlink) Backstop(tunnels []Config) error {
	wanted := make(map[deadEnd]bool)
	for _, cfg := range tunnels {
		table := unix.RT_TABLE_MAIN
		if cfg.VRF != "" {
			var err error
			if table, _, err = nl.VRFTable(cfg.VRF); err != nil {
				return err
			}
		}
		wanted[deadEnd{table, cfg.Address.Masked()}] = true
		for _, prefix := range cfg.Routes {
			if prefix.Bits() > 0 {
				wanted[deadEnd{table, prefix}] = true
			}
		}
	}
	ours := &netlink.Route{Protocol: nl.ProtocolTunnel, Type: unix.RTN_UNREACHABLE, Table: unix.RT_TABLE_UNSPEC}
	existing, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, ours, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TYPE|netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("list routes that refuse: %w", err)
	}
	for _, r := range existing {
		d := deadEnd{r.Table, nl.Destination(r)}
		if wanted[d] {
			delete(wanted, d)
			continue
		}
		if err := netlink.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove the route that refuses %s: %w", d.prefix, err)
		}
	}
	for d := range wanted {
		route := *ours
		route.Table, route.Dst, route.Priority = d.table, nl.IPNet(d.prefix), nl.LastMetric
		if err := netlink.RouteAdd(&route); err != nil {
			return fmt.Errorf("add a route that refuses %s: %w", d.prefix, err)
		}
	}
	return nil
}

// deadEnd is where a look-up in a table ends.
type deadEnd struct {
	table  int
	prefix netip.Prefix
}
