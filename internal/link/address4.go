package link

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// lifetimeSlack is how far the kernel's idea of an address's end may be from
// ours, which it holds in whole seconds.
const lifetimeSlack = 5 * time.Second

func applyAddress(p Port, want Addressing, now time.Duration) error {
	link := linkOf(p)
	have, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, unix.AF_INET) })
	if err != nil {
		return fmt.Errorf("list addresses of %s: %w", p.Name, err)
	}
	left := max(want.Ends-now, time.Second)
	good := false
	for _, addr := range have {
		if nl.Prefix(addr.IPNet) != want.Address {
			// First of all: the kernel takes an address's whole subnet along
			// with the first of it.
			if err := netlink.AddrDel(link, &addr); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return fmt.Errorf("remove address %v of %s: %w", addr.IPNet, p.Name, err)
			}
			continue
		}
		const forever = 1<<32 - 1
		valid := time.Duration(uint32(addr.ValidLft)) * time.Second
		if want.Ends == 0 {
			good = uint32(addr.ValidLft) == forever
		} else {
			good = uint32(addr.ValidLft) != forever && (valid-left).Abs() <= lifetimeSlack
		}
	}
	if good || !want.Address.IsValid() {
		return nil
	}
	addr := &netlink.Addr{IPNet: nl.IPNet(want.Address)}
	if want.Ends > 0 {
		addr.ValidLft = int((left + time.Second - 1) / time.Second)
		addr.PreferedLft = addr.ValidLft
	}
	if err := netlink.AddrReplace(link, addr); err != nil {
		return fmt.Errorf("put address %v on %s: %w", want.Address, p.Name, err)
	}
	return nil
}
