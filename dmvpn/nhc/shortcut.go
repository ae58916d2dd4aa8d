package nhc

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// PathPhase is where the direct path to another spoke stands.
type PathPhase string

// The phases of a path. Only PathUp carries traffic: make before break.
const (
	// PathWaiting: the peer is behind a NAT, so it is to call us.
	PathWaiting PathPhase = "waiting"
	// PathProtecting: IKE and IPsec are on their way.
	PathProtecting PathPhase = "protecting"
	// PathProbing: packets go there and none has been answered yet.
	PathProbing PathPhase = "probing"
	PathUp      PathPhase = "up"
	// PathHeld: it did not come to be, and is left alone for a while.
	PathHeld PathPhase = "held"
)

const (
	// callAfter is how long a peer behind a NAT is awaited. Its NAT may well map
	// our call to it, and who is on its way already takes no harm.
	callAfter = 3 * time.Second
	// maxProbes are sent, the second after firstProbe, and each further one after
	// twice the time: the first may be early by the moment that the other end takes
	// to set its SA up.
	maxProbes  = 5
	firstProbe = 200 * time.Millisecond
	// minHold and maxHold bound how long a path that failed is left alone.
	minHold, maxHold = time.Minute, 10 * time.Minute
	// maxPeers and maxShortcuts bound the paths, and the prefixes over them.
	maxPeers, maxShortcuts = 1024, 4096
	// renewPause is the time between attempts to renew for which there is no room.
	renewPause = 5 * time.Second
	// keptAfterRestart is for how long a path that an earlier process had may be
	// unprotected before it counts as gone.
	keptAfterRestart = 2 * time.Second
)

// peer is another spoke, and the direct path to it.
type peer struct {
	address, claimed, nbma netip.Addr
	phase                  PathPhase
	stretch                stretch
	// next is when the phase ends or the next probe is due.
	next   Instant
	reason string
	// probe is the id of the request that is to come back, tries how often it was
	// sent.
	probe uint32
	tries int
	// hold is for how long the path is left alone when it fails again.
	hold time.Duration
	// inherited is until when a path of an earlier process needs no proof.
	inherited Instant
	// octets went there when last looked at, and used is when some did.
	octets uint64
	used   Instant
}

// natted reports whether the peer is behind a NAT.
func (p *peer) natted() bool { return p.claimed != p.nbma }

// shortcut is a prefix that is reached by a direct path.
type shortcut struct {
	prefix netip.Prefix
	// dst is the address in it that was asked about.
	dst  netip.Addr
	peer *peer
	// renewing says that it is being confirmed again.
	renewing bool
	// since is when it was last confirmed, and until when it is to be believed.
	since, until Instant
	// again is from when on it may be tried again after that has failed.
	again Instant
}

// renewAt is when a shortcut in use is confirmed again.
func (s *shortcut) renewAt() Instant { return max(s.since+(s.until-s.since)*2/3, s.again) }

// bind remembers that b's prefix is reached by b's member, and begins to make the
// path to it. It reports whether there may be one.
func (c *Client) bind(b binding) bool {
	c.stale = true
	p := c.peer(b)
	if p == nil || len(c.shortcuts) >= maxShortcuts {
		c.counters.Limited++
		return false
	}
	for _, s := range c.shortcuts {
		if s.prefix == b.prefix {
			s.peer, s.dst, s.since, s.until, s.renewing = p, b.dst, c.now, b.until, false
			c.saveSoon()
			return true
		}
	}
	c.shortcuts = append(c.shortcuts, &shortcut{prefix: b.prefix, dst: b.dst, peer: p, since: c.now, until: b.until})
	c.out.Save = true
	return true
}

// peer returns the member that b describes, new if need be, nil if there are too
// many.
func (c *Client) peer(b binding) *peer {
	i := slices.IndexFunc(c.peers, func(p *peer) bool { return p.address == b.address })
	if i >= 0 {
		p := c.peers[i]
		if p.nbma != b.nbma || p.claimed != b.claimed {
			p.nbma, p.claimed = b.nbma, b.claimed
			c.call(p)
		}
		return p
	}
	if len(c.peers) >= maxPeers {
		return nil
	}
	p := &peer{address: b.address, claimed: b.claimed, nbma: b.nbma, hold: minHold, used: c.now, stretch: stretch{since: c.now}}
	c.peers = append(c.peers, p)
	c.call(p)
	return p
}

// call begins to make the path to p by the rules of NAT: who is behind one calls,
// as it cannot be called.
func (c *Client) call(p *peer) {
	public, natted := c.public()
	p.tries, p.probe, p.inherited = 0, 0, 0
	c.stale = true
	switch {
	case p.nbma == public || p.nbma == c.uplink.Address:
		c.share(p.address)
		c.holdPath(p, betweenNATs(p.nbma, p.nbma))
	case c.crowded(p):
		c.holdPath(p, fmt.Sprintf("another spoke is reached at %s already, behind the same NAT", p.nbma))
	case natted && p.natted():
		c.holdPath(p, betweenNATs(p.nbma, public))
	case p.natted():
		p.phase, p.next = PathWaiting, c.now+callAfter
	default:
		p.phase, p.next = PathProtecting, c.now
	}
}

