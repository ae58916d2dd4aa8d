package dmvpn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// namePause is the least time between two looks at a server's name.
const namePause = 5 * time.Second

// errMoved is that a server's name does not point any more to the address at
// which it was.
var errMoved = errors.New("the hub has moved")

// doubt has the server's name looked up again, since traffic to it may be dead
// because it is somewhere else now. It returns at once.
func (c *client) doubt() {
	select {
	case c.doubts <- struct{}{}:
	default: // it is being looked up
	}
}

// follow looks the server's name up in doubt, until ctx is cancelled. It calls
// moved once the name points elsewhere; nothing is due to the registration at
// the former address then.
func (c *client) follow(ctx context.Context, nbma netip.Addr, moved func(error)) {
	if _, err := netip.ParseAddr(c.server.NBMA); err == nil {
		return
	}
	for {
		select {
		case <-c.doubts:
		case <-ctx.Done():
			return
		}
		addresses, err := c.lookup(ctx)
		if err == nil && !slices.Contains(addresses, nbma) {
			c.set(func() { c.registration.Refresh = 0 })
			moved(fmt.Errorf("%w from %s to %s", errMoved, nbma, addresses[0]))
			return
		}
		select {
		case <-time.After(namePause):
		case <-ctx.Done():
			return
		}
	}
}

// lookup returns what the server's name points to, at least one address.
func (c *client) lookup(ctx context.Context) ([]netip.Addr, error) {
	addresses, err := c.t.deps.Resolver.LookupNetIP(ctx, "ip4", c.server.NBMA)
	if err != nil {
		return nil, fmt.Errorf("its name cannot be resolved: %w", err)
	}
	if len(addresses) == 0 {
		return nil, errors.New("its name has no IPv4 address")
	}
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	return addresses, nil
}
