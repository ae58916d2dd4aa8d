package link

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// applyRoutes adds and replaces before it removes, so that a destination that
// keeps a route is never without one. Routes are looked for in all tables: the
// port may have been in another VRF.
func applyRoutes(p Port, want []Route) ([]Refusal, error) {
	mask := uint64(netlink.RT_FILTER_OIF | netlink.RT_FILTER_PROTOCOL | netlink.RT_FILTER_TABLE)
	filter := &netlink.Route{LinkIndex: p.Index, Protocol: nl.ProtocolUplink, Table: unix.RT_TABLE_UNSPEC}
	have, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, filter, mask)
	})
	if err != nil {
		return nil, fmt.Errorf("list routes of %s: %w", p.Name, err)
	}
	var refused []Refusal
	for _, r := range want {
		put := netlink.RouteAdd
		exists := slices.ContainsFunc(have, func(h netlink.Route) bool { return h.Table == p.Table && routeOf(h) == r })
		if exists {
			continue
		}
		// Only a route of ours may be replaced: the kernel would take another
		// link's of the same metric just as well.
		if slices.ContainsFunc(have, func(h netlink.Route) bool {
			return h.Table == p.Table && nl.Destination(h) == r.To && h.Priority == r.Metric
		}) {
			put = netlink.RouteReplace
		}
		if err := put(kernelRoute(p, r)); err != nil {
			refused = append(refused, Refusal{r, err})
		}
	}
	for _, h := range have {
		if h.Table == p.Table && slices.ContainsFunc(want, func(r Route) bool { return r.To == nl.Destination(h) && r.Metric == h.Priority }) {
			continue
		}
		if err := netlink.RouteDel(&h); err != nil && !errors.Is(err, unix.ESRCH) {
			return nil, fmt.Errorf("remove route to %v through %s: %w", h.Dst, p.Name, err)
		}
	}
	return refused, nil
}

func kernelRoute(p Port, r Route) *netlink.Route {
	kr := &netlink.Route{
		LinkIndex: p.Index, Table: p.Table, Protocol: nl.ProtocolUplink,
		Dst: nl.IPNet(r.To), Priority: r.Metric, Src: r.From.AsSlice(), Scope: netlink.SCOPE_LINK,
	}
	if r.Via.IsValid() {
		kr.Gw, kr.Scope = r.Via.AsSlice(), netlink.SCOPE_UNIVERSE
	}
	if r.OnLink {
		kr.Flags = int(netlink.FLAG_ONLINK)
	}
	return kr
}

// routeOf is the inverse of kernelRoute.
func routeOf(kr netlink.Route) Route {
	via, _ := netip.AddrFromSlice(kr.Gw)
	from, _ := netip.AddrFromSlice(kr.Src)
	return Route{
		To: nl.Destination(kr), Via: via.Unmap(), From: from.Unmap(), Metric: kr.Priority,
		OnLink: kr.Flags&int(netlink.FLAG_ONLINK) != 0,
	}
}
