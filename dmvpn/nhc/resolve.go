package nhc

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

const (
	// maxTries resolution requests are sent, after 0, 1, 3, 7, 11 and 15 s, and the
	// last is given 4 s. With one packet in five lost on each of four legs, fewer
	// would fail one time in eight.
	maxTries    = 6
	maxTryPause = 4 * time.Second
	// holdTarget is how long a destination is left alone to which there is no
	// direct path.
	holdTarget = time.Minute
	// minBelief is for how long an answer is believed at least, so that a path is
	// not made and given up all the time.
	minBelief = 10 * time.Second
	// maxTargets bounds the destinations that are asked about, or held.
	maxTargets = 256
)

// target is a destination that a direct path is looked for. Its traffic stays on
// the hub meanwhile.
type target struct {
	dst netip.Addr
	// id is of the request, tries how often it was sent, and next when the
	// present attempt ends.
	id    uint32
	tries int
	next  Instant
	// held is until when nobody is asked, 0 while somebody is, for the reason.
	held   Instant
	reason string
	// missing says that the destination is a next hop without a neighbour: until
	// it has its own it gets the hub's.
	missing bool
	// renews is the shortcut that is about to expire, if any.
	renews *shortcut
}

// Missing tells that the kernel has traffic for a next hop without a neighbour: a
// member of a cloud whose hub leaves it to the spokes to find each other (phase 2).
func (c *Client) Missing(now Instant, dst netip.Addr) Effects {
	c.now = now
	if c.cfg.Shortcut && c.cfg.Address.Contains(dst) && dst != c.cfg.Address.Masked().Addr() {
		c.seek(dst, nil, true)
	}
	return c.settle()
}

// indicated acts on a traffic indication: the hub sent a packet of ours back into
// the cloud, to whom there is a shorter way.
func (c *Client) indicated(p *nhrp.Packet, from netip.Addr) bool {
	if !c.cfg.Shortcut || !slices.ContainsFunc(c.order, func(s *server) bool { return s.at == from }) {
		return false
	}
	if source, dst, ok := p.Redirected(); ok && !c.overTunnel(source) && c.provoked(from) {
		c.seek(dst, nil, false)
	}
	return true
}

// overTunnel reports whether the tunnel leads to an address. A packet from there has
// come in by the tunnel: if we asked for whom we forward it to, so would everybody
// on its way (RFC 2332, 6.4).
func (c *Client) overTunnel(a netip.Addr) bool {
	if a == c.cfg.Address.Addr() || c.local(a).IsValid() {
		return false
	}
	has := func(p netip.Prefix) bool { return p.Contains(a) }
	return has(c.cfg.Address) || slices.ContainsFunc(c.cfg.Routes, has) ||
		slices.ContainsFunc(c.shortcuts, func(s *shortcut) bool { return has(s.prefix) })
}

// seek looks for a direct path to a destination, unless there is one, or is known
// to be none. It reports whether somebody is asked now.
func (c *Client) seek(dst netip.Addr, renews *shortcut, missing bool) (asked bool) {
	switch {
	case !dst.IsValid() || dst.IsMulticast() || dst.IsUnspecified() || dst.IsLoopback() || dst.BitLen() != c.cfg.Address.Addr().BitLen():
		return false
	case dst == c.cfg.Address.Addr() || c.local(dst).IsValid():
		return false
	case slices.ContainsFunc(c.order, func(s *server) bool { return s.address == dst }):
		return false
	}
	c.stale = true
	if t := c.target(dst); t != nil {
		t.missing = t.missing || missing
		if renews == nil || t.held == 0 {
			return false
		}
		missing = t.missing // of a path that there is by now
		c.targets = slices.DeleteFunc(c.targets, func(o *target) bool { return o == t })
	}
	i := slices.IndexFunc(c.shortcuts, func(s *shortcut) bool { return s.prefix.Contains(dst) })
	if renews == nil && i >= 0 {
		// The path is there, or on its way, or held. The hub has the traffic until
		// then.
		if p := c.shortcuts[i].peer; missing && p.phase != PathUp {
			c.targets = append(c.targets, &target{dst: dst, held: c.now + holdTarget, reason: p.reason, missing: true})
		}
		return false
	}
	if len(c.targets) >= maxTargets && !c.dropHeld() {
		c.counters.Limited++
		return false
	}
	c.targets = append(c.targets, &target{dst: dst, id: c.questionID(), next: c.now, renews: renews, missing: missing})
	return true
}

