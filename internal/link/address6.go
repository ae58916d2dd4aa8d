package link

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

// role is what a port is to its neighbours in IPv6: parameters of the kernel, by
// their names (Linux Documentation/networking/ip-sysctl.rst), and in the order they
// are set in.
type role [2]struct{ name, value string }

var (
	// stranger says nothing, not even to which groups it belongs.
	stranger = role{{"forwarding", "0"}, {"addr_gen_mode", "1"}}
	// router answers as one. As soon as it has any other address it needs one of the
	// link alone, for by that it asks where its neighbours are. A random one tells
	// nobody the MAC address.
	router = role{{"forwarding", "1"}, {"addr_gen_mode", "3"}}
)

// applyAddress6 gives p exactly the IPv6 address, none if it is invalid, and with it
// one of the link alone.
func applyAddress6(p Port, want netip.Prefix) error {
	as := stranger
	if want.IsValid() {
		as = router
	}
	err := setRole(p, as)
	if errors.Is(err, os.ErrNotExist) && !want.IsValid() {
		return nil // a link, or a kernel, without IPv6
	}
	if err != nil {
		return fmt.Errorf("set what %s is in IPv6: %w", p.Name, err)
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

// setRole sets the parameters that differ. The kernel makes the port's link-local
// address when they change, or else when the port is set up.
func setRole(p Port, as role) error {
	for _, parameter := range as {
		name := "/proc/sys/net/ipv6/conf/" + p.Name + "/" + parameter.name
		current, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(current)) == parameter.value {
			continue
		}
		if err := os.WriteFile(name, []byte(parameter.value), 0); err != nil {
			return err
		}
	}
	return nil
}
