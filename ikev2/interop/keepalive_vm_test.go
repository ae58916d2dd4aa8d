//go:build vm

package interop

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/keepalive"
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/udp"
)

// TestPeersTellTheNATsTimeout learns it from daemons that know nothing of it,
// beginning in a group that they do not want.
func TestPeersTellTheNATsTimeout(t *testing.T) {
	for _, maker := range []maker{strongswan, libreswan} {
		t.Run(maker.name, func(t *testing.T) {
			n := newNetwork(t, ourRandomNAT)
			them := maker.make(t, n.peer, settings{proposals: modernNoPFS, role: responder, spoke: n.nat.spoke})
			them.start()
			t.Cleanup(them.kill)
			offer, err := suite.ParseIKE("aes128-sha256-ecp256-curve25519")
			must(t, err)
			path := keepalive.Path{
				Local: spokeWAN.Addr(), Public: routerPeer.Addr(), Peer: peerWAN.Addr(), Offer: suite.Offer{offer},
			}
			state := learn(t, n, path)
			want := keepalive.Bounds{Lived: 4 * time.Second, Died: 14 * time.Second}
			if state.Known != want || state.Group != suite.Curve25519 || state.Questions > 5 {
				t.Errorf("learned of a NAT that forgets after 8 s: %s by %d questions, group %s", state.Known, state.Questions, state.Group)
			}
		})
	}
}

// remembered is for how long the NAT remembers a silent flow.
const remembered = 8 * time.Second

// learn runs a Learner on a socket of its own until it has concluded. Silences pass
// on its clock alone, and the NAT forgets when it is told to, so that it does not
// matter how late the machine is.
func learn(t *testing.T, n *network, path keepalive.Path) keepalive.State {
	t.Helper()
	conn, err := udp.Open(front, nil, nil)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	background(t, "sockets", conn.Run)
	clock := new(clock)
	learner := keepalive.New(keepalive.Timing{
		Silences: []time.Duration{2 * time.Second, 4 * time.Second, 14 * time.Second},
		Settle:   2500 * time.Millisecond, Patience: 10 * time.Second,
		Begin: 100 * time.Millisecond, Retry: 2 * time.Second, Repeat: time.Hour,
		Default: 20 * time.Second, Least: time.Second, Most: time.Minute,
	}, keepalive.State{}, rand.Reader)
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// asked says that an answer is due.
	asked := false
	apply := func(e keepalive.Effects) {
		asked = len(e.Send) > 0
		for _, p := range e.Send {
			must(t, conn.Send(udp.Packet(p)))
		}
		for _, p := range e.Keepalive {
			must(t, conn.Keepalive(p.Local, p.Remote))
		}
	}
	apply(learner.Follow(clock.now(), path))
	for learner.State().Known.Died == 0 {
		at, _ := learner.Deadline()
		wait := max(at-clock.now(), 0)
		if !asked {
			if wait > remembered {
				n.forget(t)
			}
			clock.ahead.Add(int64(wait))
			apply(learner.Tick(clock.now()))
			continue
		}
		select {
		case p := <-conn.Packets():
			effects := learner.Receive(clock.now(), keepalive.Packet(p))
			if due, _ := learner.Deadline(); due != at { // not an answer to an earlier question
				apply(effects)
			}
		case <-time.After(wait):
			apply(learner.Tick(clock.now()))
		case <-limit.Done():
			t.Fatalf("nothing is learned: %+v", learner.State())
		}
	}
	return learner.State()
}
