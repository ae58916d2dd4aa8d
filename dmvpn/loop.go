package dmvpn

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/internal/uplink"
)

// input is something that the client is told.
type input func(c *nhc.Client, now nhc.Instant) nhc.Effects

// applyPause is the time between attempts to tell the kernel what it refused.
const applyPause = time.Second

// loop is the one goroutine that tells the client what happens and does what it
// asks for. It owns the fields.
type loop struct {
	*Tunnel
	// guards are the peers that are to be protected.
	guards map[netip.Addr]*guard
	// tasks are the guards and the look-ups.
	tasks sync.WaitGroup
	// unapplied says that the kernel lacks something.
	unapplied bool
}

// run runs the client until ctx is cancelled.
func (l *loop) run(ctx context.Context) error {
	defer l.tasks.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	if l.cfg.NHRP.Shortcut {
		// Before a hub may send somebody here: who asks for a network that we do not
		// know of yet is told that there is none, and asks nobody for a minute.
		l.do(ctx, l.lookBehind())
	}
	for {
		state, changed := l.deps.Uplink.Load()
		l.do(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Uplink(now, uplinkOf(state)) })
		for same := true; same; {
			timer.Reset(l.rest())
			select {
			case in := <-l.inputs:
				l.do(ctx, in)
			case <-l.probes.wake:
				for _, peer := range l.probes.take() {
					l.do(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Probe(now, peer) })
				}
			case <-l.guests.wake:
				for _, peer := range l.guests.take() {
					l.do(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Came(now, peer) })
				}
			case <-timer.C:
				l.do(ctx, (*nhc.Client).Tick)
			case <-changed:
				same = false
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// uplinkOf returns what the client needs to know of an uplink.
func uplinkOf(s uplink.State) nhc.Uplink {
	if !s.Up {
		return nhc.Uplink{}
	}
	return nhc.Uplink{Address: s.Address.Addr(), Index: s.Index, VRF: s.VRF, MTU: s.MTU}
}

// rest returns how long there is nothing to do.
func (l *loop) rest() time.Duration {
	l.mu.Lock()
	at, ok := l.client.Deadline()
	l.mu.Unlock()
	rest := at - l.sinceBoot()
	if !ok {
		rest = time.Hour
	}
	if l.unapplied {
		rest = min(rest, applyPause)
	}
	return max(rest, 0)
}

// do tells the client something and does what it asks for.
func (l *loop) do(ctx context.Context, in input) {
	l.mu.Lock()
	effects := in(l.client, l.sinceBoot())
	var state nhc.State
	if effects.Save {
		state = l.client.State()
	}
	l.mu.Unlock()

	if effects.Save {
		if err := l.deps.Checkpoint.Save(l.recordName(), state); err != nil {
			l.log.Error("cannot keep the registrations for the next process, which will register again", "err", err)
		}
	}
	if effects.Kernel || l.unapplied {
		err := l.apply()
		if err != nil && !l.unapplied {
			l.log.Error("the kernel refuses a neighbour or a route; trying again", "err", err)
		}
		l.unapplied = err != nil
	}
	for _, peer := range effects.Protect {
		l.protect(ctx, peer)
	}
	for _, name := range effects.Lookup {
		l.tasks.Go(func() {
			addresses, err := l.deps.Resolver.LookupNetIP(ctx, "ip4", name)
			l.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Resolved(now, name, addresses, err) })
		})
	}
	for _, message := range effects.Send {
		if err := l.link.Send(message.NBMA, message.Octets); err != nil {
			err = fmt.Errorf("send NHRP %s to %s: %w", message.Type, message.NBMA, err)
			l.do(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Unsent(now, message, err) })
		}
	}
	for _, peer := range effects.Release {
		l.guards[peer].cancel()
		delete(l.guards, peer)
	}
	for _, s := range effects.Seen {
		l.deps.Protector.SeenAs(s.Peer, s.Public)
	}
	for _, event := range effects.Events {
		l.log.Log(ctx, event.Level, event.Text, event.Attrs...)
	}
}

// tell hands the loop an input, which counts unless ctx is cancelled before.
func (t *Tunnel) tell(ctx context.Context, in input) {
	unlessCancelled := func(c *nhc.Client, now nhc.Instant) nhc.Effects {
		if ctx.Err() != nil {
			return nhc.Effects{} // of a peer that is guarded no more, or by another
		}
		return in(c, now)
	}
	select {
	case t.inputs <- unlessCancelled:
	case <-ctx.Done():
	}
}

// receive reads packets until ctx is cancelled, which closes the link.
func (t *Tunnel) receive(ctx context.Context) error {
	buffer := make([]byte, maxPacket)
	for {
		n, from, err := t.link.Receive(buffer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive NHRP on %s: %w", t.name, err)
		}
		packet := append([]byte(nil), buffer[:n]...)
		t.tell(ctx, func(c *nhc.Client, now nhc.Instant) nhc.Effects { return c.Receive(now, from, packet) })
	}
}

// apply makes the device's neighbours and routes what the client asks for.
func (t *Tunnel) apply() error {
	neighbours, routes := t.wanted()
	if err := t.deps.Kernel.SetNeighbours(t.index, neighbours); err != nil {
		return fmt.Errorf("set neighbours of %s: %w", t.name, err)
	}
	if err := t.deps.Kernel.SetRoutes(t.index, t.cfg.VRF, routes); err != nil {
		return fmt.Errorf("set routes over %s: %w", t.name, err)
	}
	return nil
}

// wanted returns the neighbours and routes that the tunnel should have now.
func (t *Tunnel) wanted() (neighbours []Neighbour, routes []Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.client.Neighbours() {
		neighbours = append(neighbours, Neighbour(n))
	}
	for _, r := range t.client.Routes() {
		routes = append(routes, Route(r))
	}
	return neighbours, routes
}

// restore goes on from what an earlier process knew, or an earlier Run.
func (t *Tunnel) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	state := t.client.State()
	var saved nhc.State
	switch found, err := t.deps.Checkpoint.Load(t.recordName(), &saved); {
	case err != nil:
		t.log.Warn("cannot read what the last process knew, so the box registers again", "err", err)
	case found:
		state = saved
	}
	t.client = t.newClient(state)
}

func (t *Tunnel) newClient(state nhc.State) *nhc.Client {
	return nhc.New(t.cfg.client(), state, uint32(time.Now().Unix()), t.sinceBoot())
}

func (t *Tunnel) recordName() string { return "dmvpn-" + t.name }

// sinceBoot is the time since the kernel started.
func sinceBoot() time.Duration {
	var now unix.Timespec
	// CLOCK_BOOTTIME exists since Linux 2.6.39: there is nothing to fail.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}
