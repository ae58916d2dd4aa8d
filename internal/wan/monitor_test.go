//go:build netns || vm

package wan

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
)

// patience is how long real kernels and servers are given.
const patience = 2 * time.Minute

// must ends the test at the first error of its preparation.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// vethPair makes two links that are one cable.
func vethPair(t *testing.T, a, b string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: b}))
	t.Cleanup(func() { _ = netlink.LinkDel(&netlink.Device{LinkAttrs: attrs}) })
}

// start runs an Underlay on the real kernel and returns what stops it.
func start(t *testing.T, name string, cfg Config, store Store) (u *Underlay, stop func()) {
	t.Helper()
	u = New(name, cfg, Deps{Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})), Store: store})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := u.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return u, stop
}

func openStore(t *testing.T) checkpoint.Dir {
	t.Helper()
	store, err := checkpoint.Open(t.TempDir())
	must(t, err)
	return store
}

// await returns the first state that is as wanted.
func await(t *testing.T, u *Underlay, what string, ok func(uplink.State) bool) uplink.State {
	t.Helper()
	timeout := time.After(patience)
	for {
		s, changed := u.State().Load()
		if ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("not %s after %v: state is %+v", what, patience, s)
		}
	}
}

func awaitUp(t *testing.T, u *Underlay) uplink.State {
	t.Helper()
	return await(t, u, "up", func(s uplink.State) bool { return s.Up })
}

// removals collects the addresses and routes that the kernel removes.
type removals struct {
	addrs  chan netlink.AddrUpdate
	routes chan netlink.RouteUpdate
}

func watchRemovals(t *testing.T) *removals {
	t.Helper()
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	r := &removals{make(chan netlink.AddrUpdate, 1000), make(chan netlink.RouteUpdate, 1000)}
	must(t, netlink.AddrSubscribe(r.addrs, done))
	must(t, netlink.RouteSubscribe(r.routes, done))
	return r
}

// check fails the test for every removal so far. A marker route, made and
// removed, tells that all notices before it have been read.
func (r *removals) check(t *testing.T, when string) {
	t.Helper()
	marker := &netlink.Route{Dst: nl.IPNet(netip.MustParsePrefix("192.0.2.123/32")), Type: unix.RTN_BLACKHOLE, Table: 77}
	must(t, netlink.RouteAdd(marker))
	must(t, netlink.RouteDel(marker))
	for update := range r.routes {
		if update.Table == 77 && update.Type == unix.RTM_DELROUTE {
			break
		}
		if update.Type == unix.RTM_DELROUTE {
			t.Errorf("%s: route is removed: %v", when, update.Route)
		}
	}
	for {
		select {
		case update := <-r.addrs:
			if !update.NewAddr {
				t.Errorf("%s: address is removed: %v", when, update.LinkAddress)
			}
		default:
			return
		}
	}
}

// routesOf returns the IPv4 routes of a table as text.
func routesOf(t *testing.T, table int) []string {
	t.Helper()
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE)
	})
	must(t, err)
	var texts []string
	for _, r := range routes {
		texts = append(texts, r.String())
	}
	return texts
}
