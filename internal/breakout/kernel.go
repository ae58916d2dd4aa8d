package breakout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	netlinksocket "github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// kernel is what a Breakout needs of Linux.
type kernel interface {
	// Watch tells of changes to links, addresses and routes, several perhaps by one
	// notice, until ctx is done. With a link's last address the kernel drops all
	// routes through it, and does not tell of those.
	Watch(ctx context.Context) (<-chan struct{}, error)
	// SetRoutes makes the routes that bear nl.ProtocolBreakout exactly those, in
	// whatever table, and touches nothing that is so already. Routes through a link
	// that is not there or down are left out: Watch tells when that changes.
	SetRoutes([]route) (refused []error, err error)
	// Preferred reports whether r is there, and no other route of its table that
	// leads to the same comes before it.
	Preferred(r route) (bool, error)
	// ForgetUntranslated has connection tracking forget the IPv4 connections that
	// hosts of the networks have opened under their own addresses and whose packets
	// now leave by the link.
	ForgetUntranslated(networks []Network, link string) error
}

// linux is the kernel the process runs on.
type linux struct{}

// groups are those of the notices that Watch is about.
var groups = []uint{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
}

// Watch implements kernel.
func (linux) Watch(ctx context.Context) (<-chan struct{}, error) {
	socket, err := netlinksocket.Subscribe(unix.NETLINK_ROUTE, groups...)
	if err != nil {
		return nil, fmt.Errorf("subscribe to notices about links: %w", err)
	}
	context.AfterFunc(ctx, socket.Close)
	notices := make(chan struct{}, 1)
	go func() {
		defer close(notices)
		for {
			// What has changed does not matter. Whoever lost notices because there
			// were too many is told by an error, and one more is as good.
			if _, _, err := socket.Receive(); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case notices <- struct{}{}:
			default:
			}
		}
	}()
	return notices, nil
}

// SetRoutes implements kernel. It adds and replaces before it removes, so that a
// destination that keeps a route is never without one.
func (linux) SetRoutes(routes []route) (refused []error, err error) {
	have, err := nl.List(func() ([]netlink.Route, error) {
		ours := &netlink.Route{Protocol: nl.ProtocolBreakout, Table: unix.RT_TABLE_UNSPEC}
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, ours, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	var want []netlink.Route
	for _, r := range routes {
		kr, usable, err := kernelRoute(r)
		if err != nil {
			return nil, err
		}
		if usable {
			want = append(want, kr)
		}
	}
	for _, w := range want {
		put := netlink.RouteAdd
		if i := slices.IndexFunc(have, func(h netlink.Route) bool { return samePlace(h, w) }); i >= 0 {
			if have[i].LinkIndex == w.LinkIndex && have[i].Gw.Equal(w.Gw) {
				continue
			}
			put = netlink.RouteReplace
		}
		if err := put(&w); err != nil {
			refused = append(refused, fmt.Errorf("route %v: %w", w, err))
		}
	}
	for _, h := range have {
		if slices.ContainsFunc(want, func(w netlink.Route) bool { return samePlace(h, w) }) {
			continue
		}
		if err := netlink.RouteDel(&h); err != nil && !errors.Is(err, unix.ESRCH) {
			return nil, fmt.Errorf("remove route %v: %w", h, err)
		}
	}
	return refused, nil
}

// samePlace reports whether a table has room for only one of the two.
func samePlace(a, b netlink.Route) bool {
	return a.Table == b.Table && a.Priority == b.Priority && nl.Destination(a) == nl.Destination(b)
}

// kernelRoute returns r in the library's terms, and whether its link can have it
// now.
func kernelRoute(r route) (kr netlink.Route, usable bool, err error) {
	table := unix.RT_TABLE_MAIN
	if r.VRF != "" {
		if table, _, err = nl.VRFTable(r.VRF); err != nil {
			return netlink.Route{}, false, err
		}
	}
	link, err := netlink.LinkByName(r.Link)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return netlink.Route{}, false, nil
	}
	if err != nil {
		return netlink.Route{}, false, fmt.Errorf("find link %s: %w", r.Link, err)
	}
	kr = netlink.Route{
		Table: table, Protocol: nl.ProtocolBreakout, Priority: r.Metric,
		Dst: nl.IPNet(r.To), LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK,
	}
	if r.Via.IsValid() {
		kr.Gw, kr.Scope, kr.Flags = r.Via.AsSlice(), netlink.SCOPE_UNIVERSE, int(netlink.FLAG_ONLINK)
	}
	return kr, link.Attrs().Flags&net.FlagUp != 0, nil
}

// Preferred implements kernel.
func (linux) Preferred(r route) (bool, error) {
	want, usable, err := kernelRoute(r)
	if err != nil || !usable {
		return false, err
	}
	same, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, &want, netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return false, fmt.Errorf("list routes to %s: %w", r.To, err)
	}
	there := slices.ContainsFunc(same, func(o netlink.Route) bool { return samePlace(o, want) })
	before := slices.ContainsFunc(same, func(o netlink.Route) bool { return o.Priority < want.Priority })
	return there && !before, nil
}
