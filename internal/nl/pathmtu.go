package nl

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// pathMTURules is the priority that the rules of LearnPathMTU count from, by
// link: behind the kernel's l3mdev rule, and before the main table.
const pathMTURules = 2000

// LearnPathMTU has the kernel believe routers that say that ESP which left by the
// link, in the VRF of the given table, was too big. address is where that ESP
// comes from. An invalid one, or the main table, which needs none of this, ends
// it, and so does the end of the link once this is called for another.
//
// The kernel looks for the route that such a packet took by its addresses and its
// protocol, and not in a VRF (esp4_err in net/ipv4/esp4.c, Linux 6.1). It finds
// none, learns nothing, and all that is too big is lost. The rule leads this
// look-up, and no other, to the VRF's table. ESP in UDP fares well without: its
// socket is bound to the VRF.
func LearnPathMTU(index, table int, address netip.Addr) error {
	rules, err := List(func() ([]netlink.Rule, error) { return netlink.RuleList(unix.AF_INET) })
	if err != nil {
		return fmt.Errorf("list rules: %w", err)
	}
	var want *netlink.Rule
	if address.IsValid() && table != unix.RT_TABLE_MAIN {
		want = pathMTURule(index, table, address)
	}
	present := false
	for _, r := range rules {
		switch {
		case !isPathMTURule(&r):
		case want != nil && r.Priority == want.Priority && r.Table == table && r.Src.String() == want.Src.String():
			present = true
		case r.Priority == pathMTURules+index || linkIsGone(r.Priority-pathMTURules):
			// Of links that are gone, others may be getting rid as well.
			if err := netlink.RuleDel(&r); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("remove rule %v: %w", r, err)
			}
		}
	}
	if want == nil || present {
		return nil
	}
	if err := netlink.RuleAdd(want); err != nil {
		return fmt.Errorf("add rule %v: %w", want, err)
	}
	return nil
}

func pathMTURule(index, table int, address netip.Addr) *netlink.Rule {
	r := netlink.NewRule()
	r.Family, r.Priority, r.Protocol = unix.AF_INET, pathMTURules+index, uint8(ProtocolUplink)
	r.Src = &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(32, 32)}
	r.IPProto, r.Table = unix.IPPROTO_ESP, table
	return r
}

// isPathMTURule reports whether LearnPathMTU made r.
func isPathMTURule(r *netlink.Rule) bool {
	return r.Protocol == uint8(ProtocolUplink) && r.Priority > pathMTURules && r.IPProto == unix.IPPROTO_ESP && r.Src != nil
}

func linkIsGone(index int) bool {
	_, err := netlink.LinkByIndex(index)
	return errors.As(err, new(netlink.LinkNotFoundError))
}
