// Package ikev2 protects traffic to peers by IKEv2 (RFC 7296) and IPsec: ESP in
// transport mode that carries GRE, over one underlay VRF.
//
// The protocol is ikev2/session, pure; the octets are ikev2/wire, the
// cryptography ikev2/suite. The Engine here gives the sessions what they lack: a
// clock, the sockets of the VRF (ikev2/udp) and the kernel (ikev2/xfrm), and
// keeps their state for the next process.
//
// Before anything else the Engine puts policies in place that let GRE pass
// through an SA and in no other way, and never removes them. SAs it makes bear
// ReqID; those that no session knows are left over from a process that ended
// between two steps, and are removed.
package ikev2

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/admission"
	"github.com/farspoke/farspoke/ikev2/keepalive"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// Checkpoint keeps the state of the sessions over a restart of the process.
type Checkpoint interface {
	Save(name string, v any) error
	Load(name string, v any) (bool, error)
	// Names returns the names of all records that begin with prefix.
	Names(prefix string) ([]string, error)
	Remove(name string) error
}

// Deps is what an Engine works with. All of it is needed but Unreached, Clock and
// Strangers.
type Deps struct {
	Kernel  Kernel
	Monitor Monitor
	// Listen opens the sockets in the VRF. It is called once the uplink is up, so
	// that the VRF exists.
	Listen func() (Socket, error)
	Uplink *value.Value[uplink.State]
	// Unreached is told the name of an uplink over which no wanted peer is
	// protected, again and again for as long as it is so. It must not block; nil
	// is nobody to tell.
	Unreached  func(uplink string)
	Checkpoint Checkpoint
	Log        *slog.Logger
	// Clock tells the time since boot, without jumps; nil is the system's own.
	Clock func() session.Instant
	// Strangers is how many peers a second that nobody named may begin an IKE SA;
	// 0 is what a small processor bears, [admission.DefaultRate].
	Strangers int
}

// Engine runs the sessions of one underlay VRF. Its methods are safe for
// concurrent use.
type Engine struct {
	vrf      string
	profiles map[string]*profile
	deps     Deps
	log      *slog.Logger
	// sinceBoot is a clock that never jumps and that the next process shares.
	sinceBoot func() session.Instant
	// wake tells the loop that there may be an earlier deadline.
	wake chan struct{}
	// restored is closed once the checkpoint has been read, before which nothing
	// may be written to it.
	restored chan struct{}

	// timing is how NATs are learned about.
	timing keepalive.Timing

	mu sync.Mutex
	// local is our address on the uplink, invalid while there is none.
	local  netip.Addr
	uplink string
	reach  reach
	// uplinkMTU is that of the uplink in octets, 0 while unknown.
	uplinkMTU int
	socket    Socket
	peers     map[netip.Addr]*peer
	// beginners are the peers that may have begun an IKE SA here and not
	// authenticated.
	beginners map[*peer]struct{}
	// translators are the NATs before the uplinks, by the uplink's name.
	translators map[string]*translator
	// saved is what the checkpoint holds, by the peer's address.
	saved  map[netip.Addr]json.RawMessage
	panics uint64
	// gate decides about requests to begin an IKE SA, and words how much is
	// logged about strangers.
	gate  *admission.Gate
	words admission.Bucket
	drift Drift
}

// profile is one way to protect peers.
type profile struct {
	name        string
	config      session.Config
	fingerprint string
	mtu         value.Value[int]
	// accepting are the contexts of the calls of Accept, with whom to tell of
	// guests, guarded by the Engine's mu.
	accepting map[context.Context]func(netip.Addr)
}

// New returns the Engine of the VRF of the given name, which is empty for the
// main table. cfg must be valid and its secrets known.
func New(vrf string, cfg Config, deps Deps) (*Engine, error) {
	e := &Engine{
		vrf: vrf, deps: deps, log: deps.Log, sinceBoot: sinceBoot, timing: keepalive.Standard,
		profiles: make(map[string]*profile), peers: make(map[netip.Addr]*peer), beginners: make(map[*peer]struct{}), wake: make(chan struct{}, 1), restored: make(chan struct{}),
		gate: admission.New(rand.Reader, cmp.Or(deps.Strangers, admission.DefaultRate)), words: admission.Bucket{Rate: 1, Burst: 10},
	}
	if deps.Clock != nil {
		e.sinceBoot = deps.Clock
	}
	for _, name := range slices.Sorted(maps.Keys(cfg)) {
		c, err := cfg[name].resolve()
		if err != nil {
			return nil, fmt.Errorf("IPsec profile %s: %w", name, err)
		}
		print, err := cfg[name].fingerprint(name)
		if err != nil {
			return nil, err
		}
		e.profiles[name] = &profile{name: name, config: c, fingerprint: print, accepting: make(map[context.Context]func(netip.Addr))}
	}
	return e, nil
}

// String names the Engine in logs.
func (e *Engine) String() string {
	if e.vrf == "" {
		return "ikev2"
	}
	return "ikev2 " + e.vrf
}

// Seal lets GRE into and out of the box through IPsec only, from now on and
// whatever becomes of the process. It is called before a tunnel's link comes up.
func Seal(kernel Kernel) error {
	for _, p := range xfrm.FailClosed(ReqID) {
		if err := kernel.PutPolicy(p); err != nil {
			return fmt.Errorf("close GRE to all but IPsec: %w", err)
		}
	}
	return nil
}

