package nhc

import (
	"log/slog"
	"net/netip"
	"time"
)

// Phase is where a server's registration stands.
type Phase string

// The phases in their order. A server goes back to Down when the uplink changes
// or the server stays silent, and to Protecting when the protection is replaced:
//
//	Waiting ─needed→ Down ─uplink, name→ Protecting ─SA→ Registering ─reply→ Registered
//	                                                          ↑ when it is due ┘
const (
	// Waiting: its cluster has as many better servers as it may have.
	Waiting Phase = "waiting"
	// Down: the uplink is down, the name unknown, or there is a pause before all
	// starts anew.
	Down Phase = "down"
	// Protecting: IKE and IPsec are on their way.
	Protecting Phase = "protecting"
	// Registering: requests are being sent.
	Registering Phase = "registering"
	// Registered: the server has granted the registration.
	Registered Phase = "registered"
)

// maxRestart is the longest pause before everything starts anew: what failed was
// a name, or protection, which takes its own time to fail.
const maxRestart = 5 * time.Second

// uplinkDown is why no server is registered with while there is no uplink.
const uplinkDown = "the uplink is down"

// server is one next hop server that we register with.
type server struct {
	cfg   Server
	phase Phase
	// address is the server's in the tunnel, invalid until known.
	address netip.Addr
	// nbma is where we register, invalid until known, and at where the neighbour
	// is: the former address until the new one is protected.
	nbma, at netip.Addr
	// resolve says that the name must be looked up before anything else.
	resolve bool
	// restartAt is when all starts anew, backoff the pause before, and began when
	// it did last.
	restartAt, began Instant
	backoff          time.Duration

	// wanted says that the server is to be registered with.
	wanted bool
	// live says that the server is fit to carry the static routes; down that it
	// was not, and cleared only when it has been live until returns.
	live, down bool
	returns    Instant

	stretch stretch
	// purgeable is from when on a purge may bring about another registration.
	purgeable    Instant
	registration Registration
	request      *request
	probe        probe
	lastError    string

	requests, replies, refusals uint64
}

func newServer(cfg Server, nbma netip.Addr) *server {
	return &server{cfg: cfg, phase: Down, address: cfg.Address, nbma: nbma, resolve: !nbma.IsValid(), backoff: minRetry}
}

// title names the server in the log.
func (s *server) title() any {
	if s.address.IsValid() {
		return s.address
	}
	return s.nbma
}

// named reports whether the server is known by a name.
func (s *server) named() bool {
	_, err := netip.ParseAddr(s.cfg.NBMA)
	return err != nil
}

// begin starts anew on another uplink. While a registration made under the same
// claim lasts, that is where the server is.
func (s *server) begin(claimed netip.Addr, now Instant) {
	s.request, s.restartAt, s.backoff, s.began = nil, 0, minRetry, now
	s.resolve = s.named() && s.due(claimed, now) <= 0
}

// due returns how long the registration needs no renewal, if we are at claimed; 0
// or less if it does now.
func (s *server) due(claimed netip.Addr, now Instant) time.Duration {
	if r := s.registration; r.Claimed == claimed && r.NBMA == s.nbma {
		return r.Refresh - now
	}
	return 0
}

// advance takes s as far as it can go now.
func (c *Client) advance(s *server) {
	switch {
	case !c.uplink.Address.IsValid():
		s.phase, s.lastError = Down, uplinkDown
		return
	case !s.wanted:
		s.phase, s.lastError = Waiting, ""
		return
	case c.now < s.restartAt:
		s.phase = Down
		return
	case s.resolve:
		s.phase = Down
		c.lookup(s)
		return
	}
	p := c.protect(s.nbma)
	switch p.state {
	case protectionFailed:
		c.ask(s.nbma, p)
		fallthrough
	case protectionAsked:
		s.phase, s.request = Protecting, nil
		if c.now-p.since >= unprotectedAfter {
			c.fall(s)
			c.doubt(s)
		}
	case protectionUp:
		if s.at != s.nbma {
			s.at, c.stale = s.nbma, true
		}
		c.register(s)
	}
	c.sendProbe(s)
}

// restart lets everything start anew after a pause, from the name on.
func (c *Client) restart(s *server, err error) {
	c.fail(s, err)
	if c.now-s.began > maxRetry {
		s.backoff = minRetry
	}
	s.phase, s.request = Down, nil
	s.restartAt, s.resolve = c.now+s.backoff, s.named()
	s.backoff, s.began = min(2*s.backoff, maxRestart), s.restartAt
}

// rise notes that the server is registered with.
func (c *Client) rise(s *server) {
	if !s.live {
		s.live, s.returns, c.stale = true, c.now+c.cfg.Fallback, true
	}
	s.phase, s.lastError = Registered, ""
}

// fall notes that the server is not fit to carry anything.
func (c *Client) fall(s *server) {
	c.stale = c.stale || s.live
	s.live, s.down = false, true
}

// fail keeps what went wrong and tells it, once for as long as it is the same.
func (c *Client) fail(s *server, err error) {
	sentence := err.Error()
	if s.lastError != sentence {
		c.event(slog.LevelWarn, s, "not registered with the hub", "cause", sentence)
	}
	s.lastError = sentence
}

// leave takes the registration back, as far as the server can be told.
func (c *Client) leave(s *server) {
	if c.now < s.registration.Until {
		c.out.Save = true
		if p := c.protections[s.registration.NBMA]; p != nil && p.state == protectionUp {
			c.sendPurge(s)
		}
	}
	s.registration, s.request, s.at, s.live, s.phase = Registration{}, nil, netip.Addr{}, false, Down
	c.stale = true
}

// deadlines appends when s has something to do.
func (c *Client) deadlines(s *server, all []Instant) []Instant {
	if !s.wanted {
		return all
	}
	if s.live && s.down {
		all = append(all, s.returns)
	}
	if s.probe.pending {
		all = append(all, s.probe.next)
	}
	if c.now < s.restartAt {
		return append(all, s.restartAt)
	}
	p := c.protections[s.nbma]
	switch {
	case s.resolve || p == nil:
	case p.state == protectionAsked && (s.live || !s.down):
		all = append(all, p.since+unprotectedAfter)
	case p.state == protectionUp && s.request != nil:
		all = append(all, s.request.next)
	case p.state == protectionUp:
		all = append(all, s.registration.Refresh)
	}
	return all
}
