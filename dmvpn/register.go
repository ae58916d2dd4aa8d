package dmvpn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
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

var (
	errReplaced = errors.New("the IPsec protection was lost or replaced")
	errSilent   = errors.New("it does not answer NHRP registrations: check that its tunnel has NHRP, our key and our authentication string")
)

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
			c.down()
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
			c.down()
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
	if g.observed.IsValid() {
		t.deps.Protector.SeenAs(nbma, g.observed)
	}
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
