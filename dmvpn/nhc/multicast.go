package nhc

import (
	"net/netip"
	"slices"
)

// Multicast returns the NBMA addresses of the servers that are to get multicast,
// know us, and have their traffic protected.
func (c *Client) Multicast() []netip.Addr {
	if !c.uplink.Address.IsValid() {
		return nil
	}
	var all []netip.Addr
	for _, s := range c.order {
		if s.cfg.Multicast && s.live && c.isUp(s.at) && !slices.Contains(all, s.at) {
			all = append(all, s.at)
		}
	}
	return all
}
