package link

import (
	"net/netip"
	"slices"
	"time"
)

// Addressing is what a port should have: at most one address of each family, and
// routes.
type Addressing struct {
	// Address is the port's, unset for none.
	Address netip.Prefix
	// Address6 is that of IPv6. With it the port has a link-local address too.
	Address6 netip.Prefix
	// Ends is the instant at which the kernel is to withdraw Address should
	// this process not be there to do it, 0 for never.
	Ends time.Duration
	// Routes are those beside the subnet's own, which the kernel makes.
	Routes []Route
	// MTU is the link's.
	MTU int
}

// Route is one route through the port, in the table of its VRF.
type Route struct {
	To netip.Prefix
	// Via is the next hop, unset for a route on the link.
	Via netip.Addr
	// OnLink says that Via is on the link although no subnet says so.
	OnLink bool
	Metric int
	// From is the source address of what the box itself sends, unset for IPv6,
	// where the kernel chooses well.
	From netip.Addr
}

// Refusal is a route that the kernel does not take.
type Refusal struct {
	Route
	Err error
}

// Equal reports whether a and b are the same.
func (a Addressing) Equal(b Addressing) bool {
	return a.Address == b.Address && a.Address6 == b.Address6 && a.Ends == b.Ends && a.MTU == b.MTU && slices.Equal(a.Routes, b.Routes)
}