// crowded reports whether another path leads to where p is.
func (c *Client) crowded(p *peer) bool {
	return slices.ContainsFunc(c.peers, func(o *peer) bool { return o != p && o.nbma == p.nbma && o.phase != PathHeld })
}

// holdPath leaves the path to p alone for a while. Traffic stays on the hub.
func (c *Client) holdPath(p *peer, reason string) {
	c.note(slog.LevelInfo, "no direct path: traffic stays on the hub", "spoke", p.address, "nbma", p.nbma, "cause", reason, "for", p.hold)
	p.phase, p.reason, p.next = PathHeld, reason, c.now+p.hold
	c.stale = true
	p.hold = min(2*p.hold, maxHold)
}

// heard notes that a peer has called us: what protects the path is there.
func (c *Client) heard(from netip.Addr) {
	for _, p := range c.peers {
		if p.nbma == from && p.phase == PathWaiting {
			p.phase, p.next, c.stale = PathProtecting, c.now, true
		}
	}
}

// proven notes that a packet sent straight to p was answered.
func (c *Client) proven(p *peer) {
	if p.phase != PathProbing {
		return
	}
	p.phase, p.reason, p.hold = PathUp, "", minHold
	c.out.Save, c.stale = true, true
	c.note(slog.LevelInfo, "direct path to a spoke is up", "spoke", p.address, "nbma", p.nbma)
}

// paths takes every path as far as it goes now, and forgets what is not used.
func (c *Client) paths() {
	c.expireShortcuts()
	if !c.uplink.Address.IsValid() {
		return
	}
	for _, p := range c.peers {
		c.advancePath(p)
	}
}

func (c *Client) advancePath(p *peer) {
	switch {
	case p.phase == PathWaiting && c.now >= p.next:
		p.phase, c.stale = PathProtecting, true
	case p.phase == PathHeld && c.now >= p.next:
		c.call(p)
	}
	if p.phase == PathWaiting || p.phase == PathHeld {
		return
	}
	state := c.protect(p.nbma).state
	switch {
	case state == protectionFailed:
		c.ask(p.nbma, c.protections[p.nbma])
	case state != protectionUp && p.phase == PathUp && c.now < p.inherited:
	case state != protectionUp && p.phase != PathProtecting:
		c.note(slog.LevelInfo, "direct path to a spoke is gone: traffic goes by the hub", "spoke", p.address, "nbma", p.nbma)
		p.phase, c.out.Save, c.stale = PathProtecting, true, true
	case state == protectionUp && p.phase == PathProtecting:
		p.phase, p.probe, p.tries, p.next = PathProbing, c.questionID(), 0, c.now
	}
	if p.phase == PathProbing && c.now >= p.next {
		if p.tries == maxProbes {
			c.holdPath(p, "IPsec is up, and nothing comes back through it")
			return
		}
		c.send(p.nbma, c.resolutionRequest(p.probe, p.address))
		p.tries, p.next = p.tries+1, c.now+firstProbe<<p.tries
	}
}

// expireShortcuts renews what is used and forgets what is not.
func (c *Client) expireShortcuts() {
	for _, s := range c.shortcuts {
		if s.peer.phase == PathUp && c.now >= s.renewAt() && s.peer.used > s.since && !s.renewing {
			if s.renewing = c.seek(s.dst, s, false); !s.renewing {
				s.again = c.now + renewPause
			}
		}
	}
	before := len(c.shortcuts)
	c.shortcuts = slices.DeleteFunc(c.shortcuts, func(s *shortcut) bool { return c.now >= s.until })
	if len(c.shortcuts) == before {
		return
	}
	c.out.Save, c.stale = true, true
	used := make(map[*peer]bool, len(c.peers))
	for _, s := range c.shortcuts {
		used[s.peer] = true
	}
	c.peers = slices.DeleteFunc(c.peers, func(p *peer) bool { return !used[p] })
}

// forget removes the shortcuts to what a purge names, if from may speak for them.
func (c *Client) forget(prefix netip.Prefix, from netip.Addr) {
	for _, s := range c.shortcuts {
		covered := prefix.Contains(s.prefix.Addr()) && prefix.Bits() <= s.prefix.Bits() || s.prefix.Contains(prefix.Addr())
		if covered && (s.peer.nbma == from || c.isServer(from)) {
			s.until = c.now
		}
	}
}

