package handshake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// load is the spokes: sessions of ours as initiators, behind one pair of
// sockets.
type load struct {
	conn          *udp.Conn
	config        session.Config
	todo, atATime int
	next          netip.Addr
	active        map[netip.Addr]*session.Session
	start         time.Time
	failure       error

	retransmissions uint64
}

// newLoad opens the spokes' sockets.
func newLoad(ns *sandbox.Namespace, proposal string, count, atATime int) (*load, error) {
	ike, err := suite.ParseIKE(proposal)
	if err != nil {
		return nil, err
	}
	esp, err := suite.ParseESP(espProposal)
	if err != nil {
		return nil, err
	}
	l := &load{
		config: session.Config{
			PSK: psk, IKE: suite.Offer{ike}, ESP: suite.Offer{esp}, AnyRemoteID: true,
			Lifetime: time.Hour, IKELifetime: 24 * time.Hour, DPD: time.Hour,
		},
		todo: count, atATime: atATime, next: spokes.Addr().Next(),
		active: make(map[netip.Addr]*session.Session), start: time.Now(),
	}
	err = ns.Do(func() (err error) {
		l.conn, err = udp.Open("", nil, nil)
		return err
	})
	return l, err
}

// idleLimit is how long no message may come before the responder counts as
// stuck.
const idleLimit = 20 * time.Second

// run lets all spokes come up.
func (l *load) run(ctx context.Context) error {
	defer l.conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan error, 1)
	go func() { received <- l.conn.Run(ctx) }()
	defer func() { cancel(); <-received }()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for heard := time.Now(); l.refill(); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case p := <-l.conn.Packets():
			heard = time.Now()
			if s, ok := l.active[p.Local.Addr()]; ok {
				l.apply(p.Local.Addr(), s, s.Receive(l.now(), session.Packet(p)))
			}
		case <-ticker.C:
			if time.Since(heard) > idleLimit {
				return fmt.Errorf("nothing heard for %v, %d handshakes are open and %d not begun", idleLimit, len(l.active), l.todo)
			}
			l.tick()
		}
		if l.failure != nil {
			return l.failure
		}
	}
	return nil
}

func (l *load) now() session.Instant { return time.Since(l.start) }

// refill begins new handshakes, and reports whether any is under way.
func (l *load) refill() bool {
	for l.todo > 0 && len(l.active) < l.atATime {
		s := session.New(l.config, responderAddress.Addr(), rand.Reader)
		s.Uplink(l.now(), l.next)
		l.active[l.next] = s
		l.apply(l.next, s, s.Want(l.now()))
		l.next = l.next.Next()
		l.todo--
	}
	return len(l.active) > 0
}

// tick lets the spokes repeat what was lost.
func (l *load) tick() {
	for addr, s := range l.active {
		if at, due := s.Deadline(); due && at <= l.now() {
			l.apply(addr, s, s.Tick(l.now()))
		}
	}
}

// apply sends what a spoke has to say. One that has authenticated its peer is
// done, and says nothing more.
func (l *load) apply(addr netip.Addr, s *session.Session, effects session.Effects) {
	counters := s.State().Counters
	if counters.Authentications > 0 {
		l.retransmissions += counters.Retransmissions
		delete(l.active, addr)
		return
	}
	for _, e := range effects.Events {
		if e.Kind == session.Failed {
			l.failure = errors.New(e.Text)
		}
	}
	for _, p := range effects.Send {
		if err := l.conn.Send(udp.Packet(p)); err != nil {
			l.failure = err
		}
	}
}
