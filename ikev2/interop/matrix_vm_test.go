//go:build vm

package interop

import (
	"context"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/lab/probe"
)

// role is what the peer is in the first exchange.
type role string

const (
	responder role = "responder"
	initiator role = "initiator"
)

// row is one meeting.
type row struct {
	peer maker
	role
	nat       nat
	proposals proposals
}

func (r row) String() string {
	return r.peer.name + " as " + string(r.role) + ", " + r.nat.name + ", " + r.proposals.name
}

var (
	strongswan = maker{"strongSwan", newStrongSwan}
	libreswan  = maker{"libreswan", newLibreSwan}
)

// matrix has every NAT and all proposals with every peer in every role, and each
// NAT with all proposals, but not every such pair with every peer: what a NAT
// does to packets does not depend on what is agreed on in them. FullMatrix has
// the rest.
//
// A peer that initiates finds us under a public address, so that the random-port
// NAT is always on the side of the initiator.
var matrix = []row{
	{strongswan, responder, noNAT, modern},
	{strongswan, responder, ourNAT, modernNoPFS},
	{strongswan, responder, theirNAT, articleIKEv1},
	{strongswan, responder, ourRandomNAT, articleIKEv2},

	{libreswan, responder, noNAT, articleIKEv1},
	{libreswan, responder, ourNAT, articleIKEv2},
	{libreswan, responder, theirNAT, modern},
	{libreswan, responder, ourRandomNAT, modernNoPFS},
}

// TestMatrix takes the engine and a peer through the life of an IKE SA, under a
// ping that may lose nothing and while nothing of it may be seen in clear.
func TestMatrix(t *testing.T) {
	for _, r := range matrix {
		t.Run(r.String(), func(t *testing.T) { live(t, r) })
	}
}

func live(t *testing.T, r row) {
	m := meet(t, r)
	before := m.us.settled()
	ping := m.ping()

	var steps []step
	for _, s := range []step{
		{name: "we rekey the child SA", do: m.us.rekeyChild, changed: newChild},
		{name: "the peer rekeys the child SA", do: m.them.rekeyChild, changed: newChild},
		{name: "we rekey the IKE SA", do: func() { m.us.rekeyIKE(m.wanted) }, changed: newIKE},
		{name: "the peer rekeys the IKE SA", do: m.them.rekeyIKE, changed: newIKE},
		{name: "the peer rekeys the child SA again", do: m.them.rekeyChild, changed: newChild},
	} {
		s.begin, s.early = ping.Mark(), m.us.earlyPackets()
		s.do()
		before = m.us.becomes(s.name, before, s.changed)
		s.end, s.early = ping.Mark(), m.us.earlyPackets()-s.early
		steps = append(steps, s)
	}
	answered(t, ping, ping.Mark())
	for _, s := range steps {
		// libreswan sends on a new SA before it has answered the request for it,
		// and no initiator has the keys by then.
		lost, sent := ping.Lost(s.begin, s.end)
		if lost > s.early || lost > 0 && r.peer.name != libreswan.name {
			t.Errorf("while %s: lost %d of %d packets, at %s", s.name, lost, sent, ping.Gaps(s.begin, s.end))
		}
	}
	m.part(t)
}

// step is one thing that happens under the ping.
type step struct {
	name    string
	do      func()
	changed func(before, after names) bool
	// begin and end are numbers of packets, early counts what came on an SA that
	// was not there yet.
	begin, end, early int
}

// meeting is us and a peer with an SA between them.
type meeting struct {
	t      *testing.T
	net    *network
	us     *spoke
	them   peer
	wanted context.Context
	// replaced is closed when this protection ends.
	replaced <-chan struct{}
}

// meet brings up the SA of a row.
func meet(t *testing.T, r row) *meeting {
	t.Helper()
	m := &meeting{t: t, net: newNetwork(t, r.nat)}
	profile := r.proposals.ours
	profile.IKELifetime = 2 * time.Minute
	m.us = newSpoke(t, m.net, profile)
	m.them = r.peer.make(t, m.net.peer, settings{proposals: r.proposals, role: r.role, spoke: r.nat.spoke})
	m.them.start()
	var cancel context.CancelFunc
	m.wanted, cancel = context.WithCancel(t.Context())
	t.Cleanup(cancel)
	m.replaced = m.us.protect(m.wanted)
	return m
}

// ping pings through the tunnel, and waits until that is answered.
func (m *meeting) ping() *probe.Ping {
	m.t.Helper()
	p := m.us.ping(20 * time.Millisecond)
	limit, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	_, err := p.Steady(limit, 0, 5)
	must(m.t, err)
	return p
}

// answered waits until a packet from mark on has its answer, and so all before
// it that will ever have one, and returns its number.
func answered(t *testing.T, ping *probe.Ping, mark int) int {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	number, _, err := ping.Answer(limit, mark)
	must(t, err)
	return number
}

// part says good-bye, which leaves nothing at either end.
func (m *meeting) part(t *testing.T) {
	t.Helper()
	m.us.stop()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, m.us.engine.Shutdown(limit))
	eventually(t, "the end of the peer's SAs", func() bool {
		var left []netlink.XfrmState
		must(t, m.net.peer.do(func() (err error) {
			left, err = netlink.XfrmStateList(netlink.FAMILY_V4)
			return err
		}))
		return len(left) == 0
	})
	m.sealed(t)
}

// sealed checks that the tunnel's packets crossed the wire as ESP alone.
func (m *meeting) sealed(t *testing.T) {
	t.Helper()
	if m.net.wire.Sent(probe.ESP) == 0 || m.net.wire.Sent(probe.ClearGRE) > 0 {
		t.Errorf("on the wire we %s; the first GRE in clear: %s", m.net.wire, m.net.wire.First(probe.ClearGRE))
	}
}
