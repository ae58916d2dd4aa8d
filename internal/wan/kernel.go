package wan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/wan/dhcp"
)

// kernel is what an Underlay needs of Linux.
type kernel interface {
	// Watch returns a channel that tells of changes to the link of the given
	// name, several perhaps by one notice, until ctx is done.
	Watch(ctx context.Context, name string) (<-chan struct{}, error)
	// Port returns the link of the given name and whether it exists.
	Port(name string) (port, bool, error)
	// Attach puts p into the VRF, or into none if vrf is empty, sets it up
	// and returns it as it is then.
	Attach(p port, vrf string) (port, error)
	// SetMTU sets p's MTU.
	SetMTU(p port, mtu int) error
	// Apply gives p exactly the addresses and the routes of want, lets path MTUs
	// be learnt from the IPv4 address, and touches nothing that is so already. now
	// is the instant.
	Apply(p port, want addressing, now time.Duration) ([]refusal, error)
	// Dial opens p for DHCP.
	Dial(p port) (dhcp.Conn, error)
}

// port is a link as the kernel knows it.
type port struct {
	Name  string
	Index int
	MAC   net.HardwareAddr
	// Up says that it was set up, and Carrier that it can carry packets.
	Up, Carrier bool
	MTU         int
	// Master is the index of its VRF, 0 for none, and Table where its routes
	// belong, set by Attach.
	Master, Table int
}

// linux is the kernel the process runs on.
type linux struct{}

func (linux) Watch(ctx context.Context, name string) (<-chan struct{}, error) {
	updates := make(chan netlink.LinkUpdate)
	if err := netlink.LinkSubscribe(updates, ctx.Done()); err != nil {
		return nil, fmt.Errorf("subscribe to link notices: %w", err)
	}
	notices := make(chan struct{}, 1)
	go func() {
		defer close(notices)
		// The subscription ends by closing updates; until then somebody
		// must take them.
		for update := range updates {
			if update.Link.Attrs().Name != name {
				continue
			}
			select {
			case notices <- struct{}{}:
			default:
			}
		}
	}()
	return notices, nil
}

func (linux) Port(name string) (port, bool, error) {
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return port{}, false, nil
	}
	if err != nil {
		return port{}, false, fmt.Errorf("find port %s: %w", name, err)
	}
	attrs := link.Attrs()
	return port{
		Name: name, Index: attrs.Index, MAC: attrs.HardwareAddr, MTU: attrs.MTU, Master: attrs.MasterIndex,
		Up: attrs.RawFlags&unix.IFF_UP != 0, Carrier: attrs.RawFlags&unix.IFF_LOWER_UP != 0,
	}, true, nil
}

func (k linux) Attach(p port, vrf string) (port, error) {
	table, master := unix.RT_TABLE_MAIN, 0
	if vrf != "" {
		var err error
		if table, master, err = nl.VRFTable(vrf); err != nil {
			return port{}, err
		}
	}
	link := linkOf(p)
	if p.Master != master {
		// Before it is set up, so that nothing heard on it reaches another
		// table.
		if err := netlink.LinkSetMasterByIndex(link, master); err != nil {
			return port{}, fmt.Errorf("put port %s into VRF %q: %w", p.Name, vrf, err)
		}
	}
	if !p.Up {
		if err := netlink.LinkSetUp(link); err != nil {
			return port{}, fmt.Errorf("set port %s up: %w", p.Name, err)
		}
	}
	if p.Master != master || !p.Up {
		now, present, err := k.Port(p.Name)
		if err != nil || !present {
			return port{}, errors.Join(err, fmt.Errorf("find port %s: %w", p.Name, unix.ENODEV))
		}
		p = now
	}
	p.Table = table
	return p, nil
}

func (linux) SetMTU(p port, mtu int) error {
	return netlink.LinkSetMTU(linkOf(p), mtu)
}

func (linux) Dial(p port) (dhcp.Conn, error) {
	return dhcp.Listen(p.Name, p.Index)
}