// Run keeps the wanted peers protected until ctx is cancelled. It leaves SAs and
// policies in the kernel, and their keys in the checkpoint, to the next process.
func (e *Engine) Run(ctx context.Context) error {
	if err := Seal(e.deps.Kernel); err != nil {
		return err
	}
	if err := e.restore(); err != nil {
		return err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return e.deps.Monitor.Run(ctx, e.kernelEvent) })
	tasks.Go(func() error { return e.followUplink(ctx) })
	tasks.Go(func() error { return e.keepTime(ctx) })
	tasks.Go(func() error { return e.watchTraffic(ctx) })
	tasks.Go(func() error { return e.keepChecking(ctx) })
	return tasks.Wait()
}

// followUplink opens the sockets once there is an uplink, receives from them,
// and tells the sessions our address.
func (e *Engine) followUplink(ctx context.Context) error {
	receiving, ctx := errgroup.WithContext(ctx)
	for opened := false; ; {
		state, changed := e.deps.Uplink.Load()
		if state.Up && !opened {
			socket, err := e.listen()
			if err != nil {
				return err
			}
			opened = true
			receiving.Go(func() error { return socket.Run(ctx) })
			receiving.Go(func() error { return e.receive(ctx, socket) })
		}
		if err := e.setLocal(state); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return receiving.Wait()
		}
	}
}

// listen returns the sockets, which are opened once and stay open over a restart
// of Run, so that no answer of a peer is lost. Before anything is sent, those of
// the restored sessions are open.
func (e *Engine) listen() (Socket, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.socket == nil {
		socket, err := e.deps.Listen()
		if err != nil {
			return nil, fmt.Errorf("open IKE sockets: %w", err)
		}
		e.socket = socket
	}
	if err := e.retainPorts(); err != nil {
		e.log.Warn("a port that an IKE SA of the previous process uses cannot be had", "err", err)
	}
	return e.socket, nil
}

// retainPorts keeps the ports open that the sessions use, and no others.
func (e *Engine) retainPorts() error {
	if e.socket == nil {
		return nil
	}
	used := make(map[uint16]struct{})
	for _, p := range e.peers {
		for port := range p.session.LocalPorts {
			if port != session.Port && port != session.PortNAT {
				used[port] = struct{}{}
			}
		}
	}
	if t := e.translator(); t != nil {
		if port, ok := t.learner.Port(); ok {
			used[port] = struct{}{}
		}
	}
	return e.socket.Retain(slices.Sorted(maps.Keys(used))...)
}

// setLocal tells the sessions the address of the uplink.
func (e *Engine) setLocal(state uplink.State) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var local netip.Addr
	if state.Up {
		local = state.Address.Addr()
		e.setMTU(state.MTU)
	}
	e.setUplink(state.Name, local)
	if local == e.local {
		return nil
	}
	if local.IsValid() {
		e.log.Info("IKE uses the uplink", "uplink", state.Name, "address", local)
		if err := e.sweep(local); err != nil {
			return err
		}
	} else {
		e.log.Warn("IKE waits for an uplink")
	}
	e.local = local
	e.reach = reach{since: e.sinceBoot()}
	for _, p := range e.peers {
		p.apply(p.session.Uplink(e.sinceBoot(), local))
	}
	return nil
}

// gatherTime is how late a session may be called at most. It is small beside all
// their deadlines.
const gatherTime = 20 * time.Millisecond

// keepTime calls the sessions when they ask for it.
func (e *Engine) keepTime(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
			// tick looks at every peer, so what a crowd of them changes is gathered.
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(gatherTime):
			}
		case <-timer.C:
		}
		if wait, ok := e.tick(); ok {
			timer.Reset(wait)
		}
	}
}

// tick lets time pass in every session that is due, and returns when the next
// one is.
func (e *Engine) tick() (wait time.Duration, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.sinceBoot()
	var next session.Instant
	for _, p := range e.peers {
		p.release(now)
		if e.discard(p) {
			continue
		}
		if at, due := p.session.Deadline(); due && at <= now {
			p.apply(p.session.Tick(now))
		}
		if at, due := p.deadline(); due && (!ok || at < next) {
			next, ok = at, true
		}
	}
	if at, due := e.learn(now); due && (!ok || at < next) {
		next, ok = at, true
	}
	if err := e.retainPorts(); err != nil {
		e.log.Debug("a port for IKE cannot be had or given back", "err", err)
	}
	// Never at once: a session that is always due must not take the processor.
	return max(next-now, time.Millisecond), ok
}

// discard forgets a peer of which nothing is left and that nobody wants.
func (e *Engine) discard(p *peer) bool {
	if !p.session.Idle() || len(p.interest) > 0 {
		return false
	}
	delete(e.peers, p.addr)
	e.forget(p.addr)
	return true
}

// changed makes keepTime look at the deadlines again.
func (e *Engine) changed() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Shutdown says good-bye to all peers: it deletes the IKE SAs there and the SAs
// here. Call it after Run has returned, when the box goes down.
func (e *Engine) Shutdown(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	e.mu.Lock()
	socket := e.socket
	for _, p := range e.peers {
		p.close(e.sinceBoot())
	}
	e.mu.Unlock()
	if socket == nil {
		return nil
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return socket.Run(ctx) })
	tasks.Go(func() error { return e.receive(ctx, socket) })
	tasks.Go(func() error {
		defer stop()
		for e.open() > 0 {
			wait, _ := e.tick()
			select {
			case <-ctx.Done():
				return nil
			case <-e.wake:
			case <-time.After(wait):
			}
		}
		return nil
	})
	err := tasks.Wait()
	if n := e.open(); n > 0 {
		err = errors.Join(err, fmt.Errorf("say good-bye: %d peers did not answer", n))
	}
	return err
}

// open returns how many peers have not yet heard our good-bye.
func (e *Engine) open() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.peers {
		if !p.session.Idle() {
			n++
		}
	}
	return n
}

func sinceBoot() session.Instant {
	var now unix.Timespec
	// CLOCK_BOOTTIME exists since Linux 2.6.39: there is nothing to fail.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}