// Used tells how many octets have left for each peer, by NBMA address. They may
// begin anew at any time.
func (c *Client) Used(now Instant, octets map[netip.Addr]uint64) Effects {
	c.now = now
	for _, p := range c.peers {
		if n := octets[p.nbma]; n != p.octets {
			p.octets = n
			if n > 0 {
				p.used = now
			}
		}
	}
	return c.settle()
}

// pathDeadlines appends when a target, a path or a shortcut has something to do.
func (c *Client) pathDeadlines(all []Instant) []Instant {
	for _, t := range c.targets {
		all = append(all, max(t.next, t.held))
	}
	for _, q := range c.questions {
		all = append(all, q.until)
	}
	for _, r := range c.retractions {
		all = append(all, min(r.next, r.until))
	}
	for _, p := range c.peers {
		switch {
		case p.phase == PathUp && c.now < p.inherited:
			all = append(all, p.inherited)
		case p.phase == PathUp, p.phase == PathProtecting:
		default:
			all = append(all, p.next)
		}
	}
	for _, s := range c.shortcuts {
		all = append(all, s.until)
		if s.peer.phase == PathUp && s.peer.used > s.since && !s.renewing {
			all = append(all, s.renewAt())
		}
	}
	return all
}

// isUp reports whether traffic with a peer is protected.
func (c *Client) isUp(nbma netip.Addr) bool {
	p := c.protections[nbma]
	return p != nil && p.state == protectionUp
}

// shortcutKernel adds what shortcuts need of the kernel.
func (c *Client) shortcutKernel(k *kernel, taken map[netip.Addr]bool) {
	static := k.routes
	for _, p := range c.peers {
		if p.phase == PathUp && !taken[p.address] {
			k.neighbours = append(k.neighbours, Neighbour{p.address, p.nbma})
			taken[p.address] = true
		}
	}
	for _, t := range c.targets {
		if t.missing && !taken[t.dst] && c.via.at.IsValid() {
			k.neighbours = append(k.neighbours, Neighbour{t.dst, c.via.at})
			taken[t.dst] = true
		}
	}
	for _, s := range c.shortcuts {
		if s.peer.phase != PathUp || s.prefix.Addr() == s.peer.address {
			continue
		}
		r := Route{s.prefix, s.peer.address}
		// Only the static routes, which come first, may be for the same.
		if i := slices.IndexFunc(static, func(o Route) bool { return o.Prefix == s.prefix }); i >= 0 {
			k.routes[i] = r
			continue
		}
		k.routes = append(k.routes, r)
	}
}

// note notes something about nobody in particular.
func (c *Client) note(level slog.Level, text string, attrs ...any) {
	c.out.Events = append(c.out.Events, Event{level, text, attrs})
}

// Shortcut is one in a State.
type Shortcut struct {
	Prefix netip.Prefix `json:"prefix"`
	// Asked is the address in it that was asked about.
	Asked   netip.Addr `json:"asked"`
	Address netip.Addr `json:"address"`
	Claimed netip.Addr `json:"claimed"`
	NBMA    netip.Addr `json:"nbma"`
	Up      Instant    `json:"up,omitempty"` // when the path came up
	Since   Instant    `json:"since"`
	Until   Instant    `json:"until"`
}

// restoreShortcuts takes over the direct paths of an earlier process.
func (c *Client) restoreShortcuts(all []Shortcut) {
	if !c.cfg.Shortcut {
		return
	}
	for _, s := range all {
		if c.now >= s.Until || !c.cfg.Address.Contains(s.Address) {
			continue
		}
		i := slices.IndexFunc(c.peers, func(p *peer) bool { return p.address == s.Address })
		if i < 0 {
			i = len(c.peers)
			c.peers = append(c.peers, &peer{
				address: s.Address, claimed: s.Claimed, nbma: s.NBMA, phase: PathUp, hold: minHold,
				inherited: c.now + keptAfterRestart, used: c.now, stretch: stretch{true, s.Up},
			})
		}
		c.shortcuts = append(c.shortcuts, &shortcut{prefix: s.Prefix, dst: s.Asked, peer: c.peers[i], since: s.Since, until: s.Until})
	}
}

// saveShortcuts returns the direct paths that are up.
func (c *Client) saveShortcuts() []Shortcut {
	var all []Shortcut
	for _, s := range c.shortcuts {
		if p := s.peer; p.phase == PathUp {
			all = append(all, Shortcut{s.prefix, s.dst, p.address, p.claimed, p.nbma, p.stretch.since, s.since, s.until})
		}
	}
	return all
}

// probePath begins a probe of the direct path to a peer: the answer shows that it
// works.
func (c *Client) probePath(nbma netip.Addr) {
	for _, p := range c.peers {
		if p.nbma == nbma && p.phase == PathUp && c.now >= p.next && c.isUp(nbma) {
			p.probe, p.next = c.questionID(), c.now+probePause
			c.send(nbma, c.resolutionRequest(p.probe, p.address))
		}
	}
}
