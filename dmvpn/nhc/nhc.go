// Package nhc is the Next Hop Client of NHRP (RFC 2332): a spoke's side of the
// conversation with its next hop servers, which everybody calls hubs.
//
// A [Client] is a pure state machine. It is told what happened and when, and
// answers with [Effects]: packets to send, names to look up, peers to protect.
// It knows no clock, socket or kernel, so hours of it pass in a test in no time.
// Its methods are for one caller at a time.
//
// What holds at all times:
//
//   - Nothing is sent to a peer whose traffic is not protected, but for what
//     Probe asks for.
//   - Request ids never repeat, not even over a reboot: servers take an id they
//     have seen for a retransmission.
//   - A registration is renewed when it is due or when something it depends on
//     has changed, and not because the process was restarted.
//   - Only the peer that was asked can answer.
package nhc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// Instant is a time since boot, so that it never jumps and the next process
// shares it.
type Instant = time.Duration

// Uplink is what the tunnel's packets leave by. The zero Uplink is down.
type Uplink struct {
	// Address is ours on it.
	Address netip.Addr
	// Index is the link's, and VRF where its routes are.
	Index int
	VRF   string
	// MTU is the largest IP packet that the link carries, in octets, 0 while
	// unknown.
	MTU int
}

// Client is the Next Hop Client of one tunnel.
type Client struct {
	cfg Config
	now Instant
	// uplink is the present one, and last the one that was up last.
	uplink, last Uplink
	entries      []*entry
	// order is every server, best first.
	order []*server
	// via is the server that the static routes lead to.
	via *server
	// protections are by the peer's NBMA address.
	protections map[netip.Addr]*protection
	// requestID is the last one used, reservedID the last one that the kept State
	// says may have been, and seed the least that the next may be.
	requestID, reservedID, seed uint32
	// saveAt is when the State is to be kept at the latest, 0 for never.
	saveAt Instant
	// registered says that there was a registration in this boot.
	registered bool
	counters   counting
	limits     limits
	// prefixes are the networks behind the box, and told who knows of them.
	prefixes []netip.Prefix
	told     []told
	// retractions purge what some know wrongly.
	retractions []*retraction
	// questions wait for their answers.
	questions []*question
	// askedIDs are those of the last resolution requests.
	askedIDs []uint32
	// targets are destinations that a direct path is looked for, shortcuts the
	// prefixes that have one or are to have, and peers the spokes they lead to.
	targets   []*target
	shortcuts []*shortcut
	peers     []*peer
	// shared is who is behind our public address as well, as far as we know.
	shared Shared
	// octets is the packet that is being read.
	octets []byte

	// out is what the present input brings about. kernel is what of it the
	// kernel was told last.
	out    Effects
	kernel kernel
	// stale says that what the kernel and the Protector were told last may differ
	// from what they should be told. With many paths it costs much to find out.
	stale bool
}

// New returns the Client that cfg, which must be valid, describes, going on from
// what an earlier one left in state. seed is the wall clock in seconds: it counts
// faster than requests are sent, so that ids do not repeat when the state is lost.
func New(cfg Config, state State, seed uint32, now Instant) *Client {
	c := &Client{
		cfg: cfg, now: now, seed: seed, requestID: state.RequestID, reservedID: state.RequestID,
		protections: make(map[netip.Addr]*protection), counters: newCounting(), limits: newLimits(now),
	}
	for _, s := range cfg.Servers {
		c.entries = append(c.entries, newEntry(s))
	}
	c.shared = state.Shared
	c.restore(state)
	c.restoreShortcuts(state.Shortcuts)
	c.sort()
	c.via = c.order[0]
	c.choose()
	c.kernel = c.wanted()
	c.out = Effects{}
	return c
}

// Uplink tells what the tunnel's packets leave by from now on.
func (c *Client) Uplink(now Instant, u Uplink) Effects {
	c.now = now
	was := c.uplink
	c.uplink = u
	if was == u {
		return c.settle()
	}
	moved := !was.same(u)
	for _, s := range c.order {
		if !moved {
			// What changed is the MTU, which servers were told.
			s.registration.Refresh = 0
			continue
		}
		s.begin(u.Address, now)
	}
	for _, p := range c.protections {
		p.since = now
	}
	if !u.Address.IsValid() {
		return c.settle()
	}
	for _, s := range c.order {
		if s.lastError == uplinkDown {
			s.lastError = ""
		}
	}
	if c.last.Address.IsValid() && !c.last.same(u) {
		c.questions = nil
		c.told, c.retractions = nil, nil // who believes an answer would look for us where we were
		for _, p := range c.peers {
			c.call(p)
		}
	}
	c.last = u
	return c.settle()
}

