package dmvpn

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/dmvpn/nhc"
)

const (
	// observePause is the time between two looks at what the kernel knows of the
	// networks behind the box, and of the traffic to other spokes.
	observePause = 5 * time.Second
	// leastPause is the time between two looks at the networks behind the box when
	// there is always something new.
	leastPause = 100 * time.Millisecond
)

// observe tells the client which networks are behind the box and which direct
// paths are used, for as long as ctx lives.
func (t *Tunnel) observe(ctx context.Context) error {
	rerouted := make(chan struct{}, 1)
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		return t.deps.Kernel.Rerouted(ctx, func() {
			select {
			case rerouted <- struct{}{}:
			default:
			}
		})
	})
	tasks.Go(func() error { t.observePrefixes(ctx, rerouted); return nil })
	tasks.Go(func() error { t.observeTraffic(ctx); return nil })
	return tasks.Wait()
}

// observePrefixes looks at the networks behind the box whenever routes change. It
// looks now and then as well, since not all that ends a route is told.
func (t *Tunnel) observePrefixes(ctx context.Context, rerouted <-chan struct{}) {
	for {
		t.tell(ctx, t.lookBehind())
		select {
		case <-time.After(leastPause):
		case <-ctx.Done():
			return
		}
		select {
		case <-rerouted:
		case <-time.After(observePause):
		case <-ctx.Done():
			return
		}
	}
}

// lookBehind returns what the client is to be told of the networks behind the box.
func (t *Tunnel) lookBehind() input {
	prefixes, err := t.deps.Kernel.Prefixes(t.cfg.VRF, t.cfg.Address.Addr().Is6())
	if err != nil {
		t.log.Warn("cannot read which networks are behind the box", "err", err)
		return (*nhc.Client).Tick
	}
	return func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Prefixes(now, prefixes) }
}

// observeTraffic looks now and then at which direct paths are used.
func (t *Tunnel) observeTraffic(ctx context.Context) {
	tick := time.NewTicker(observePause)
	defer tick.Stop()
	for {
		if t.watching() {
			octets, err := t.deps.Kernel.Sent()
			if err != nil {
				t.log.Warn("cannot read which direct paths are used", "err", err)
			} else {
				t.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Used(now, octets) })
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (t *Tunnel) watching() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client.Watching()
}

// followMissing tells the client which next hops have no neighbour.
func (t *Tunnel) followMissing(ctx context.Context) error {
	return t.deps.Kernel.Missing(ctx, t.index, func(a netip.Addr) {
		t.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Missing(now, a) })
	})
}
