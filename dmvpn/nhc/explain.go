package nhc

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Explain says in a sentence which way traffic to an address takes, and why it is
// not the direct one.
func (c *Client) Explain(now Instant, dst netip.Addr) string {
	if text := c.explainAddress(dst); text != "" {
		return text
	}
	if !c.uplink.Address.IsValid() {
		return "The uplink is down."
	}
	best := -1
	for i, s := range c.shortcuts {
		if s.prefix.Contains(dst) && (best < 0 || s.prefix.Bits() > c.shortcuts[best].prefix.Bits()) {
			best = i
		}
	}
	if best >= 0 {
		return explainPath(c.shortcuts[best], now)
	}
	if t := c.target(dst); t != nil {
		if t.held == 0 {
			return fmt.Sprintf("Traffic goes by the hub while the hubs are asked who has %s.", dst)
		}
		if t.reason != "" {
			return fmt.Sprintf("Traffic stays on the hub, because %s; it is asked again in %s.", t.reason, (t.held - now).Round(time.Second))
		}
	}
	if !slices.ContainsFunc(c.order, func(s *server) bool { return s.live }) {
		return "No hub is registered with, so nobody can be asked."
	}
	return "Traffic goes by the hub, which has not told of a shorter way: none has gone there yet, or the hub does not redirect (ip nhrp redirect)."
}

// explainAddress explains what needs no direct path, or can have none; it returns
// nothing for the rest.
func (c *Client) explainAddress(dst netip.Addr) string {
	contains := func(p netip.Prefix) bool { return p.Contains(dst) }
	switch {
	case dst.BitLen() != c.cfg.Address.Addr().BitLen():
		return fmt.Sprintf("%s is of another family than the tunnel.", dst)
	case dst == c.cfg.Address.Addr():
		return fmt.Sprintf("%s is our own address in the tunnel.", dst)
	case c.local(dst).IsValid():
		return fmt.Sprintf("%s is behind this box, in %s.", dst, c.local(dst))
	case slices.ContainsFunc(c.order, func(s *server) bool { return s.address == dst }):
		return fmt.Sprintf("%s is a hub, which is reached directly.", dst)
	case !contains(c.cfg.Address) && !slices.ContainsFunc(c.cfg.Routes, contains):
		return fmt.Sprintf("No route leads to %s over this tunnel.", dst)
	case !c.cfg.Shortcut:
		return "Direct paths are switched off: write shortcut: true under nhrp."
	}
	return ""
}

func explainPath(s *shortcut, now Instant) string {
	p := s.peer
	switch p.phase {
	case PathUp:
		return fmt.Sprintf("Traffic goes straight to %s at %s, which has %s.", p.address, p.nbma, s.prefix)
	case PathWaiting:
		return fmt.Sprintf("Traffic goes by the hub until %s at %s, which has %s, has called us.", p.address, p.nbma, s.prefix)
	case PathProtecting:
		return fmt.Sprintf("Traffic goes by the hub until IPsec with %s at %s, which has %s, is up.", p.address, p.nbma, s.prefix)
	case PathProbing:
		return fmt.Sprintf("Traffic goes by the hub until %s at %s, which has %s, has answered a packet that goes straight there.", p.address, p.nbma, s.prefix)
	}
	return fmt.Sprintf("Traffic to %s stays on the hub, because of %s at %s: %s; it is tried again in %s.",
		s.prefix, p.address, p.nbma, p.reason, max(0, p.next-now).Round(time.Second))
}
