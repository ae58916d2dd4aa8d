//go:build vm

package interop

import (
	"cmp"
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

	{strongswan, initiator, noNAT, modernNoPFS},
	{strongswan, initiator, ourNAT, articleIKEv1},
	{strongswan, initiator, theirNAT, articleIKEv2},
	{strongswan, initiator, theirRandomNAT, modern},

	{libreswan, responder, noNAT, articleIKEv1},
	{libreswan, responder, ourNAT, articleIKEv2},
	{libreswan, responder, theirNAT, modern},
	{libreswan, responder, ourRandomNAT, modernNoPFS},

	{libreswan, initiator, noNAT, articleIKEv2},
	{libreswan, initiator, ourNAT, modern},
	{libreswan, initiator, theirNAT, modernNoPFS},
	{libreswan, initiator, theirRandomNAT, articleIKEv1},
}

// TestMatrix takes the engine and a peer through the life of an IKE SA, under a
// ping that may lose nothing and while nothing of it may be seen in clear.
func TestMatrix(t *testing.T) {
	for _, r := range matrix {
		t.Run(r.String(), func(t *testing.T) { live(t, r) })
	}
}

func live(t *testing.T, r row) {
	m := meet(t, r, settings{})
	before := m.us.settled()
	ping := m.ping()

	var steps []step
	for _, s := range []step{
		{name: "we rekey the child SA", do: m.us.rekeyChild, changed: newChild},
		{name: "the peer rekeys the child SA", do: m.them.rekeyChild, changed: newChild},
		{name: "we rekey the IKE SA", do: m.us.rekeyIKE, changed: newIKE},
		{name: "the peer rekeys the IKE SA", do: m.them.rekeyIKE, changed: newIKE},
		{name: "the peer rekeys the child SA again", do: m.them.rekeyChild, changed: newChild},
	} {
		s.begin, s.unready = ping.Mark(), m.net.unready(t)
		s.do()
		before = m.us.becomes(s.name, before, s.changed)
		s.end, s.unready = ping.Mark(), m.net.unready(t)-s.unready
		steps = append(steps, s)
	}
	for _, s := range steps {
		lost := 0
		if r.peer.name == libreswan.name {
			// It turns to a new SA before it has answered the request for it, and no
			// initiator has the keys by then.
			lost = s.unready
		}
		complete(t, s.name, ping, s.begin, s.end, lost)
	}
	m.part(t)
	m.forgotten(t)
}

// step is one thing that happens under the ping.
type step struct {
	name    string
	do      func()
	changed func(before, after names) bool
	// begin and end are numbers of packets.
	begin, end, unready int
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

// meet brings up the SA of a row. The settings are what the row does not say.
func meet(t *testing.T, r row, s settings) *meeting {
	t.Helper()
	m := newMeeting(t, r, s)
	m.them.start()
	if r.role == responder {
		m.replaced = m.us.protect(m.wanted)
		return m
	}
	m.us.accept(m.wanted)
	m.them.initiate()
	eventually(t, "the peer", func() bool { return m.us.status().Protected })
	return m
}

// newMeeting sets up both ends, and starts ours.
func newMeeting(t *testing.T, r row, s settings) *meeting {
	t.Helper()
	m := &meeting{t: t, net: newNetwork(t, r.nat)}
	profile := r.proposals.ours
	profile.IKELifetime, profile.DPD = cmp.Or(profile.IKELifetime, 2*time.Minute), cmp.Or(profile.DPD, 5*time.Second)
	m.us = newSpoke(t, m.net, profile)
	s.proposals, s.role, s.spoke, s.dpd = r.proposals, r.role, r.nat.spoke, cmp.Or(s.dpd, 20)
	m.them = r.peer.make(t, m.net.peer, s)
	var cancel context.CancelFunc
	m.wanted, cancel = context.WithCancel(t.Context())
	t.Cleanup(cancel)
	t.Cleanup(m.diagnose)
	return m
}

// diagnose logs what both ends have when a test has failed.
func (m *meeting) diagnose() {
	if !m.t.Failed() {
		return
	}
	m.t.Logf("we: %+v", m.us.status())
	for name, in := range map[string]func(func() error) error{"we": func(f func() error) error { return f() }, "peer": m.net.peer.do} {
		_ = in(func() error {
			states, err := netlink.XfrmStateList(netlink.FAMILY_V4)
			for _, s := range states {
				m.t.Logf("%s: %s to %s, SPI %08x, %d packets", name, s.Src, s.Dst, s.Spi, s.Statistics.Packets)
			}
			statistics, _ := xfrmStatistics()
			m.t.Log(name, statistics)
			return err
		})
	}
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

// complete waits until the packets from begin up to but without end have their
// answers, but for so many that may be lost: on two SAs, or two processors, packets
// overtake each other.
func complete(t *testing.T, while string, ping *probe.Ping, begin, end, mayBeLost int) {
	t.Helper()
	for limit := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		lost, sent := ping.Lost(begin, end)
		if lost <= mayBeLost {
			return
		}
		if time.Now().After(limit) {
			t.Errorf("while %s: lost %d of %d packets, at %s; %d might be", while, lost, sent, ping.Gaps(begin, end), mayBeLost)
			return
		}
	}
}

// answered waits until a packet from mark on has its answer, and returns its
// number.
func answered(t *testing.T, ping *probe.Ping, mark int) int {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	number, _, err := ping.Answer(limit, mark)
	must(t, err)
	return number
}

// part says good-bye, which the peer answers.
func (m *meeting) part(t *testing.T) {
	t.Helper()
	m.us.stop()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, m.us.engine.Shutdown(limit))
	m.sealed(t)
}

// forgotten checks that nothing is left at the peer.
func (m *meeting) forgotten(t *testing.T) {
	t.Helper()
	eventually(t, "the end of the peer's SAs", func() bool {
		var left []netlink.XfrmState
		must(t, m.net.peer.do(func() (err error) {
			left, err = netlink.XfrmStateList(netlink.FAMILY_V4)
			return err
		}))
		return len(left) == 0
	})
}

// sealed checks that the tunnel's packets crossed the wire as ESP alone.
func (m *meeting) sealed(t *testing.T) {
	t.Helper()
	if m.net.wire.Sent(probe.ESP) == 0 || m.net.wire.Sent(probe.ClearGRE) > 0 {
		t.Errorf("on the wire we %s; the first GRE in clear: %s", m.net.wire, m.net.wire.First(probe.ClearGRE))
	}
}
