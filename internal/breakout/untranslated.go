package breakout

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Modules are the kernel modules that a Breakout needs.
var Modules = []string{"nf_conntrack_netlink"}

// ForgetUntranslated implements kernel. The kernel chooses the address of a
// connection once, with its first packet. One that began in a tunnel, where
// nothing is translated, would leave for the provider under an address that
// nobody can answer, for as long as its host goes on sending. Once it is
// forgotten, the next packet begins a new one. The kernel itself does so in the
// other direction.
func (linux) ForgetUntranslated(networks []Network, link string) error {
	out, err := netlink.LinkByName(link)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", link, err)
	}
	stray := &strays{networks: networks, link: out.Attrs().Index, way: make(map[hop]bool)}
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, stray); err != nil {
		return fmt.Errorf("forget connections: %w", err)
	}
	return nil
}

// strays selects the connections that ForgetUntranslated is about.
type strays struct {
	networks []Network
	link     int
	// way has the answers of the routing table.
	way map[hop]bool
}

// hop is the way from a network to a destination.
type hop struct {
	from Network
	to   netip.Addr
}

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (s *strays) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	if !flow.Reverse.DstIP.Equal(flow.Forward.SrcIP) {
		return false // it is translated
	}
	source, _ := netip.AddrFromSlice(flow.Forward.SrcIP)
	// Where packets go is said by the other end of the answers: that of a connection
	// to a translated destination is another than the host's.
	destination, _ := netip.AddrFromSlice(flow.Reverse.SrcIP)
	for _, n := range s.networks {
		if n.Prefix.Contains(source.Unmap()) {
			return s.leaves(hop{n, destination.Unmap()}, flow.Forward.SrcIP)
		}
	}
	return false
}

// leaves reports whether packets that come from a network leave by the link.
func (s *strays) leaves(h hop, source net.IP) bool {
	leaves, known := s.way[h]
	if !known {
		routes, err := netlink.RouteGetWithOptions(h.to.AsSlice(), &netlink.RouteGetOptions{Iif: h.from.Link, SrcAddr: source})
		leaves = err == nil && len(routes) > 0 && routes[0].LinkIndex == s.link
		s.way[h] = leaves
	}
	return leaves
}
