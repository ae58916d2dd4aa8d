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
			must(t, n.router.sysctl("netfilter/nf_conntrack_udp_timeout", "5"))
			must(t, n.router.sysctl("netfilter/nf_conntrack_udp_timeout_stream", "8"))
			them := maker.make(t, n.peer, settings{proposals: modernNoPFS, role: responder, spoke: n.nat.spoke})
			them.start()
			t.Cleanup(them.kill)
			offer, err := suite.ParseIKE("aes128-sha256-ecp256-curve25519")
			must(t, err)
			path := keepalive.Path{
				Local: spokeWAN.Addr(), Public: routerPeer.Addr(), Peer: peerWAN.Addr(), Offer: suite.Offer{offer},
			}
			state := learn(t, path)
			want := keepalive.Bounds{Lived: 4 * time.Second, Died: 14 * time.Second}
			if state.Known != want || state.Group != suite.Curve25519 || state.Questions > 5 {
				t.Errorf("learned of a NAT that forgets after 8 s: %s by %d questions, group %s", state.Known, state.Questions, state.Group)
			}
		})
	}
}

// learn runs a Learner on a socket of its own until it has concluded.
func learn(t *testing.T, path keepalive.Path) keepalive.State {
	t.Helper()
	conn, err := udp.Open(front, nil, nil)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	background(t, "sockets", conn.Run)
	clock := new(clock)
	learner := keepalive.New(keepalive.Timing{
		Silences: []time.Duration{2 * time.Second, 4 * time.Second, 14 * time.Second},
		Settle:   2500 * time.Millisecond, Patience: 2 * time.Second,
		Begin: 100 * time.Millisecond, Retry: 2 * time.Second, Repeat: time.Hour,
		Default: 20 * time.Second, Least: time.Second, Most: time.Minute,
	}, keepalive.State{}, rand.Reader)
	limit, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	apply := func(e keepalive.Effects) {
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
		select {
		case p := <-conn.Packets():
			apply(learner.Receive(clock.now(), keepalive.Packet(p)))
		case <-time.After(at - clock.now()):
			apply(learner.Tick(clock.now()))
		case <-limit.Done():
			t.Fatalf("nothing is learned: %+v", learner.State())
		}
	}
	return learner.State()
}
