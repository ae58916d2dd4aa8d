package dmvpn

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// subscribePause is the time between two subscriptions: the kernel ends one when
// more happens than is read.
const subscribePause = time.Second

// Missing implements Kernel. With app_solicit the kernel asks user space where a
// neighbour is, by the request that user space asks the kernel with.
func (Netlink) Missing(ctx context.Context, index int, tell func(netip.Addr)) error {
	for ctx.Err() == nil {
		if err := listenForMissing(ctx, index, tell); err != nil {
			return fmt.Errorf("subscribe to neighbours: %w", err)
		}
		select {
		case <-time.After(subscribePause):
		case <-ctx.Done():
		}
	}
	return nil
}

// listenForMissing listens until ctx is cancelled or the subscription ends.
func listenForMissing(ctx context.Context, index int, tell func(netip.Addr)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	updates := make(chan netlink.NeighUpdate)
	if err := netlink.NeighSubscribe(updates, ctx.Done()); err != nil {
		return err
	}
	for u := range updates {
		address, ok := netip.AddrFromSlice(u.IP)
		if u.Type == unix.RTM_GETNEIGH && u.LinkIndex == index && ok && ctx.Err() == nil {
			tell(address.Unmap())
		}
	}
	return nil
}
