// Package resolve looks up the names of peers by the DNS servers that the
// underlays were told of, from sockets bound to the underlays' own VRF: the
// main table has no route to a provider's servers, and a name such as the hub's
// must mean what it means on the provider's side.
//
// The answers are as trustworthy as the provider. Who a peer is, IKE finds out;
// a name only says where to look.
package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// Resolver looks names up through the underlays of one VRF. It is safe for
// concurrent use.
type Resolver struct {
	log     *slog.Logger
	uplinks []*value.Value[uplink.State]
	port    uint16

	mu    sync.Mutex
	known map[question][]netip.Addr // last good answers
}

type question struct{ network, host string }

// server is a DNS server and the device by which it is reached.
type server struct {
	addr   netip.Addr
	device string
}

// errNoServer says that no underlay is up that knows a DNS server.
var errNoServer = errors.New("no DNS server is known: no underlay is up, or its provider names none")

// New returns a Resolver that asks through those uplinks that are up.
func New(log *slog.Logger, uplinks ...*value.Value[uplink.State]) *Resolver {
	const domain = 53
	return &Resolver{log: log, uplinks: uplinks, port: domain, known: make(map[question][]netip.Addr)}
}

// LookupNetIP returns the addresses of host, which may be an address itself.
// The network is "ip4", "ip6" or "ip" for both. While DNS is silent it returns
// what it learned last.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if network == "ip4" && !addr.Is4() || network == "ip6" && !addr.Is6() {
			return nil, fmt.Errorf("look up %s: not an address of network %s", host, network)
		}
		return []netip.Addr{addr}, nil
	}
	q := question{network, strings.ToLower(strings.TrimSuffix(host, "."))}
	addrs, err := r.ask(ctx, q)

	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.known[q] = addrs
		return slices.Clone(addrs), nil
	}
	// That there is no such name is an answer, too.
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && dns.IsNotFound {
		delete(r.known, q)
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	if last, ok := r.known[q]; ok {
		r.log.Warn("DNS is silent: the last known address is used", "host", host, "addresses", last, "err", err)
		return slices.Clone(last), nil
	}
	return nil, fmt.Errorf("look up %s: %w", host, err)
}

// ask sends q to each server in turn until one answers.
func (r *Resolver) ask(ctx context.Context, q question) ([]netip.Addr, error) {
	servers := r.servers()
	if len(servers) == 0 {
		return nil, errNoServer
	}
	var tries atomic.Uint32
	resolver := net.Resolver{
		PreferGo: true,
		// The address is from a resolv.conf that the box does not have.
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			s := servers[int(tries.Add(1)-1)%len(servers)]
			dialer := net.Dialer{Control: bindTo(s.device)}
			return dialer.DialContext(ctx, network, netip.AddrPortFrom(s.addr, r.port).String())
		},
	}
	// The dot keeps search domains out.
	addrs, err := resolver.LookupNetIP(ctx, q.network, q.host+".")
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}

// servers returns the DNS servers of the uplinks that are up, those of the best
// uplink first.
func (r *Resolver) servers() []server {
	var states []uplink.State
	for _, u := range r.uplinks {
		if state, _ := u.Load(); state.Up {
			states = append(states, state)
		}
	}
	slices.SortStableFunc(states, func(a, b uplink.State) int { return cmp.Compare(a.Metric, b.Metric) })
	var servers []server
	for _, state := range states {
		for _, addr := range state.DNS {
			servers = append(servers, server{addr, cmp.Or(state.VRF, state.Link)})
		}
	}
	return servers
}

// bindTo returns a dialer's control function that binds the socket to a device,
// so that the lookup of its route begins in the device's VRF.
func bindTo(device string) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (err error) {
		if controlErr := raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) }); controlErr != nil {
			return controlErr
		}
		return err
	}
}
