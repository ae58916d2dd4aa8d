package dmvpn

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
)

// MulticastCounters counts what went to groups over a tunnel since the process
// started. Replicated are copies sent to a server, Failed those that could not be.
type MulticastCounters struct {
	Replicated uint64 `json:"replicated"`
	Failed     uint64 `json:"failed"`
}

// multicast counts while others look.
type multicast struct{ replicated, failed atomic.Uint64 }

func (m *multicast) counters() MulticastCounters {
	return MulticastCounters{Replicated: m.replicated.Load(), Failed: m.failed.Load()}
}

// hasMulticast reports whether any server is to get multicast.
func (c Config) hasMulticast() bool {
	return slices.ContainsFunc(c.NHRP.Servers, func(s Server) bool { return s.Multicast })
}

// tap opens the device for replicate, or returns nil if no server gets multicast.
// It is there before the first registration, from which on routing protocols may
// count on being heard.
func (t *Tunnel) tap() (Tap, error) {
	if !t.cfg.hasMulticast() {
		return nil, nil
	}
	tap, err := t.deps.Kernel.Tap(t.index)
	if err != nil {
		return nil, fmt.Errorf("listen for multicast on %s: %w", t.name, err)
	}
	return tap, nil
}

// replicate sends what leaves the device for a multicast group to each server
// that gets multicast, until ctx is cancelled, and closes the tap. The underlay
// carries no multicast, so the kernel's own copy never leaves the box: IPsec has
// no SA with a group.
func (t *Tunnel) replicate(ctx context.Context, tap Tap) error {
	defer tap.Close()
	defer context.AfterFunc(ctx, func() { _ = tap.Close() })()
	for {
		err := tap.Next()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive multicast on %s: %w", t.name, err)
		}
		for _, nbma := range t.listeners() {
			if err := tap.Send(nbma); err != nil {
				t.multicast.failed.Add(1)
				continue
			}
			t.multicast.replicated.Add(1)
		}
	}
}

// listeners returns the NBMA addresses that multicast goes to now.
func (t *Tunnel) listeners() []netip.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client.Multicast()
}
