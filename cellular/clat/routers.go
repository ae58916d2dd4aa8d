package clat

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/ndpconn"
	"github.com/farspoke/farspoke/internal/nl"
)

// asked are the routers of an underlay's link, asked from whatever address it has
// there at the time.
type asked struct {
	*ndpconn.Conn
	underlay Underlay
}

// Listen implements kernel.
func (linux) Listen(u Underlay) (routers, error) {
	conn, err := ndpconn.Listen(u.Link, u.Index)
	if err != nil {
		return nil, err
	}
	return asked{conn, u}, nil
}

// Solicit implements routers.
func (a asked) Solicit() error {
	from, err := linkLocal(a.underlay)
	if err != nil {
		return err
	}
	return a.Conn.Solicit(from)
}

// linkLocal returns our address for the link alone, not valid if there is none.
func linkLocal(u Underlay) (netip.Addr, error) {
	link := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: u.Link, Index: u.Index}}
	all, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, unix.AF_INET6) })
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list addresses of %s: %w", u.Link, err)
	}
	for _, a := range all {
		if address := nl.Prefix(a.IPNet).Addr(); address.IsLinkLocalUnicast() {
			return address, nil
		}
	}
	return netip.Addr{}, nil
}
