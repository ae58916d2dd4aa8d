package nl

import (
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
// it.
//
// The kernel looks for the route that such a packet took by its addresses and its
// protocol, and not in a VRF (esp4_err in net/ipv4/esp4.c; Linux 6.12). It finds
// none, learns nothing, and all that is too big is lost. The rule leads this
// look-up, and no other, to the VRF's table. ESP in UDP fares well without: its
// socket is bound to the VRF.
func LearnPathMTU(index, table int, address netip.Addr) error {
	rules, err := List(func() ([]netlink.Rule, error) { return netlink.RuleList(unix.AF_INET) })
	if err != nil {
		return fmt.Errorf("list rules: %w", err)
	}
	want := netlink.NewRule()
	want.Family, want.Priority, want.Protocol = unix.AF_INET, pathMTURules+index, uint8(ProtocolUplink)
	want.Table, want.IPProto = table, unix.IPPROTO_ESP
	needed := address.IsValid() && table != unix.RT_TABLE_MAIN
	if needed {
		want.Src = &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(32, 32)}
	}
	present := false
	for _, r := range rules {
		if r.Priority != want.Priority || r.Protocol != want.Protocol {
			continue
		}
		if needed && r.Table == table && r.IPProto == unix.IPPROTO_ESP && r.Src != nil && r.Src.String() == want.Src.String() {
			present = true
			continue
		}
		if err := netlink.RuleDel(&r); err != nil {
			return fmt.Errorf("remove rule %v: %w", r, err)
		}
	}
	if !needed || present {
		return nil
	}
	if err := netlink.RuleAdd(want); err != nil {
		return fmt.Errorf("add rule %v: %w", want, err)
	}
	return nil
}