// dropHeld forgets the destination that has been left alone for longest, and reports
// false if there is none.
func (c *Client) dropHeld() bool {
	oldest := -1
	for i, t := range c.targets {
		if t.held != 0 && (oldest < 0 || t.held < c.targets[oldest].held) {
			oldest = i
		}
	}
	if oldest < 0 {
		return false
	}
	c.targets = slices.Delete(c.targets, oldest, oldest+1)
	return true
}

func (c *Client) target(dst netip.Addr) *target {
	for _, t := range c.targets {
		if t.dst == dst {
			return t
		}
	}
	return nil
}

// resolve takes every target as far as it goes now.
func (c *Client) resolve() {
	before := len(c.targets)
	c.targets = slices.DeleteFunc(c.targets, func(t *target) bool { return t.held != 0 && c.now >= t.held })
	c.stale = c.stale || len(c.targets) != before
	for _, t := range c.targets {
		if t.held != 0 || c.now < t.next || !c.uplink.Address.IsValid() {
			continue
		}
		if t.tries == maxTries {
			c.holdTarget(t, "nobody answers the resolution requests")
			continue
		}
		if nbma := c.whom(t); nbma.IsValid() {
			c.send(nbma, c.resolutionRequest(t.id, t.dst))
		}
		t.next = c.now + min(time.Second<<t.tries, maxTryPause)
		t.tries++
	}
}

// whom returns the NBMA address to ask about t: each hub that is up in turn, or
// without any the peer itself whose shortcut is renewed.
func (c *Client) whom(t *target) netip.Addr {
	var live []netip.Addr
	for _, s := range c.order {
		if s.live && c.isUp(s.at) {
			live = append(live, s.at)
		}
	}
	if len(live) > 0 {
		return live[t.tries%len(live)]
	}
	if t.renews != nil && t.renews.peer.phase == PathUp && c.isUp(t.renews.peer.nbma) {
		return t.renews.peer.nbma
	}
	return netip.Addr{}
}

// holdTarget leaves a destination alone for a while.
func (c *Client) holdTarget(t *target, reason string) {
	t.held, t.reason = c.now+holdTarget, reason
	if t.renews != nil {
		t.renews.renewing, t.renews.again = false, t.held
	}
	c.note(slog.LevelInfo, "no direct path: traffic stays on the hub", "destination", t.dst, "cause", reason)
}

// maxAsked is how many resolution requests are remembered, answered or not.
const maxAsked = 256

// questionID returns the id of a new resolution request.
func (c *Client) questionID() uint32 {
	id := c.nextID()
	if c.askedIDs = append(c.askedIDs, id); len(c.askedIDs) > maxAsked {
		c.askedIDs = slices.Delete(c.askedIDs, 0, 1)
	}
	return id
}

// resolutionReply acts on a resolution reply, and reports whether it was awaited. One
// to a request that we never made is wrong (RFC 2332, 5.2.2); another one to the same
// request is not, as requests are repeated.
func (c *Client) resolutionReply(p *nhrp.Packet, from netip.Addr) bool {
	ours := p.SrcProtocol == c.cfg.Address.Addr()
	if ours && c.answeredResolution(p, from) {
		return true
	}
	if !ours || !slices.Contains(c.askedIDs, p.RequestID) {
		c.indicate(from, p, &nhrp.Fault{Code: nhrp.InvalidReply, Offset: idOffset, Problem: "nobody has asked for this answer"})
	}
	return false
}

