package breakout

import (
	"net/netip"
	"slices"
)

// route is one in the table of a VRF, the main table if VRF is empty.
type route struct {
	VRF  string
	To   netip.Prefix
	Link string
	// Via is the next hop, unset for a network on the link. It is taken to be on
	// the link: the table has no other route that says so.
	Via    netip.Addr
	Metric int
}

const (
	// backMetric puts the ways back before what the provider may offer for our
	// networks.
	backMetric = 1
	// outMetric puts the ways out behind the routes of tunnels and underlays, and
	// before the end of a VRF's table. Those of further exits follow.
	outMetric = 1 << 24
)

func (r route) isDefault() bool { return r.To.Bits() == 0 }

// place is what two routes cannot share.
func (r route) place() route { return route{VRF: r.VRF, To: r.To, Metric: r.Metric} }

// wanted returns the routes there should be now, the ways back first: who finds
// the way out expects answers.
func (b *Breakout) wanted() []route {
	var back, out []route
	exits, _ := b.exits.Load()
	for i, exit := range exits {
		for _, n := range exit.Networks {
			back = append(back, route{VRF: exit.To, To: n.Prefix.Masked(), Link: n.Link, Metric: backMetric})
		}
		state, _ := b.uplinks[exit.To].Load()
		for _, gateway := range []netip.Addr{state.Gateway, state.Gateway6} {
			if !state.Up || !exit.has(gateway) {
				continue
			}
			out = append(out, route{
				VRF: exit.From, To: everything(gateway), Link: state.Link, Via: gateway, Metric: outMetric + i,
			})
		}
	}
	return append(back, out...)
}

// has reports whether a network of the exit is of the gateway's family.
func (e Exit) has(gateway netip.Addr) bool {
	return slices.ContainsFunc(e.Networks, func(n Network) bool {
		return gateway.IsValid() && n.Prefix.Addr().Is4() == gateway.Is4()
	})
}

// everything is the destination of a default route to the gateway.
func everything(gateway netip.Addr) netip.Prefix {
	if gateway.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}
