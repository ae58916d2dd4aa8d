package nhc

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

const (
	// minRetry is the wait for an answer to the first request; each further
	// one is twice as long, up to maxRetry. Then everything starts anew, from
	// the server's name on.
	minRetry = 1 * time.Second
	maxRetry = 64 * time.Second
	// silentAfter is the wait after whose vain end a server counts as down:
	// the third, 7 s after the first request.
	silentAfter = 4 * time.Second
)

var errSilent = errors.New("it does not answer NHRP registrations: check that its tunnel has NHRP, our key and our authentication string")

// request is a registration request that is not yet granted.
type request struct {
	id uint32
	// wait is for how long the present attempt is given, and next its end.
	wait time.Duration
	next Instant
	// answered says that an answer came in the present attempt.
	answered bool
	// purged says that the server was asked to forget what it had of us.
	purged bool
}

// register sees to the registration with s, whose traffic is protected.
func (c *Client) register(s *server) {
	r := s.request
	switch {
	case r == nil && s.due(c.uplink.Address, c.now) > 0:
		c.rise(s)
		return
	case r == nil:
		if s.named() && s.registration.Claimed.IsValid() {
			// What the name points to is known again before the server is needed
			// elsewhere.
			c.entry(s).wanted = true
			c.look()
		}
		s.request = &request{id: c.nextID(), wait: minRetry}
	case c.now < r.next:
		c.expire(s)
		return
	default:
		if !r.answered && r.wait >= silentAfter {
			c.fail(s, errSilent)
		}
		if r.wait >= silentAfter {
			c.fall(s)
		}
		if r.wait *= 2; r.wait > maxRetry {
			c.restart(s, errSilent)
			return
		}
	}
	c.expire(s)
	c.attempt(s)
}

// expire notes that a registration is in force no more. A renewal leaves it so
// until it expires.
func (c *Client) expire(s *server) {
	if s.phase != Registered || c.now >= s.registration.Until {
		s.phase = Registering
	}
}

// attempt sends the request of s.
func (c *Client) attempt(s *server) {
	s.requests++
	s.request.answered, s.request.next = false, c.now+s.request.wait
	c.send(s.nbma, c.registrationRequest(s.request.id, s))
}

// answered acts on the answer to a registration request of s.
func (c *Client) answered(s *server, p *nhrp.Packet, unauthenticated error) {
	probing := s.request == nil || s.request.id != answeredID(p)
	g, err := c.judge(s, p, unauthenticated)
	switch {
	case err == nil:
		if s.phase == Registering || s.phase == Registered {
			c.accept(s, g)
		}
	case probing:
		// It was to show that the server answers, and it does.
	default:
		s.request.answered = true
		s.refusals++
		c.fail(s, err)
		c.fall(s)
		if errors.Is(err, errTaken) && !s.request.purged {
			// The holder may be ourselves, under a former address.
			c.sendPurge(s)
			s.request.id, s.request.purged = c.nextID(), true
			c.attempt(s)
		}
	}
}

// accept remembers what a server granted.
func (c *Client) accept(s *server, g grant) {
	if g.observed.IsValid() {
		c.out.Seen = append(c.out.Seen, Sighting{s.nbma, g.observed})
	}
	interval := max(g.holdingTime/3, minRetry)
	if i := c.cfg.Interval; i != 0 && i < g.holdingTime {
		interval = i
	}
	claimed, before := c.uplink.Address, s.registration
	recovered, first := s.lastError != "", !c.registered
	s.replies++
	s.request = nil
	if s.address != g.address {
		s.address, c.stale = g.address, true
	}
	s.registration = Registration{
		Address:  c.cfg.Address.Addr(),
		Claimed:  claimed,
		Observed: g.observed,
		NBMA:     s.nbma,
		Name:     s.cfg.NBMA,
		Group:    c.cfg.Group,
		Refresh:  c.now + interval,
		Until:    c.now + g.holdingTime,
	}
	s.lastError = ""
	c.registered, c.out.Save = true, true

	attrs := []any{"claimed", claimed, "holding-time", g.holdingTime}
	if g.observed.IsValid() {
		attrs = append(attrs, "observed", g.observed, "behind-nat", g.observed != claimed)
	}
	switch {
	case first:
		c.event(slog.LevelInfo, s, "registered with the hub", append(attrs, "milestone", "nhrp")...)
	case recovered, before.Claimed != claimed, before.Observed != g.observed:
		c.event(slog.LevelInfo, s, "registered with the hub", attrs...)
	default:
		c.event(slog.LevelDebug, s, "renewed the registration with the hub", attrs...)
	}
}

// asked returns the server at an NBMA address that was asked by the registration
// request of the given id, nil if none was.
func (c *Client) asked(from netip.Addr, id uint32) *server {
	for _, s := range c.order {
		if s.nbma == from && (s.request != nil && s.request.id == id || s.probe.id == id && id != 0) {
			return s
		}
	}
	return nil
}