// answeredResolution acts on the answer to a resolution request, and reports
// whether there was one.
func (c *Client) answeredResolution(p *nhrp.Packet, from netip.Addr) bool {
	id := answeredID(p)
	for _, peer := range c.peers {
		if peer.probe == id && id != 0 && (from == peer.nbma || c.isServer(from)) {
			c.proven(peer)
			return true
		}
	}
	i := slices.IndexFunc(c.targets, func(t *target) bool { return t.id == id && t.held == 0 })
	if i < 0 {
		return false
	}
	t := c.targets[i]
	if p.Type == nhrp.ErrorIndication {
		if !c.isServer(from) {
			return false
		}
		c.holdTarget(t, fmt.Sprintf("%s reports an error: %s", from, p.Error))
		return true
	}
	a, err := c.read(p, t.dst)
	if err != nil {
		c.holdTarget(t, err.Error())
		if t.renews != nil && from == t.renews.peer.nbma {
			t.renews.until = c.now // by a hub's word alone no path that works ends
		}
		return true
	}
	if !c.isServer(from) && from != a.nbma {
		c.holdTarget(t, fmt.Sprintf("%s answers for %s, whom it is not", from, a.address))
		return true
	}
	bound := c.bind(a)
	c.heard(from) // what came straight has shown that the path is there
	if a.claimed == a.nbma {
		c.heard(a.nbma) // who answers by the hub leaves the call to us
	}
	if bound && t.missing {
		// The hub carries its traffic until the path is up.
		t.held, t.reason = c.now+holdTarget, "the direct path is being made"
		return true
	}
	c.targets, c.stale = slices.Delete(c.targets, i, i+1), true
	return true
}

func (c *Client) isServer(nbma netip.Addr) bool {
	return slices.ContainsFunc(c.order, func(s *server) bool { return s.at == nbma })
}

// binding is what a member of the cloud says of itself.
type binding struct {
	prefix netip.Prefix
	// dst is the address in it that was asked about.
	dst netip.Addr
	// address is the member's in the tunnel, claimed its NBMA address as it knows
	// it, and nbma the one behind which it is, another one behind a NAT.
	address, claimed, nbma netip.Addr
	until                  Instant
}

// read reads a resolution reply about dst. The error says in a sentence why there
// is no direct path.
func (c *Client) read(p *nhrp.Packet, dst netip.Addr) (binding, error) {
	if len(p.CIEs) == 0 {
		return binding{}, fmt.Errorf("the reply about it holds no entry")
	}
	e := best(p.CIEs)
	if e.Code != nhrp.Success {
		return binding{}, c.declined(p, e.Code)
	}
	bits := int(e.PrefixLen)
	if bits == 0 || bits == uniquePrefix {
		bits = dst.BitLen()
	}
	prefix, err := dst.Prefix(bits)
	b := binding{prefix: prefix, dst: dst, address: e.Protocol, claimed: e.NBMA, nbma: e.NBMA, until: c.now + c.cfg.HoldingTime}
	if e.HoldingTime != 0 {
		b.until = c.now + max(time.Duration(e.HoldingTime)*time.Second, minBelief)
	}
	if public, ok := publicOf(p, b.address); ok {
		b.nbma = public
	}
	switch {
	case err != nil:
		return b, fmt.Errorf("the answer has a prefix of %d bits", bits)
	case !b.address.IsValid() || !b.nbma.IsValid():
		return b, fmt.Errorf("the answer does not say who has it")
	case b.address == c.cfg.Address.Addr():
		return b, fmt.Errorf("the answer is that we have it ourselves")
	case !c.cfg.Address.Contains(b.address):
		return b, fmt.Errorf("%s, who answers, is outside of the tunnel's network", b.address)
	case c.isServer(b.nbma) || slices.ContainsFunc(c.order, func(s *server) bool { return s.address == b.address }):
		return b, fmt.Errorf("it is behind the hub itself")
	case !ordinary(b.nbma):
		return b, fmt.Errorf("%s claims to be at %s, which is nobody's address", b.address, b.nbma)
	}
	return b, c.acceptable(b)
}

// best returns the entry of a reply that counts: the one of the highest preference,
// of equal ones the first. A refusal counts if there is nothing else.
func best(entries []nhrp.CIE) nhrp.CIE {
	return slices.MaxFunc(entries, func(a, b nhrp.CIE) int {
		switch granted := a.Code == nhrp.Success; {
		case granted == (b.Code == nhrp.Success):
			return cmp.Compare(a.Preference, b.Preference)
		case granted:
			return 1
		}
		return -1
	})
}

