package nhc

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// namePause is the least time between two looks at a server's name.
const namePause = 5 * time.Second

// entry is one entry of the configuration's servers.
type entry struct {
	cfg Server
	// servers has at least one. It has several if the name points to several
	// addresses, and the servers' addresses in the tunnel are learned.
	servers []*server
	// wanted says that the name is to be looked up, pending that it is being, and
	// next when it may be again.
	wanted, pending bool
	next            Instant
	// doubted says that traffic to where the name led may be dead.
	doubted bool
}

func newEntry(cfg Server) *entry {
	nbma, _ := netip.ParseAddr(cfg.NBMA)
	return &entry{cfg: cfg, servers: []*server{newServer(cfg, nbma)}}
}

// add returns the server of e at nbma, new if need be.
func (e *entry) add(nbma netip.Addr) *server {
	for _, s := range e.servers {
		if s.nbma == nbma || !s.nbma.IsValid() {
			s.nbma = nbma
			return s
		}
	}
	s := newServer(e.cfg, nbma)
	e.servers = append(e.servers, s)
	return s
}

// entry returns the one that s comes from.
func (c *Client) entry(s *server) *entry {
	i := slices.IndexFunc(c.entries, func(e *entry) bool { return slices.Contains(e.servers, s) })
	return c.entries[i]
}

// lookup has the name of s looked up.
func (c *Client) lookup(s *server) {
	if e := c.entry(s); !e.pending {
		e.wanted, e.pending = false, true
		e.next = c.now + namePause
		c.out.Lookup = append(c.out.Lookup, e.cfg.NBMA)
	}
}

// doubt has the name of s looked up again soon, since traffic to it may be dead
// because it is somewhere else now.
func (c *Client) doubt(s *server) {
	if s.named() {
		e := c.entry(s)
		e.wanted, e.doubted = true, true
		c.look()
	}
}

// look looks the names up for which it is time.
func (c *Client) look() {
	for _, e := range c.entries {
		if e.wanted && !e.pending && c.now >= e.next {
			c.lookup(e.servers[0])
		}
	}
}

// deadlines appends when the name is to be looked up.
func (e *entry) deadlines(all []Instant) []Instant {
	if e.wanted && !e.pending {
		all = append(all, e.next)
	}
	return all
}

// Resolved tells what a name points to.
func (c *Client) Resolved(now Instant, name string, addresses []netip.Addr, err error) Effects {
	c.now = now
	var usable []netip.Addr
	for _, a := range addresses {
		if a = a.Unmap(); a.Is4() && !slices.Contains(usable, a) {
			usable = append(usable, a)
		}
	}
	if err != nil {
		err = fmt.Errorf("its name cannot be resolved: %w", err)
	} else if len(usable) == 0 {
		err = errors.New("its name has no IPv4 address")
	}
	for _, e := range c.entries {
		if e.cfg.NBMA == name && e.pending {
			e.pending = false
			c.resolved(e, usable, err)
		}
	}
	return c.settle()
}

func (c *Client) resolved(e *entry, addresses []netip.Addr, err error) {
	c.stale = true
	doubted := e.doubted
	e.doubted = false
	if err != nil {
		for _, s := range e.servers {
			if s.resolve {
				c.restart(s, err)
			}
		}
		return
	}
	if !e.cfg.Address.IsValid() {
		c.populate(e, addresses)
		return
	}
	s := e.servers[0]
	known := slices.Contains(addresses, s.nbma)
	switch {
	case s.nbma.IsValid() && !known && (doubted || s.resolve):
		c.event(slog.LevelInfo, s, "the hub's name points to another address now", "before", s.nbma, "now", addresses[0])
		s.begin(c.uplink.Address, c.now)
		s.nbma, s.registration.Refresh = addresses[0], 0
	case !s.nbma.IsValid():
		s.nbma = addresses[0]
	case s.resolve && len(addresses) > 1:
		// Where it was nobody answers, or we would not look. There are others.
		s.nbma = addresses[(slices.Index(addresses, s.nbma)+1)%len(addresses)]
	}
	s.resolve = false
}

// populate makes the servers of e those at the addresses. One that is up stays,
// whatever the name says.
func (c *Client) populate(e *entry, addresses []netip.Addr) {
	e.servers = slices.DeleteFunc(e.servers, func(s *server) bool {
		gone := s.nbma.IsValid() && !s.live && !slices.Contains(addresses, s.nbma)
		if gone {
			c.leave(s)
		}
		return gone
	})
	for _, a := range addresses {
		e.add(a).resolve = false
	}
	for _, s := range e.servers {
		s.resolve = false
	}
	c.sort()
	if !slices.Contains(c.order, c.via) {
		c.via = c.order[0]
	}
}
