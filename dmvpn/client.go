package dmvpn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/internal/uplink"
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
	// unprotectedAfter is how long a server may stay unprotected before it
	// counts as down. Replacing an IKE SA takes a fraction of it.
	unprotectedAfter = 2 * time.Second
)

var (
	errReplaced = errors.New("the IPsec protection was lost or replaced")
	errSilent   = errors.New("it does not answer NHRP registrations: check that its tunnel has NHRP, our key and our authentication string")
)

// client keeps the box registered with one server. It passes through the
// states in this order, back to Down when the uplink changes or a server stays
// silent, and back to Protecting when the protection is replaced:
//
//	Down ─uplink, name→ Protecting ─SA→ Registering ─reply→ Registered
//	                                          ↑ a third of the holding time ┘
type client struct {
	t      *Tunnel
	server Server
	log    *slog.Logger
	// replaced is closed once the protection that Protect gave last has gone.
	// It belongs to run.
	replaced <-chan struct{}

	// The tunnel's mu guards what follows.

	state State
	// nbma is the server's address on the underlay, invalid until known. It is
	// the device's neighbour.
	nbma netip.Addr
	// live says that the server is fit to carry the static routes.
	live bool
	// registration is the last one granted. Its Refresh is zero once it must
	// be renewed whatever the clock says.
	registration registration
	lastError    string

	requests, replies, refusals uint64
}

func newClient(t *Tunnel, server Server) *client {
	return &client{t: t, server: server, state: Down, log: t.log.With("hub", server.Address, "nbma", server.NBMA)}
}