// declined says why the answer p is in the negative.
func (c *Client) declined(p *nhrp.Packet, code nhrp.Code) error {
	public, natted := c.public()
	if e, ok := p.Extension(nhrp.NATAddress); ok && code == nhrp.AdministrativelyRefused && natted {
		if cies, err := e.CIEs(p.Family, p.Protocol); err == nil && len(cies) > 0 && cies[0].NBMA.IsValid() {
			if cies[0].NBMA == public {
				c.share(cies[0].Protocol)
			}
			return errors.New(betweenNATs(cies[0].NBMA, public))
		}
	}
	return fmt.Errorf("the answer is: %s", code)
}

// betweenNATs says why there is no direct path between a spoke and us who are both
// behind NATs.
func betweenNATs(theirs, ours netip.Addr) string {
	if theirs == ours {
		return fmt.Sprintf("it shares our public address %s, and a NAT leads nothing back in", theirs)
	}
	return fmt.Sprintf("both it, seen as %s, and we, seen as %s, are behind NATs, so neither can call the other", theirs, ours)
}

// acceptable reports why b must not be believed: it would take what is not its.
func (c *Client) acceptable(b binding) error {
	switch {
	case b.prefix.Overlaps(c.cfg.Address.Masked()) && b.prefix != netip.PrefixFrom(b.address, b.address.BitLen()):
		return fmt.Errorf("%s answers for %s, which is the tunnel's own network", b.address, b.prefix)
	case b.prefix.Contains(b.nbma) || slices.ContainsFunc(c.order, func(s *server) bool { return s.at.IsValid() && b.prefix.Contains(s.at) }):
		return fmt.Errorf("%s answers for %s, which would lead the tunnel into itself", b.address, b.prefix)
	}
	for _, lan := range c.prefixes {
		if b.prefix.Overlaps(lan) {
			return fmt.Errorf("%s answers for %s, which is ours", b.address, b.prefix)
		}
	}
	return nil
}

// ordinary reports whether a may be the NBMA address of a member.
func ordinary(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// publicOf returns what the NAT extension of p says of the member with a tunnel
// address.
func publicOf(p *nhrp.Packet, address netip.Addr) (netip.Addr, bool) {
	e, ok := p.Extension(nhrp.NATAddress)
	if !ok {
		return netip.Addr{}, false
	}
	cies, err := e.CIEs(p.Family, p.Protocol)
	if err != nil {
		return netip.Addr{}, false
	}
	for _, e := range cies {
		if e.Protocol == address && e.NBMA.IsValid() {
			return e.NBMA, true
		}
	}
	return netip.Addr{}, false
}

// resolutionRequest asks who has dst (RFC 2332, 5.2.1). The NAT extension is empty
// unless we are behind a NAT.
func (c *Client) resolutionRequest(id uint32, dst netip.Addr) *nhrp.Packet {
	p := c.packet(nhrp.ResolutionRequest, id, dst)
	p.Flags = nhrp.ResolutionRouter | nhrp.ResolutionAuthoritative | nhrp.ResolutionSourceStable | nhrp.NAT
	p.CIEs = []nhrp.CIE{{PrefixLen: uint8(dst.BitLen()), HoldingTime: c.seconds()}}
	c.extend(p, nhrp.NATAddress, c.ourNAT()...)
	return p
}

// ourNAT is what the NAT extension says of us: nothing if there is no NAT.
func (c *Client) ourNAT() []nhrp.CIE {
	public, natted := c.public()
	if !natted {
		return nil
	}
	ours := c.cfg.Address.Addr()
	return []nhrp.CIE{{PrefixLen: uint8(ours.BitLen()), NBMA: public, Protocol: ours}}
}

// public returns the NBMA address by which the best hub that says so sees us, and
// whether it is behind a NAT that we are.
func (c *Client) public() (public netip.Addr, natted bool) {
	for _, s := range c.order {
		if r := s.registration; r.Observed.IsValid() && r.Claimed == c.uplink.Address && c.now < r.Until {
			return r.Observed, r.Observed != r.Claimed
		}
	}
	return c.uplink.Address, false
}
