package dmvpn

import (
	"context"
	"net/netip"

	"github.com/farspoke/farspoke/dmvpn/nhc"
)

// guard keeps one peer protected. Its goroutine asks the Protector and watches
// what that gave.
type guard struct {
	cancel context.CancelFunc
	// asked asks for an attempt.
	asked chan struct{}
}

// protect begins an attempt to protect a peer.
func (l *loop) protect(ctx context.Context, peer nhc.Peer) {
	g, ok := l.guards[peer.NBMA]
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		g = &guard{cancel: cancel, asked: make(chan struct{}, 1)}
		l.guards[peer.NBMA] = g
		protect := l.deps.Protector.Protect
		if peer.Spoke {
			protect = l.deps.Protector.Meet
		}
		l.tasks.Go(func() { l.guard(ctx, peer.NBMA, protect, g.asked) })
	}
	select {
	case g.asked <- struct{}{}:
	default: // the attempt has not even begun
	}
}

// protectFunc is [Protector.Protect] or [Protector.Meet].
type protectFunc func(ctx context.Context, peer netip.Addr, probe func()) (replaced <-chan struct{}, err error)

// guard tells the client how attempts to protect a peer end, and when the
// protection is gone. What was lost before an attempt succeeded is told first.
func (t *Tunnel) guard(ctx context.Context, peer netip.Addr, protect protectFunc, asked <-chan struct{}) {
	lost := func() {
		t.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Lost(now, peer) })
	}
	var replaced <-chan struct{}
	for {
		select {
		case <-asked:
			next, err := protect(ctx, peer, func() { t.probes.put(peer) })
			if ctx.Err() != nil {
				return
			}
			select {
			case <-replaced:
				lost()
			default:
			}
			replaced = next
			t.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Protected(now, peer, err) })
		case <-replaced:
			replaced = nil
			lost()
		case <-ctx.Done():
			return
		}
	}
}
