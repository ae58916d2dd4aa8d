//go:build vm

package interop

import (
	"context"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/lab/probe"
)

// proposals are the same algorithms in the words of all three.
type proposals struct {
	name                  string
	ours                  ikev2.Profile
	strongSwan, libreswan struct{ ike, esp string }
}

var modern = proposals{
	name:       "AES-GCM with PFS",
	ours:       ikev2.Profile{IKE: []string{"aes256gcm16-prfsha384-ecp384"}, ESP: []string{"aes256gcm16"}, PFS: true},
	strongSwan: struct{ ike, esp string }{"aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384"},
	libreswan:  struct{ ike, esp string }{"aes_gcm256-sha2_384;dh20", "aes_gcm256;dh20"},
}

// row is one meeting.
type row struct {
	peer      maker
	initiator bool // the peer's role
	nat       nat
	proposals proposals
}

func (r row) name() string {
	role := "responder"
	if r.initiator {
		role = "initiator"
	}
	return r.peer.name + " as " + role + ", " + r.nat.name + ", " + r.proposals.name
}

var strongswan = maker{"strongSwan", newStrongSwan}

var matrix = []row{
	{strongswan, false, noNAT, modern},
}

func TestMatrix(t *testing.T) {
	for _, r := range matrix {
		t.Run(r.name(), func(t *testing.T) { meet(t, r) })
	}
}

// meet takes two peers through the life of an IKE SA.
func meet(t *testing.T, r row) {
	n := newNetwork(t, r.nat)
	profile := r.proposals.ours
	profile.IKELifetime = 2 * time.Minute
	us := newSpoke(t, n, profile)
	them := r.peer.make(t, n.peer, settings{
		proposals: r.proposals, spoke: r.nat.spoke, identity: spokeWAN.Addr(), initiator: r.initiator,
	})
	them.start()
	wanted, done := context.WithCancel(t.Context())
	defer done()
	us.protect(wanted)
	first := us.settled()

	ping := us.ping(20 * time.Millisecond)
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := ping.Steady(limit, 0, 5)
	must(t, err)
	mark := ping.Mark()

	us.rekeyChild()
	us.becomes("a rekeyed child SA", first, newChild)
	second := us.settled()
	them.rekeyChild()
	us.becomes("a child SA rekeyed by the peer", second, newChild)
	third := us.settled()
	us.rekeyIKE(wanted)
	us.becomes("a rekeyed IKE SA", third, newIKE)
	fourth := us.settled()
	them.rekeyIKE()
	us.becomes("an IKE SA rekeyed by the peer", fourth, newIKE)

	lostNone(t, ping, mark)
	if n.wire.Sent(probe.ESP) == 0 || n.wire.Sent(probe.ClearGRE) > 0 {
		t.Errorf("we %s", n.wire)
	}
}

// lostNone checks that every packet of the ping since mark has its answer.
func lostNone(t *testing.T, ping *probe.Ping, mark int) {
	t.Helper()
	end := ping.Mark()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, _, err := ping.Answer(limit, end)
	must(t, err)
	if lost, sent := ping.Lost(mark, end); lost > 0 {
		t.Errorf("lost %d of %d packets, at %s", lost, sent, ping.Gaps(mark, end))
	}
}
