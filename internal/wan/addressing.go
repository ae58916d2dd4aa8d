package wan

import (
	"cmp"
	"net/netip"

	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/uplink"
)

// desired returns what the port should have now, and what the underlay then
// offers. Without a carrier the routes go, so that another underlay of the VRF
// takes over, but the address stays: the lease is still ours.
func (u *Underlay) desired() (link.Addressing, uplink.State) {
	want := link.Addressing{MTU: cmp.Or(u.cfg.MTU, defaultMTU)}
	var gateway netip.Addr
	var state uplink.State
	if u.client == nil {
		want.Address, gateway = u.cfg.IPv4.Address, u.cfg.IPv4.Gateway
	} else if lease, ends, ok := u.client.Lease(); ok {
		want.Address, want.Ends, gateway = lease.Address, ends, lease.Gateway
		want.MTU = cmp.Or(u.cfg.MTU, lease.MTU, defaultMTU)
		state.DNS, state.NTP = lease.DNS, lease.NTP
		for _, r := range lease.Routes {
			want.Routes = append(want.Routes, u.route(want.Address, r.To, r.Via))
		}
	}
	gateway6 := u.cfg.IPv6.Gateway
	if want.MTU < minMTU6 {
		gateway6 = netip.Addr{} // the kernel has no IPv6 on such a link
	} else {
		want.Address6 = u.cfg.IPv6.Address
	}
	if !u.port.Carrier {
		want.Routes = nil
		return want, uplink.State{}
	}
	if gateway.IsValid() && want.Address.IsValid() {
		want.Routes = append(want.Routes, u.route(want.Address, netip.PrefixFrom(netip.IPv4Unspecified(), 0), gateway))
	}
	if gateway6.IsValid() {
		want.Routes = append(want.Routes, u.route(want.Address6, netip.PrefixFrom(netip.IPv6Unspecified(), 0), gateway6))
	}
	state.Address6, state.Gateway6 = want.Address6, gateway6
	if want.Address.IsValid() {
		state.Up, state.Address, state.Gateway = true, want.Address, gateway
	}
	return want, state
}

// route returns the route to a prefix. A next hop outside our subnet, such as
// that of every /32 lease, is taken to be on the link, for the provider says so.
func (u *Underlay) route(address, to netip.Prefix, via netip.Addr) link.Route {
	r := link.Route{To: to, Via: via, OnLink: via.IsValid() && !address.Contains(via), Metric: u.metric}
	if to.Addr().Is4() {
		r.From = address.Addr()
	} else if via.IsLinkLocalUnicast() {
		r.OnLink = false // it is by itself
	}
	return r
}