// same reports whether packets leave by the same address over both.
func (u Uplink) same(o Uplink) bool {
	return u.Address == o.Address && u.Index == o.Index && u.VRF == o.VRF
}

// Protected tells how the last attempt to protect traffic with the peer ended.
func (c *Client) Protected(now Instant, nbma netip.Addr, err error) Effects {
	c.now = now
	if p := c.protections[nbma]; p != nil {
		p.state, p.since = protectionUp, now
		if err != nil {
			p.state = protectionFailed
			c.unprotected(nbma, err)
		}
	}
	return c.settle()
}

// Lost tells that the protection of a peer was lost, or that a newly
// authenticated one took its place: the peer may have forgotten us.
func (c *Client) Lost(now Instant, nbma netip.Addr) Effects {
	c.now = now
	for _, s := range c.order {
		if s.nbma == nbma || s.registration.NBMA == nbma {
			s.registration.Refresh, s.request = 0, nil
		}
	}
	if p := c.protections[nbma]; p != nil {
		c.ask(nbma, p)
	}
	return c.settle()
}

// Came tells that a spoke has called us, and traffic with it is protected.
func (c *Client) Came(now Instant, nbma netip.Addr) Effects {
	c.now = now
	for _, p := range c.peers {
		if p.nbma == nbma && p.phase == PathHeld && !c.crowded(p) {
			p.phase = PathWaiting // we may have called in vain
		}
	}
	c.heard(nbma)
	return c.settle()
}

// Unsent tells that a packet could not be sent.
func (c *Client) Unsent(now Instant, m Message, err error) Effects {
	c.now = now
	c.counters.Unsent++
	for _, s := range c.order {
		if s.nbma == m.NBMA && m.Type == nhrp.RegistrationRequest {
			c.fail(s, err)
		}
	}
	return c.settle()
}

// Tick tells that time has passed. It is called at the Deadline.
func (c *Client) Tick(now Instant) Effects {
	c.now = now
	return c.settle()
}

// Close takes the registrations back, so that the hubs do not send into a void
// for the rest of the holding time. Nothing of the State is worth keeping then.
func (c *Client) Close(now Instant) Effects {
	c.now = now
	for _, t := range c.told {
		if now < t.until && c.isUp(t.nbma) {
			p := c.purgeRequest(t, c.nextID())
			p.Flags = nhrp.PurgeNoReply // there is no time to wait for one
			c.send(t.nbma, p)
		}
	}
	for _, s := range c.order {
		c.leave(s)
	}
	return c.take()
}

// Deadline returns when Tick is due at the latest, and false if that is never.
func (c *Client) Deadline() (Instant, bool) {
	var all []Instant
	if c.saveAt != 0 {
		all = append(all, c.saveAt)
	}
	for _, e := range c.entries {
		all = e.deadlines(all)
	}
	if c.uplink.Address.IsValid() {
		for _, s := range c.order {
			all = c.deadlines(s, all)
		}
		all = c.pathDeadlines(all)
	}
	if len(all) == 0 {
		return 0, false
	}
	return max(slices.Min(all), c.now), true
}

// settle does what follows from the Client's state, until nothing more does.
func (c *Client) settle() Effects {
	c.look()
	for {
		for _, s := range c.order {
			c.advance(s)
		}
		if !c.choose() {
			break
		}
	}
	c.resolve()
	c.paths()
	c.answerQuestions()
	c.sendRetractions()
	c.noteStretches()
	if c.stale {
		c.stale = false
		c.release()
		if k := c.wanted(); !k.equal(c.kernel) {
			c.kernel, c.out.Kernel = k, true
		}
	}
	return c.take()
}

func (c *Client) take() Effects {
	if c.saveAt != 0 && c.now >= c.saveAt {
		c.out.Save = true
	}
	if c.out.Save {
		c.saveAt = 0
	}
	out := c.out
	c.out = Effects{}
	return out
}

// idBlock is how many request ids are reserved at a time, so that not each of them
// is a reason to keep the State.
const idBlock = 100

// nextID returns an id that was never used.
func (c *Client) nextID() uint32 {
	c.requestID = max(c.requestID+1, c.seed)
	if c.requestID > c.reservedID {
		c.reservedID, c.out.Save = c.requestID+idBlock, true
	}
	return c.requestID
}

// saveTime is how long a renewal may go without being kept: a process that starts
// anew renews once more.
const saveTime = time.Second

// saveSoon has the State kept before long.
func (c *Client) saveSoon() {
	if c.saveAt == 0 {
		c.saveAt = c.now + saveTime
	}
}
