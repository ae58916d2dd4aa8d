package ikev2

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// faults counts the calls of an Engine to what is below it, and lets one of them
// fail: the nth of its kind, counted from 1.
type faults struct {
	kind string
	n    int

	mu    sync.Mutex
	calls map[string]int
	log   bytes.Buffer
}

// strike is called before each call is carried out.
func (f *faults) strike(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call]++
	if call == f.kind && f.calls[call] == f.n {
		return fmt.Errorf("%s is made to fail", call)
	}
	return nil
}

// struck reports whether the call that is to fail was made.
func (f *faults) struck() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[f.kind] >= f.n
}

func (f *faults) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

// words are the warnings and errors that were logged.
func (f *faults) words() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.String()
}

// change puts the faults between an Engine and what is below it.
func (f *faults) change(deps *Deps) {
	deps.Kernel = &faultyKernel{f, deps.Kernel}
	deps.Checkpoint = &faultyCheckpoint{f, deps.Checkpoint}
	deps.Log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelWarn}))
	listen := deps.Listen
	deps.Listen = func() (Socket, error) {
		if err := f.strike("Listen"); err != nil {
			return nil, err
		}
		s, err := listen()
		return &faultySocket{s, f}, err
	}
}

// unless carries a call out, unless it is the one that fails.
func (f *faults) unless(call string, do func() error) error {
	if err := f.strike(call); err != nil {
		return err
	}
	return do()
}

type faultyKernel struct {
	*faults
	below Kernel
}

func (k *faultyKernel) AddSA(sa xfrm.SA) error {
	return k.unless("AddSA", func() error { return k.below.AddSA(sa) })
}

func (k *faultyKernel) UpdateSA(sa xfrm.SA) error {
	return k.unless("UpdateSA", func() error { return k.below.UpdateSA(sa) })
}

func (k *faultyKernel) MoveSA(old xfrm.ID, sa xfrm.SA) error {
	return k.unless("MoveSA", func() error { return k.below.MoveSA(old, sa) })
}

func (k *faultyKernel) DeleteSA(id xfrm.ID) error {
	return k.unless("DeleteSA", func() error { return k.below.DeleteSA(id) })
}

func (k *faultyKernel) PutPolicy(p xfrm.Policy) error {
	return k.unless("PutPolicy", func() error { return k.below.PutPolicy(p) })
}

func (k *faultyKernel) SAs(reqID uint32) (states []xfrm.State, err error) {
	err = k.unless("SAs", func() error { states, err = k.below.SAs(reqID); return err })
	return states, err
}

func (k *faultyKernel) Policies() (policies []xfrm.Policy, err error) {
	err = k.unless("Policies", func() error { policies, err = k.below.Policies(); return err })
	return policies, err
}

type faultyCheckpoint struct {
	*faults
	below Checkpoint
}

func (c *faultyCheckpoint) Save(name string, v any) error {
	return c.unless("Save", func() error { return c.below.Save(name, v) })
}

func (c *faultyCheckpoint) Remove(name string) error {
	return c.unless("Remove", func() error { return c.below.Remove(name) })
}

func (c *faultyCheckpoint) Load(name string, v any) (found bool, err error) {
	err = c.unless("Load", func() error { found, err = c.below.Load(name, v); return err })
	return found, err
}

func (c *faultyCheckpoint) Names(prefix string) (names []string, err error) {
	err = c.unless("Names", func() error { names, err = c.below.Names(prefix); return err })
	return names, err
}

type faultySocket struct {
	Socket
	faults *faults
}

func (s *faultySocket) Send(p udp.Packet) error {
	return s.faults.unless("Send", func() error { return s.Socket.Send(p) })
}

func (s *faultySocket) Retain(ports ...uint16) error {
	return s.faults.unless("Retain", func() error { return s.Socket.Retain(ports...) })
}

// TestEveryCallFailsOnce brings a spoke and its hub up, lets them rekey, and
// restarts one of them, again and again: each time another one of all its calls
// to the kernel, the checkpoint and the socket fails. In the end both are
// protected, nothing is left over, and the operator was told.
func TestEveryCallFailsOnce(t *testing.T) {
	for name, at := range map[string]netip.Addr{"initiator": spokeAddr, "responder": hubAddr} {
		t.Run(name, func(t *testing.T) {
			// Of those that are repeated every few seconds the first ones will do.
			for kind, most := range map[string]int{
				"AddSA": 100, "DeleteSA": 100, "PutPolicy": 100, "Save": 100, "Load": 100, "Names": 100, "Send": 100, "Listen": 100,
				"SAs": 3, "Policies": 3, "Retain": 3,
			} {
				n := 1
				for ; n <= most; n++ {
					f := &faults{kind: kind, n: n, calls: make(map[string]int)}
					life(t, at, f)
					if !f.struck() {
						break
					}
					// Packets are lost every day, and a port too many does no harm;
					// all else is news.
					if kind != "Send" && kind != "Retain" && !strings.Contains(f.words(), "is made to fail") {
						t.Errorf("the operator hears nothing of it but %q", f.words())
					}
					if t.Failed() {
						t.Fatalf("with %s, call %d", kind, n)
					}
				}
				if n == 1 {
					t.Errorf("%s was never called", kind)
				}
			}
		})
	}
}

// life takes two boxes through some minutes, with the faults at one of them.
func life(t *testing.T, at netip.Addr, f *faults) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		struck := map[netip.Addr]*box{spokeAddr: spoke, hubAddr: hub}[at]
		struck.change, struck.supervised = f.change, true
		profile := testProfile(goodKey)
		profile.Lifetime, profile.IKELifetime = time.Minute, 2*time.Minute
		hub.boot(profile)
		hub.admit(spokeAddr)
		spoke.boot(profile)
		wanted := func() {
			go func() {
				for {
					if _, err := spoke.protect(t.Context(), hubAddr); err == nil || t.Context().Err() != nil {
						return
					}
				}
			}()
		}
		wanted()
		time.Sleep(150 * time.Second)
		struck.stop()
		struck.boot(profile)
		if struck == spoke {
			wanted()
		} else {
			hub.admitAgain(spokeAddr)
		}
		time.Sleep(time.Minute)
		for range 60 { // until no rekeying is under way
			if synctest.Wait(); len(spoke.kernel.spis()) == 2 && len(hub.kernel.spis()) == 2 {
				break
			}
			time.Sleep(time.Second)
		}
		l.agree(spoke, hub)
		for _, b := range []*box{spoke, hub} {
			if peers := b.engine.Status().Peers; len(peers) != 1 || !peers[0].Protected {
				t.Errorf("%s: %+v", b.addr, peers)
			}
			for _, p := range xfrm.FailClosed(ReqID) {
				if !slices.Contains(b.kernel.policies, p) {
					t.Errorf("%s: the policy %s is not there", b.addr, p)
				}
			}
		}
		spoke.stop()
		hub.stop()
	})
}
