//go:build vm

package interop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/secret"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
	"github.com/farspoke/farspoke/lab/probe"
)

const psk = "correct horse battery staple 17"

// spoke is our side: the engine with all that the box gives it.
type spoke struct {
	t       *testing.T
	engine  *ikev2.Engine
	profile *ikev2.Protector
	monitor *monitor
	clock   *clock
	peer    netip.Addr
	stop    func() // ends Run, as a process that ends
}

// clock is the box's clock with what a test has put it forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() session.Instant {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano() + c.ahead.Load())
}

// monitor passes on the kernel's events, and those a test makes.
type monitor struct {
	*xfrm.Monitor
	more chan xfrm.Event
}

func (m *monitor) Run(ctx context.Context, handle func(xfrm.Event)) error {
	events := make(chan xfrm.Event)
	done := make(chan error, 1)
	go func() {
		done <- m.Monitor.Run(ctx, func(e xfrm.Event) {
			select {
			case events <- e:
			case <-ctx.Done():
			}
		})
	}()
	for {
		select {
		case e := <-events:
			handle(e)
		case e := <-m.more:
			handle(e)
		case err := <-done:
			return err
		}
	}
}

// newSpoke runs an engine with the given profile for the peer behind the network.
func newSpoke(t *testing.T, n *network, profile ikev2.Profile) *spoke {
	t.Helper()
	profile.Local.PSK = secret.New("psk", psk)
	profile.Remote.ID = "any"
	cfg := ikev2.Config{"tenant": profile}
	must(t, cfg.Validate())
	kernel, err := xfrm.Open()
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(kernel.Close(), flush())) })
	must(t, ikev2.Seal(kernel)) // as on the box: before anything can be sent
	events, err := xfrm.Listen()
	must(t, err)
	t.Cleanup(func() { events.Close() })
	state, err := checkpoint.Open(t.TempDir())
	must(t, err)
	var socket *udp.Conn
	t.Cleanup(func() {
		if socket != nil {
			socket.Close()
		}
	})
	wan := new(value.Value[uplink.State])
	wan.Set(uplink.State{Name: "wan", Up: true, VRF: front, Address: spokeWAN, MTU: 1500})
	s := &spoke{t: t, monitor: &monitor{events, make(chan xfrm.Event)}, clock: new(clock), peer: n.nat.peer}
	s.engine, err = ikev2.New(front, cfg, ikev2.Deps{
		Kernel: kernel, Monitor: s.monitor, Uplink: wan, Checkpoint: state, Clock: s.clock.now,
		Listen: func() (_ ikev2.Socket, err error) {
			socket, err = udp.Open(front, nil, nil)
			return socket, err
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	must(t, err)
	s.profile, err = s.engine.Profile("tenant")
	must(t, err)
	s.stop = background(t, "engine", s.engine.Run)
	return s
}

// protect waits until the peer is protected.
func (s *spoke) protect(ctx context.Context) <-chan struct{} {
	s.t.Helper()
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for limit.Err() == nil {
		outcome := make(chan struct{})
		var replaced <-chan struct{}
		go func() {
			defer close(outcome)
			replaced, last = s.profile.Protect(ctx, s.peer, s.probe)
		}()
		select {
		case <-outcome:
			if last == nil {
				return replaced
			}
			s.t.Logf("try again: %v", last)
		case <-limit.Done():
		}
	}
	s.t.Fatalf("the peer is not protected: %v; %+v", last, s.status())
	return nil
}

// status returns what the engine says of the peer.
func (s *spoke) status() ikev2.PeerStatus {
	for _, p := range s.engine.Status().Peers {
		if p.Peer == s.peer {
			return p
		}
	}
	return ikev2.PeerStatus{}
}

// names are the SPIs in use: of the IKE SA and of the child SA. They are empty
// while there is not exactly one of each.
type names struct{ ike, child string }

func (s *spoke) names() names {
	status := s.status()
	var n names
	for _, c := range status.Children {
		if c.State != "in use" && c.State != "ending" || c.State == "in use" && n.child != "" {
			return names{}
		}
		if c.State == "in use" {
			n.child = c.SPIIn + "/" + c.SPIOut
		}
	}
	if n.child == "" || status.State != "up" {
		return names{}
	}
	n.ike = status.SPIi + "/" + status.SPIr
	return n
}

// settled waits until there is one IKE SA with one child SA, and returns them.
func (s *spoke) settled() names {
	s.t.Helper()
	eventually(s.t, "one IKE SA with one child SA", func() bool { return s.names() != names{} })
	return s.names()
}

// becomes waits until the SAs are others than before, and returns them.
func (s *spoke) becomes(what string, before names, changed func(before, after names) bool) (after names) {
	s.t.Helper()
	eventually(s.t, "that "+what, func() bool {
		after = s.names()
		return after != names{} && changed(before, after)
	})
	return after
}

func newChild(before, after names) bool { return before.child != after.child }
func newIKE(before, after names) bool   { return before.ike != after.ike }

// rekeyChild rekeys the child SA from our side, as if the kernel had counted it
// to its limit.
func (s *spoke) rekeyChild() {
	s.t.Helper()
	var spi uint32
	for _, c := range s.status().Children {
		if c.State == "in use" {
			_, err := fmt.Sscanf(c.SPIIn, "%x", &spi)
			must(s.t, err)
		}
	}
	s.monitor.more <- xfrm.Expire{ID: xfrm.ID{Dst: spokeWAN.Addr(), SPI: spi}}
}

// rekeyIKE rekeys the IKE SA from our side, by the clock.
func (s *spoke) rekeyIKE() { s.clock.ahead.Add(int64(s.status().RekeyIn)) }

// admission accepts guests and tells nobody.
func admission(p *ikev2.Protector) func(context.Context) error {
	return func(ctx context.Context) error { return p.Accept(ctx, func(netip.Addr) {}) }
}

// accept answers peers whom nobody named.
func (s *spoke) accept(ctx context.Context) {
	go func() {
		if err := admission(s.profile)(ctx); err != nil {
			s.t.Errorf("accept: %v", err)
		}
	}()
}

// probe sends what the peer's kernel answers, by saying that nobody takes it.
func (s *spoke) probe() {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peerInner.Addr(), 9)))
	if err != nil {
		s.t.Errorf("probe: %v", err)
		return
	}
	defer conn.Close()
	// What becomes of it, the SAs tell.
	_, _ = conn.Write([]byte("probe"))
}

// ping pings the peer through the tunnel until the test ends.
func (s *spoke) ping(interval time.Duration) *probe.Ping {
	s.t.Helper()
	p, err := probe.NewPing(spokeInner.Addr(), peerInner.Addr(), interval)
	must(s.t, err)
	background(s.t, "ping", p.Run)
	return p
}