// run keeps the box registered until ctx is cancelled.
func (c *client) run(ctx context.Context) {
	retry := minRetry
	for ctx.Err() == nil {
		up, changed := c.t.deps.Uplink.Load()
		if !up.Up {
			c.set(func() { c.state, c.lastError = Down, "the uplink is down" })
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		started := time.Now()
		session, cancel := c.whileSame(ctx, up)
		err := c.session(session, up.Address.Addr())
		moved := session.Err() != nil
		cancel()
		if moved {
			retry = minRetry
			continue
		}
		c.fail(err)
		c.set(func() { c.state = Down })
		if time.Since(started) > maxRetry {
			retry = minRetry
		}
		select {
		case <-changed:
		case <-time.After(retry):
		case <-ctx.Done():
		}
		retry = min(2*retry, maxRetry)
	}
}

// whileSame returns a context that ends as soon as the uplink is not what it
// was: another address, another link, or down.
func (c *client) whileSame(ctx context.Context, was uplink.State) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for {
			now, changed := c.t.deps.Uplink.Load()
			if !now.Up || now.Address.Addr() != was.Address.Addr() || now.Index != was.Index || now.VRF != was.VRF {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, cancel
}

// session keeps the box registered under the NBMA address claimed. It returns
// the error that needs a new start, from the server's name on.
func (c *client) session(ctx context.Context, claimed netip.Addr) error {
	nbma, err := c.resolve(ctx, claimed)
	if err != nil {
		return err
	}
	for {
		if err := c.protect(ctx, nbma); err != nil {
			return err
		}
		c.set(func() { c.nbma = nbma })
		if err := c.t.apply(); err != nil {
			return err
		}
		if err := c.keep(ctx, claimed, nbma); !errors.Is(err, errReplaced) {
			return err
		}
	}
}

// resolve returns the server's address on the underlay. While a registration
// made under the same claim lasts, that is where the server is.
func (c *client) resolve(ctx context.Context, claimed netip.Addr) (netip.Addr, error) {
	if nbma, err := netip.ParseAddr(c.server.NBMA); err == nil {
		return nbma, nil
	}
	if reg := c.current(); c.due(reg, claimed, reg.NBMA) > 0 {
		return reg.NBMA, nil
	}
	c.set(func() { c.state = Down })
	addresses, err := c.t.deps.Resolver.LookupNetIP(ctx, "ip4", c.server.NBMA)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("its name cannot be resolved: %w", err)
	}
	if len(addresses) == 0 {
		return netip.Addr{}, errors.New("its name has no IPv4 address")
	}
	return addresses[0].Unmap(), nil
}

// protect waits until traffic to the server is protected. If the protection
// that was there before has gone, the registration is due again.
func (c *client) protect(ctx context.Context, nbma netip.Addr) error {
	c.set(func() { c.state = Protecting })
	late := time.AfterFunc(unprotectedAfter, func() {
		c.down(func() bool { return c.state == Protecting })
	})
	defer late.Stop()
	replaced, err := c.t.deps.Protector.Protect(ctx, nbma)
	if err != nil {
		return fmt.Errorf("traffic to it is not protected: %w", err)
	}
	select {
	case <-c.replaced:
		c.set(func() { c.registration.Refresh = 0 })
	default:
	}
	c.replaced = replaced
	return nil
}

// keep registers and renews the registration whenever it is due. It returns
// errReplaced, errSilent, or that of ctx.
func (c *client) keep(ctx context.Context, claimed, nbma netip.Addr) error {
	for {
		if due := c.due(c.current(), claimed, nbma); due > 0 {
			if err := c.rest(ctx, due); err != nil {
				return err
			}
		}
		if err := c.register(ctx, claimed, nbma); err != nil {
			return err
		}
	}
}

// rest stays registered until the registration is due again.
func (c *client) rest(ctx context.Context, due time.Duration) error {
	c.set(func() { c.state, c.live, c.lastError = Registered, true, "" })
	if err := c.t.apply(); err != nil {
		return err
	}
	select {
	case <-time.After(due):
		return nil
	case <-c.replaced:
		return errReplaced
	case <-ctx.Done():
		return ctx.Err()
	}
}

// register sends one request until a reply grants it.
func (c *client) register(ctx context.Context, claimed, nbma netip.Addr) error {
	id, err := c.t.nextRequestID()
	if err != nil {
		return fmt.Errorf("remember the request id: %w", err)
	}
	request, err := c.t.registrationRequest(id, claimed, Neighbour{Address: c.server.Address, NBMA: nbma})
	if err != nil {
		return err
	}
	answers := c.t.exchanges.begin(id, nbma)
	defer c.t.exchanges.end(id)

	for wait := minRetry; wait <= maxRetry; wait *= 2 {
		c.set(func() {
			c.requests++
			// A renewal leaves the registration in force until it expires.
			if c.state != Registered || c.t.sinceBoot() >= c.registration.Until {
				c.state = Registering
			}
		})
		if err := c.t.send(c.t.link, request, nbma); err != nil {
			c.fail(err)
		}
		granted, err := c.await(ctx, answers, claimed, nbma, wait)
		if err != nil || granted {
			return err
		}
		if wait >= silentAfter {
			c.down(func() bool { return true })
		}
	}
	return errSilent
}

// await reads the answers that arrive within wait and reports whether one of
// them granted the registration. One that does not is no reason to ask sooner.
func (c *client) await(ctx context.Context, answers <-chan answer, claimed, nbma netip.Addr, wait time.Duration) (granted bool, err error) {
	timeout := time.After(wait)
	answered := false
	for {
		select {
		case a := <-answers:
			answered = true
			g, err := c.t.judge(a, claimed)
			if err == nil {
				return true, c.accept(g, claimed, nbma)
			}
			c.set(func() { c.refusals++ })
			c.fail(err)
			c.down(func() bool { return true })
		case <-timeout:
			if !answered && wait >= silentAfter {
				c.fail(errSilent)
			}
			return false, nil
		case <-c.replaced:
			return false, errReplaced
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// accept remembers what a server granted.
func (c *client) accept(g grant, claimed, nbma netip.Addr) error {
	t := c.t
	now := t.sinceBoot()
	t.mu.Lock()
	defer t.mu.Unlock()
	before, recovered, first := c.registration, c.lastError != "", !t.registered
	c.replies++
	c.registration = registration{
		Address:  t.cfg.Address.Addr(),
		Claimed:  claimed,
		Observed: g.observed,
		NBMA:     nbma,
		Refresh:  now + max(g.holdingTime/3, minRetry),
		Until:    now + g.holdingTime,
	}
	c.lastError = ""
	t.registered = true

	attrs := []any{"claimed", claimed, "holding-time", g.holdingTime}
	if g.observed.IsValid() {
		attrs = append(attrs, "observed", g.observed, "behind-nat", g.observed != claimed)
	}
	switch {
	case first:
		c.log.Info("registered with the hub", append(attrs, "milestone", "nhrp")...)
	case recovered, before.Claimed != claimed, before.Observed != g.observed:
		c.log.Info("registered with the hub", attrs...)
	default:
		c.log.Debug("renewed the registration with the hub", attrs...)
	}
	if err := t.save(); err != nil {
		return fmt.Errorf("remember the registration: %w", err)
	}
	return nil
}

// due returns how long a registration made for claimed with the server at nbma
// needs no renewal; 0 or less if it does now.
func (c *client) due(r registration, claimed, nbma netip.Addr) time.Duration {
	if r.Claimed != claimed || r.NBMA != nbma {
		return 0
	}
	return r.Refresh - c.t.sinceBoot()
}

func (c *client) current() registration {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	return c.registration
}

// set changes fields of c.
func (c *client) set(change func()) {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	change()
}

// down takes the static routes away from the server, to another one that is
// up, if the condition holds.
func (c *client) down(condition func() bool) {
	changed := false
	c.set(func() {
		if changed = c.live && condition(); changed {
			c.live = false
		}
	})
	if !changed {
		return
	}
	if err := c.t.apply(); err != nil {
		c.log.Error("cannot move the routes to another hub", "err", err)
	}
}

// fail keeps what went wrong and logs it, once for as long as it is the same.
func (c *client) fail(err error) {
	sentence := err.Error()
	repeated := false
	c.set(func() {
		repeated = c.lastError == sentence
		c.lastError = sentence
	})
	if !repeated {
		c.log.Warn("not registered with the hub", "cause", sentence)
	}
}
