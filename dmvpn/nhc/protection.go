package nhc

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// unprotectedAfter is how long a server may stay unprotected before it counts as
// down. Replacing an IKE SA takes a fraction of it.
const unprotectedAfter = 2 * time.Second

// protectionState is where the protection of a peer stands.
type protectionState int

const (
	protectionAsked protectionState = iota
	protectionUp
	protectionFailed
)

// protection is that of traffic with one peer, for everything that needs it.
type protection struct {
	state protectionState
	// since is when the state began, or the uplink changed.
	since Instant
}

// protect returns the protection of a peer, asked for if it was not.
func (c *Client) protect(nbma netip.Addr) *protection {
	p := c.protections[nbma]
	if p == nil {
		p = new(protection)
		c.protections[nbma] = p
		c.ask(nbma, p)
	}
	return p
}

// ask asks for an attempt to protect a peer.
func (c *Client) ask(nbma netip.Addr, p *protection) {
	p.state, p.since = protectionAsked, c.now
	spoke := !slices.ContainsFunc(c.order, func(s *server) bool { return s.nbma == nbma })
	c.out.Protect = append(c.out.Protect, Peer{nbma, spoke})
}

// unprotected tells all who need the protection of a peer that there is none.
func (c *Client) unprotected(nbma netip.Addr, err error) {
	for _, s := range c.order {
		if s.nbma == nbma && s.wanted {
			c.restart(s, fmt.Errorf("traffic to it is not protected: %w", err))
		}
	}
	for _, p := range c.peers {
		if p.nbma == nbma && p.phase != PathHeld && p.phase != PathWaiting {
			c.holdPath(p, "traffic to it cannot be protected: "+err.Error())
		}
	}
}

// release gives up the protections that nobody needs.
func (c *Client) release() {
	used := make(map[netip.Addr]bool)
	for _, s := range c.order {
		if s.wanted {
			used[s.nbma], used[s.at] = true, true
		}
	}
	for _, p := range c.peers {
		if p.phase != PathHeld && p.phase != PathWaiting {
			used[p.nbma] = true
		}
	}
	for nbma := range c.protections {
		if !used[nbma] {
			delete(c.protections, nbma)
			c.out.Release = append(c.out.Release, nbma)
		}
	}
}
