package nl

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// VRFModules are the kernel modules a VRF needs.
var VRFModules = []string{"vrf"}

const (
	// vrfTables is the first routing table given to a VRF, and maxVRFs how
	// many may follow. A VRF device with a table of this range is ours.
	vrfTables = 1000
	maxVRFs   = 1000
	// LastMetric is that of a route which ends a lookup: behind all real routes.
	LastMetric = 4278198272
	// localRule is where the rule for the local table moves to, behind the
	// kernel's l3mdev rule at 1000.
	localRule = 32765
)

// EnsureVRFs makes the kernel hold exactly the VRFs of the given names, each
// with a table of its own, up, and closed: a lookup in a VRF never falls
// through to another table, neither main nor local (Linux
// Documentation/networking/vrf.rst). A VRF that exists keeps its table, so its
// routes and the sockets bound to it go on undisturbed; VRFs that EnsureVRFs
// made earlier and that are no longer named are removed.
func EnsureVRFs(names []string) error {
	links, err := List(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	existing := make(map[string]uint32)
	for _, link := range links {
		vrf, ok := link.(*netlink.Vrf)
		switch {
		case !ok:
		case slices.Contains(names, vrf.Name):
			existing[vrf.Name] = vrf.Table
		case vrf.Table >= vrfTables && vrf.Table < vrfTables+maxVRFs:
			if err := netlink.LinkDel(vrf); err != nil {
				return fmt.Errorf("remove VRF %s: %w", vrf.Name, err)
			}
		}
	}
	for name, table := range assignTables(names, existing) {
		if err := ensureVRF(name, table); err != nil {
			return fmt.Errorf("set up VRF %s: %w", name, err)
		}
	}
	if len(names) > 0 {
		// Only now that a VRF exists has the kernel made its l3mdev rule.
		return moveLocalRules()
	}
	return nil
}

// VRFTable returns the routing table of the VRF device of the given name and
// the device's index.
func VRFTable(name string) (table, index int, err error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return 0, 0, fmt.Errorf("find VRF %s: %w", name, err)
	}
	vrf, ok := link.(*netlink.Vrf)
	if !ok {
		return 0, 0, fmt.Errorf("find VRF %s: the link of that name is a %s", name, link.Type())
	}
	return int(vrf.Table), vrf.Index, nil
}

// assignTables gives each name its existing table, or else the lowest free one
// in the order of the names.
func assignTables(names []string, existing map[string]uint32) map[string]uint32 {
	tables := make(map[string]uint32)
	taken := make(map[uint32]bool)
	for _, name := range names {
		if table, ok := existing[name]; ok {
			tables[name] = table
			taken[table] = true
		}
	}
	next := uint32(vrfTables)
	for _, name := range slices.Sorted(slices.Values(names)) {
		if _, ok := tables[name]; ok {
			continue
		}
		for taken[next] {
			next++
		}
		tables[name] = next
		taken[next] = true
	}
	return tables
}

func ensureVRF(name string, table uint32) error {
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		// A VRF device is born without a queue. It must stay so: with one,
		// its packets pass the firewall's hooks in another order.
		err = netlink.LinkAdd(&netlink.Vrf{LinkAttrs: attrs, Table: table})
		if err == nil {
			link, err = netlink.LinkByName(name)
		}
	}
	if err != nil {
		return err
	}
	if link.Type() != "vrf" {
		return fmt.Errorf("the link of that name is a %s", link.Type())
	}
	// The routes first: an interface in a VRF that is up must find it closed.
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		if err := ensureUnreachable(family, int(table)); err != nil {
			return err
		}
	}
	if link.Attrs().Flags&net.FlagUp != 0 {
		return nil
	}
	return netlink.LinkSetUp(link)
}

// ensureUnreachable puts the default route that ends every lookup into table.
// Without it the lookup would go on with the next rule, to the main table.
func ensureUnreachable(family, table int) error {
	dst := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	if family == unix.AF_INET6 {
		dst = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	err := netlink.RouteAdd(&netlink.Route{
		Family: family, Dst: dst, Table: table, Type: unix.RTN_UNREACHABLE,
		Priority: LastMetric, Protocol: ProtocolUplink,
	})
	if err != nil && !errors.Is(err, unix.EEXIST) && !noIPv6(family, err) {
		return fmt.Errorf("add unreachable default to table %d: %w", table, err)
	}
	return nil
}

// moveLocalRules lets the l3mdev rule decide before the table of the box's own
// addresses. In the kernel's default order a packet in a VRF for an address of
// the main table, such as the LAN's, would be delivered to the box.
func moveLocalRules() error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rules, err := List(func() ([]netlink.Rule, error) { return netlink.RuleList(family) })
		if err != nil {
			if noIPv6(family, err) {
				continue
			}
			return fmt.Errorf("list rules: %w", err)
		}
		// The kernel leaves priority 0 out of a dump, which reads as -1.
		local := func(priority int) bool {
			return slices.ContainsFunc(rules, func(r netlink.Rule) bool {
				return r.Table == unix.RT_TABLE_LOCAL && max(r.Priority, 0) == priority
			})
		}
		rule := netlink.NewRule()
		rule.Family, rule.Table = family, unix.RT_TABLE_LOCAL
		if !local(localRule) {
			rule.Priority = localRule
			if err := netlink.RuleAdd(rule); err != nil {
				return fmt.Errorf("add rule for the local table: %w", err)
			}
		}
		if local(0) {
			rule.Priority = 0
			if err := netlink.RuleDel(rule); err != nil {
				return fmt.Errorf("remove rule 0 for the local table: %w", err)
			}
		}
	}
	return nil
}

// noIPv6 reports whether err says that the kernel runs without IPv6.
func noIPv6(family int, err error) bool {
	return family == unix.AF_INET6 && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP))
}
