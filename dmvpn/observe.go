package dmvpn

import (
	"context"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhc"
)

// observePause is the time between two looks at what the kernel knows of the
// networks behind the box, and of the traffic to other spokes.
const observePause = 5 * time.Second

// observe tells the client which networks are behind the box and which direct
// paths are used, for as long as ctx lives.
func (t *Tunnel) observe(ctx context.Context) error {
	tick := time.NewTicker(observePause)
	defer tick.Stop()
	for {
		prefixes, err := t.deps.Kernel.Prefixes(t.cfg.VRF, t.cfg.Address.Addr().Is6())
		if err != nil {
			t.log.Warn("cannot read which networks are behind the box", "err", err)
		} else {
			t.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Prefixes(now, prefixes) })
		}
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
			return nil
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
