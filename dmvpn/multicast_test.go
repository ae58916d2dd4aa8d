package dmvpn

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeTap has the packets that a test sends to a group.
type fakeTap struct {
	kernel  *fakeKernel
	packets chan struct{}
	closed  chan struct{}
	once    sync.Once
	// refused addresses cannot be sent to; copies are what was sent where.
	refused netip.Addr
	copies  []netip.Addr
}

func (k *fakeKernel) Tap(int) (Tap, error) {
	k.note("tap")
	k.tap = &fakeTap{kernel: k, packets: make(chan struct{}), closed: make(chan struct{})}
	return k.tap, nil
}

func (f *fakeTap) Next() error {
	select {
	case <-f.packets:
		return nil
	case <-f.closed:
		return net.ErrClosed
	}
}

func (f *fakeTap) Send(nbma netip.Addr) error {
	f.kernel.lab.step()
	if nbma == f.refused {
		return errors.New("no buffer space available")
	}
	f.copies = append(f.copies, nbma)
	return nil
}

func (f *fakeTap) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// hello sends a packet to a group and returns where its copies went.
func (l *lab) hello() []netip.Addr {
	l.t.Helper()
	l.step()
	l.kernel.tap.copies = nil
	l.kernel.tap.packets <- struct{}{}
	l.pass(0)
	return slices.Clone(l.kernel.tap.copies)
}

// TestReplication: multicast goes to the servers that are marked, registered with
// and protected, and to nobody else.
func TestReplication(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Servers = []Server{
		{Address: hub1, NBMA: nbma1.String(), Multicast: true},
		{Address: hub2, NBMA: nbma2.String(), Multicast: true},
		{Address: hub3, NBMA: nbma3.String()},
	}
	inLab(t, cfg, func(l *lab) {
		expect := func(when string, want ...netip.Addr) {
			t.Helper()
			if diff := cmp.Diff(want, l.hello(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("%s copies go to (-want +got):\n%s", when, diff)
			}
		}
		expect("registered,", nbma1, nbma2)

		l.step()
		l.kernel.tap.refused = nbma1
		expect("while one cannot be sent,", nbma2)
		if got, want := l.tunnel.Status().Multicast, (MulticastCounters{Replicated: 3, Failed: 1}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
		l.step()
		l.kernel.tap.refused = netip.Addr{}

		l.blocked = map[netip.Addr]bool{nbma1: true}
		l.renew()
		l.pass(0)
		expect("with one unprotected,", nbma2)

		l.end()
		l.hubs[nbma2].silent = true
		l.saved = make(memory)
		l.blocked = nil
		l.start(cfg)
		expect("with one that has not registered us,", nbma1)
	})
}

// TestReplicationBeforeRegistration: a hub that knows us may have neighbours that
// wait for our hello, so none may be lost from then on.
func TestReplicationBeforeRegistration(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Servers[0].Multicast = true
	inLab(t, cfg, func(l *lab) {
		l.step()
		isSent := func(s string) bool { return strings.HasPrefix(s, "send to") }
		if tap, sent := slices.Index(l.kernel.history, "tap"), slices.IndexFunc(l.kernel.history, isSent); tap < 0 || tap > sent {
			t.Errorf("the tap is not open before the first packet: %q", l.kernel.history)
		}
	})
}

// TestNoReplication: without a marked server nobody listens for multicast.
func TestNoReplication(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		if l.kernel.tap != nil {
			t.Error("there is a tap")
		}
	})
}
