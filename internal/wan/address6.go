package wan

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// Values of addr_gen_mode (linux/if_link.h): whence a port has its link-local
// address. It needs one as soon as it has any other, for it asks by it where its
// neighbours are. A random one tells nobody the MAC address.
const (
	linkLocalNone   = "1"
	linkLocalRandom = "3"
)

// applyAddress6 gives p exactly the IPv6 address, none if it is invalid, and with it
// one of the link alone.
func applyAddress6(p port, want netip.Prefix) error {
	mode := linkLocalNone
	if want.IsValid() {
		mode = linkLocalRandom
	}
	err := setLinkLocal(p, mode)
	if errors.Is(err, os.ErrNotExist) && !want.IsValid() {
		return nil // a link, or a kernel, without IPv6
	}
	if err != nil {
		return fmt.Errorf("say how %s gets its link-local address: %w", p.Name, err)
	}
	link := linkOf(p)
	have, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, unix.AF_INET6) })
	if err != nil {
		return fmt.Errorf("list IPv6 addresses of %s: %w", p.Name, err)
	}
	present := false
	for _, addr := range have {
		prefix := nl.Prefix(addr.IPNet)
		switch {
		case prefix == want:
			present = true
		case want.IsValid() && prefix.Addr().IsLinkLocalUnicast():
		default:
			if err := netlink.AddrDel(link, &addr); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return fmt.Errorf("remove address %s of %s: %w", prefix, p.Name, err)
			}
		}
	}
	if present || !want.IsValid() {
		return nil
	}
	// As in IPv4 nobody is asked whether the address is taken.
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: nl.IPNet(want), Flags: unix.IFA_F_NODAD}); err != nil {
		return fmt.Errorf("put address %s on %s: %w", want, p.Name, err)
	}
	return nil
}

// setLinkLocal sets a port's addr_gen_mode. The kernel makes the address when the
// mode changes, or else when the port is set up.
func setLinkLocal(p port, mode string) error {
	name := "/proc/sys/net/ipv6/conf/" + p.Name + "/addr_gen_mode"
	current, err := os.ReadFile(name)
	if err != nil || strings.TrimSpace(string(current)) == mode {
		return err
	}
	return os.WriteFile(name, []byte(mode), 0)
}
