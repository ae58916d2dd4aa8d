//go:build vm

package interop

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/lab/probe"
)

// event is something that happens to two that are connected, in the middle of a
// ping.
type event struct {
	name string
	peer maker
	nat  nat
	do   func(*meeting)
	// lost says that the peer loses SAs without a word: no good-bye to them has an
	// answer.
	lost bool
}

var events = []event{
	{"reauthenticates", strongswan, noNAT, reauthenticates, false},
	{"reauthenticates", libreswan, noNAT, reauthenticates, false},
	{"is restarted", strongswan, noNAT, restarts, false},
	{"is restarted", libreswan, noNAT, restarts, false},
	{"crashes, its SAs stay", strongswan, noNAT, crashes, true},
	{"crashes, its SAs stay", libreswan, noNAT, crashes, true},
	{"loses its power", strongswan, ourNAT, losesPower, true},
	{"loses its power", libreswan, ourNAT, losesPower, true},
	{"meets a NAT that forgets", strongswan, ourRandomNAT, forgets, false},
	{"meets a NAT that forgets", libreswan, ourRandomNAT, forgets, false},
}

func restarts(m *meeting) { m.them.stop(); m.them.start() }
func crashes(m *meeting)  { m.them.kill(); m.them.start() }
func forgets(m *meeting)  { m.net.forget(m.t) }

func reauthenticates(m *meeting) {
	before := m.us.settled()
	m.them.reauthenticate()
	m.us.becomes("the peer reauthenticates", before, newIKE)
}

func losesPower(m *meeting) {
	m.them.kill()
	must(m.t, m.net.peer.do(flush))
	m.them.start()
}

// TestRecovers: whatever the peer or the network does, traffic flows again
// without a hand, over one IKE SA.
func TestRecovers(t *testing.T) {
	for _, e := range events {
		t.Run(e.peer.name+" "+e.name, func(t *testing.T) {
			m := meet(t, row{e.peer, responder, e.nat, modern}, settings{})
			ping := m.ping()
			begin := time.Now()
			e.do(m)
			mark := ping.Mark()
			lost, sent := ping.Lost(mark, steady(t, ping))
			t.Logf("lost %d of %d packets, all well again after %.1f s", lost, sent, time.Since(begin).Seconds())
			m.us.settled()
			if e.lost {
				m.leave(t)
			} else {
				m.part(t)
			}
		})
	}
}

// leave says good-bye to a peer that has lost what it is about, and gives up sooner
// than the engine would by itself.
func (m *meeting) leave(t *testing.T) {
	t.Helper()
	m.us.stop()
	limit, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	// Whether there was an answer is the error.
	_ = m.us.engine.Shutdown(limit)
	m.sealed(t)
}

// steady waits until packets have been answered for a while, since what looks
// alive may be about to end, and returns the first of them.
func steady(t *testing.T, ping *probe.Ping) (first int) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	first, err := ping.Steady(limit, ping.Mark(), 50)
	must(t, err)
	return first
}

// TestBothInitiate: both ends begin before they can hear each other, and come to
// one IKE SA.
func TestBothInitiate(t *testing.T) {
	for _, peer := range []maker{strongswan, libreswan} {
		t.Run(peer.name, func(t *testing.T) {
			m := newMeeting(t, row{peer, initiator, noNAT, modern}, settings{})
			m.them.start()
			must(t, m.net.router.sysctl("ipv4/ip_forward", "0"))
			initiated := make(chan struct{})
			go func() {
				defer close(initiated)
				m.them.initiate()
			}()
			m.them.says(map[string]string{strongswan.name: "sending packet", libreswan.name: "sent IKE_SA_INIT"}[peer.name])
			go m.us.profile.Protect(m.wanted, m.us.peer, m.us.probe)
			eventually(t, "our request", func() bool { return m.net.wire.Sent(probe.IKE) > 0 })
			must(t, m.net.router.sysctl("ipv4/ip_forward", "1"))
			<-initiated
			m.us.protect(m.wanted)
			steady(t, m.ping())
			m.us.settled()
			m.part(t)
		})
	}
}

// TestCookie: strongSwan asks for a cookie once somebody has left an IKE SA half
// open.
func TestCookie(t *testing.T) {
	m := newMeeting(t, row{strongswan, responder, noNAT, modern}, settings{cookies: true})
	m.them.start()
	halfOpen(t, m.net.nat.peer)
	m.them.(*strongSwan).tells("1 half-open", swanctl, "--stats")
	m.us.protect(m.wanted)
	m.ping()
	m.them.says("N(COOKIE)")
	m.part(t)
}

// halfOpen sends an IKE_SA_INIT that nobody will follow up.
func halfOpen(t *testing.T, peer netip.Addr) {
	t.Helper()
	ike, err := suite.ParseIKE(modern.ours.IKE[0])
	must(t, err)
	stranger := session.New(session.Config{IKE: suite.Offer{ike}}, peer, rand.Reader)
	stranger.Uplink(0, spokeWAN.Addr())
	request := stranger.Want(0).Send[0]
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var bound error
		err := c.Control(func(fd uintptr) { bound = unix.BindToDevice(int(fd), front) })
		return errors.Join(err, bound)
	}}
	conn, err := dialer.Dial("udp4", request.Remote.String())
	must(t, err)
	defer conn.Close()
	_, err = conn.Write(request.Data)
	must(t, err)
}

// TestPeerAsks: a peer that asks after a silence whether we live hears it each
// time.
func TestPeerAsks(t *testing.T) {
	for _, peer := range []maker{strongswan, libreswan} {
		t.Run(peer.name, func(t *testing.T) {
			quiet := modern
			quiet.ours.DPD, quiet.ours.IKELifetime = time.Hour, time.Hour
			m := meet(t, row{peer, responder, noNAT, quiet}, settings{dpd: 1})
			before := m.us.settled()
			asked, told := m.net.wire.Received(probe.IKE), m.net.wire.Sent(probe.IKE)
			eventually(t, "a third question", func() bool {
				return m.net.wire.Received(probe.IKE) >= asked+3 && m.net.wire.Sent(probe.IKE) >= told+3
			})
			if after := m.us.settled(); after != before {
				t.Errorf("the SAs are %v and were %v", after, before)
			}
			m.ping()
			m.part(t)
		})
	}
}
