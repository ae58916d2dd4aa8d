package dmvpn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/farspoke/farspoke/internal/uplink"
)

// unprotectedAfter is how long a server may stay unprotected before it counts as
// down. Replacing an IKE SA takes a fraction of it.
const unprotectedAfter = 2 * time.Second

// maxRestart is the longest pause before everything starts anew: what failed was
// a name, or protection, which takes its own time to fail.
const maxRestart = 5 * time.Second

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
	// probes asks sendProbes for a packet.
	probes chan struct{}
	// doubts asks follow to look up the server's name.
	doubts chan struct{}

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
	return &client{t: t, server: server, state: Down, probes: make(chan struct{}, 1), doubts: make(chan struct{}, 1), log: t.log.With("hub", server.Address, "nbma", server.NBMA)}
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
		if moved || errors.Is(err, errMoved) {
			if !moved {
				c.log.Info("the hub's name points to another address now", "cause", err)
			}
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
		retry = min(2*retry, maxRestart)
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
// the error that needs a new start, from the server's name on; errMoved is one
// that is to be made at once.
func (c *client) session(ctx context.Context, claimed netip.Addr) error {
	nbma, err := c.resolve(ctx, claimed)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var follower sync.WaitGroup
	follower.Go(func() { c.follow(ctx, nbma, cancel) })
	defer follower.Wait()
	defer cancel(nil)
	if err := c.stay(ctx, claimed, nbma); !errors.Is(context.Cause(ctx), errMoved) {
		return err
	}
	return context.Cause(ctx)
}

// stay keeps the box registered with the server at nbma.
func (c *client) stay(ctx context.Context, claimed, nbma netip.Addr) error {
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
	addresses, err := c.lookup(ctx)
	if err != nil {
		return netip.Addr{}, err
	}
	return addresses[0], nil
}

// protect waits until traffic to the server is protected. If the protection
// that was there before has gone, the registration is due again.
func (c *client) protect(ctx context.Context, nbma netip.Addr) error {
	c.set(func() { c.state = Protecting })
	waiting, done := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-time.After(unprotectedAfter):
			c.down()
			c.doubt()
		case <-waiting.Done():
		}
	})
	replaced, err := c.t.deps.Protector.Protect(ctx, nbma, c.probe)
	done()
	watch.Wait()
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

// address returns the server's address on the underlay, invalid until known.
func (c *client) address() (nbma netip.Addr) {
	c.set(func() { nbma = c.nbma })
	return nbma
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

// down takes the static routes away from the server, to another one if one is
// up.
func (c *client) down() {
	wasLive := false
	c.set(func() { wasLive, c.live = c.live, false })
	if !wasLive {
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
