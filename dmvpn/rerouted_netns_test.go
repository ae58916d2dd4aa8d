//go:build netns

package dmvpn

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// TestRerouted: the kernel tells of a new network, and of one that is gone.
func TestRerouted(t *testing.T) {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lo, err := netlink.LinkByName("lo")
	check(err)
	check(netlink.LinkSetUp(lo))
	ctx, cancel := context.WithCancel(t.Context())
	told, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- Netlink{}.Rerouted(ctx, func() {
			select {
			case told <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()
	hear := func(what string) {
		t.Helper()
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Fatalf("the kernel does not tell of %s", what)
		}
	}
	hear("the beginning")
	network := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: nl.IPNet(netip.MustParsePrefix("192.168.128.0/20")), Scope: unix.RT_SCOPE_LINK}
	check(netlink.RouteAdd(network))
	hear("a new network")
	check(netlink.RouteDel(network))
	hear("one that is gone")
	cancel()
	check(<-done)
}
