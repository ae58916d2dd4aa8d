// Package nl makes vishvananda/netlink safe for the router: dumps the kernel
// interrupts are repeated, routes carry a protocol number that names their
// owner, and a front-door VRF is one call.
package nl

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Route protocol numbers (rtm_protocol) that mark a route's owner, so that a
// restarted process finds its own routes and leaves all others alone.
const (
	// ProtocolUplink marks routes that an underlay installed in its VRF.
	ProtocolUplink netlink.RouteProtocol = 70
	// ProtocolTunnel marks routes over a tunnel, static and NHRP.
	ProtocolTunnel netlink.RouteProtocol = 71
	// ProtocolBreakout marks routes to a provider past the tunnels, and those
	// by which its answers come back.
	ProtocolBreakout netlink.RouteProtocol = 72
)

// maxDumps bounds how often an interrupted dump is repeated.
const maxDumps = 10

// List calls dump until the kernel completes it undisturbed. A dump that other
// changes interrupt may lack objects, so acting on it could remove what should
// stay.
func List[T any](dump func() ([]T, error)) ([]T, error) {
	for range maxDumps {
		objects, err := dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return objects, err
		}
	}
	return nil, fmt.Errorf("kernel objects change too fast to list: %w", netlink.ErrDumpInterrupted)
}

// LoopbackUp raises lo, without which a process cannot reach itself.
func LoopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("raise the loopback link: %w", err)
	}
	return nil
}