func (linux) Apply(p port, want addressing, now time.Duration) ([]refusal, error) {
	if err := applyAddress(p, want, now); err != nil {
		return nil, err
	}
	if err := applyAddress6(p, want.Address6); err != nil {
		return nil, err
	}
	if err := nl.LearnPathMTU(p.Index, p.Table, want.Address.Addr()); err != nil {
		return nil, fmt.Errorf("have path MTUs learnt by %s: %w", p.Name, err)
	}
	return applyRoutes(p, want.Routes)
}

// lifetimeSlack is how far the kernel's idea of an address's end may be from
// ours, which it holds in whole seconds.
const lifetimeSlack = 5 * time.Second

func applyAddress(p port, want addressing, now time.Duration) error {
	link := linkOf(p)
	have, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, unix.AF_INET) })
	if err != nil {
		return fmt.Errorf("list addresses of %s: %w", p.Name, err)
	}
	left := max(want.Ends-now, time.Second)
	good := false
	for _, addr := range have {
		if nl.Prefix(addr.IPNet) != want.Address {
			// First of all: the kernel takes an address's whole subnet along
			// with the first of it.
			if err := netlink.AddrDel(link, &addr); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return fmt.Errorf("remove address %v of %s: %w", addr.IPNet, p.Name, err)
			}
			continue
		}
		const forever = 1<<32 - 1
		valid := time.Duration(uint32(addr.ValidLft)) * time.Second
		if want.Ends == 0 {
			good = uint32(addr.ValidLft) == forever
		} else {
			good = uint32(addr.ValidLft) != forever && (valid-left).Abs() <= lifetimeSlack
		}
	}
	if good || !want.Address.IsValid() {
		return nil
	}
	addr := &netlink.Addr{IPNet: nl.IPNet(want.Address)}
	if want.Ends > 0 {
		addr.ValidLft = int((left + time.Second - 1) / time.Second)
		addr.PreferedLft = addr.ValidLft
	}
	if err := netlink.AddrReplace(link, addr); err != nil {
		return fmt.Errorf("put address %v on %s: %w", want.Address, p.Name, err)
	}
	return nil
}

// applyRoutes adds and replaces before it removes, so that a destination that
// keeps a route is never without one. Routes are looked for in all tables: the
// port may have been in another VRF.
func applyRoutes(p port, want []route) ([]refusal, error) {
	mask := uint64(netlink.RT_FILTER_OIF | netlink.RT_FILTER_PROTOCOL | netlink.RT_FILTER_TABLE)
	filter := &netlink.Route{LinkIndex: p.Index, Protocol: nl.ProtocolUplink, Table: unix.RT_TABLE_UNSPEC}
	have, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, filter, mask)
	})
	if err != nil {
		return nil, fmt.Errorf("list routes of %s: %w", p.Name, err)
	}
	var refused []refusal
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
			refused = append(refused, refusal{r, err})
		}
	}
	for _, h := range have {
		if h.Table == p.Table && slices.ContainsFunc(want, func(r route) bool { return r.To == nl.Destination(h) && r.Metric == h.Priority }) {
			continue
		}
		if err := netlink.RouteDel(&h); err != nil && !errors.Is(err, unix.ESRCH) {
			return nil, fmt.Errorf("remove route to %v through %s: %w", h.Dst, p.Name, err)
		}
	}
	return refused, nil
}

func kernelRoute(p port, r route) *netlink.Route {
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
func routeOf(kr netlink.Route) route {
	via, _ := netip.AddrFromSlice(kr.Gw)
	from, _ := netip.AddrFromSlice(kr.Src)
	return route{
		To: nl.Destination(kr), Via: via.Unmap(), From: from.Unmap(), Metric: kr.Priority,
		OnLink: kr.Flags&int(netlink.FLAG_ONLINK) != 0,
	}
}

func linkOf(p port) netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: p.Name, Index: p.Index}}
}
