package dmvpn

import (
	"context"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Missing implements Kernel. With app_solicit the kernel asks user space where a
// neighbour is, by the request that user space asks the kernel with.
func (Netlink) Missing(ctx context.Context, index int, tell func(netip.Addr)) error {
	return resubscribe(ctx, "neighbours", func(done <-chan struct{}) error {
		updates := make(chan netlink.NeighUpdate)
		if err := netlink.NeighSubscribe(updates, done); err != nil {
			return err
		}
		for u := range updates {
			address, ok := netip.AddrFromSlice(u.IP)
			if u.Type == unix.RTM_GETNEIGH && u.LinkIndex == index && ok && ctx.Err() == nil {
				tell(address.Unmap())
			}
		}
		return nil
	})
}
