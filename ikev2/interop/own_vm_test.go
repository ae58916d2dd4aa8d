//go:build vm

package interop

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/lab/probe"
)

// own is the profile of both ends.
var own = ikev2.Profile{PFS: true}

// visit lets us call a branch that nobody told of us.
func visit(t *testing.T, nat nat, profile ikev2.Profile) (*meeting, *branch) {
	t.Helper()
	m := &meeting{t: t, net: newNetwork(t, nat), wanted: t.Context()}
	b := newBranch(t, m.net, profile)
	b.start()
	m.us = newSpoke(t, m.net, profile)
	t.Cleanup(m.diagnose)
	m.replaced = m.us.protect(m.wanted)
	return m, b
}

// TestOwn takes two engines through the life of their SAs under a ping that may
// lose nothing: rekeyed from both sides, and with a new process at the branch.
func TestOwn(t *testing.T) {
	short := own
	short.IKELifetime = time.Minute // by which the clocks are put forward
	m, b := visit(t, noNAT, short)
	guest := b.guest()
	if requests := b.engine.Status().Requests; !guest.Guest || requests.Cookies == 0 || requests.Admitted != 1 {
		t.Errorf("a stranger was let in without a cookie: %+v, %+v", requests, guest)
	}
	if !strings.HasSuffix(guest.Children[0].Algorithms, "-esn") {
		t.Errorf("agreed on %s, without long sequence numbers", guest.Children[0].Algorithms)
	}
	if mtu, _ := m.us.profile.MTU().Load(); mtu != 1438 {
		t.Errorf("MTU %d fits through ESP without UDP over Ethernet", mtu)
	}
	before := m.us.settled()
	first := before
	ping := m.ping()
	for _, s := range []step{
		{name: "we rekey the child SA", do: m.us.rekeyChild, changed: newChild},
		{name: "we rekey it again", do: func() {
			b.kernel.on.Store(true)
			m.us.rekeyChild()
		}, changed: newChild},
		{name: "the branch has counted the packets to its limit", do: func() { b.kernel.on.Store(false) }, changed: newChild},
		{name: "somebody rekeys the IKE SA in time", do: func() {
			soon := max(min(m.us.status().RekeyIn, b.guest().RekeyIn)-time.Second, 0)
			m.us.clock.ahead.Add(int64(soon))
			b.clock.ahead.Add(int64(soon))
		}, changed: func(_, after names) bool { return newIKE(first, after) }},
	} {
		begin := ping.Mark()
		if s.do != nil {
			s.do()
		}
		before = m.us.becomes(s.name, before, s.changed)
		complete(t, s.name, ping, begin, ping.Mark(), 0)
	}

	begin := ping.Mark()
	before = m.us.settled()
	b.stop()
	answered(t, ping, ping.Mark()+10)
	b.start()
	if again := b.guest(); !again.Guest || again.Counters.Authentications != 1 || !isOpen(m.replaced) {
		t.Errorf("the new process has authenticated us anew: %+v", again)
	}
	m.us.rekeyChild()
	m.us.becomes("the new process rekeys", before, newChild)
	complete(t, "there is a new process at the branch", ping, begin, ping.Mark(), 0)
	b.stop()
	m.us.stop()
	m.sealed(t)
}

func isOpen(c <-chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// TestOwnOpensForTraffic: nobody asks for protection, and a packet to a branch
// makes the kernel ask.
func TestOwnOpensForTraffic(t *testing.T) {
	m := &meeting{t: t, net: newNetwork(t, noNAT)}
	must(t, os.WriteFile("/proc/sys/net/core/xfrm_acq_expires", []byte("4"), 0)) // as on the box
	b := newBranch(t, m.net, own)
	b.start()
	m.us = newSpoke(t, m.net, own)
	background(t, "our admission", admission(m.us.profile))
	m.ping()
	if us := m.us.status(); !us.Guest || us.Role != "initiator" {
		t.Errorf("we have %+v", us)
	}
	b.guest()
	b.stop()
	m.us.stop()
	m.sealed(t)
}

// TestOwnFollowsNAT: a carrier forgets our flows, and the branch sends to where
// our packets now come from.
func TestOwnFollowsNAT(t *testing.T) {
	m, b := visit(t, ourRandomNAT, own)
	ping := m.ping()
	before := b.guest()
	for range 3 {
		m.net.forget(t)
		begin := ping.Mark()
		after := before
		eventually(t, "the move of our port", func() bool {
			after = b.guest()
			return after.Remote != before.Remote
		})
		end := answered(t, ping, ping.Mark())
		lost, sent := ping.Lost(begin, end)
		t.Logf("moved from %s to %s: lost %d of %d packets", before.Remote, after.Remote, lost, sent)
		if after.SPIi != before.SPIi || after.Counters.Authentications != 1 || !isOpen(m.replaced) {
			t.Errorf("not followed but opened anew: %+v", after)
		}
		before = after
	}
	b.stop()
	m.us.stop()
}

// TestOwnMendsTheKernel: somebody takes away a policy and an SA, and adds a policy
// that lets GRE out in clear.
func TestOwnMendsTheKernel(t *testing.T) {
	m, _ := visit(t, noNAT, own)
	before := m.us.settled()
	ping := m.ping()
	kernel, err := xfrm.Open()
	must(t, err)
	defer kernel.Close()
	foreign := xfrm.Policy{Dir: xfrm.DirectionOut, Src: anyPrefix, Dst: anyPrefix, Proto: 89, Priority: 1}
	must(t, kernel.PutPolicy(foreign)) // harmless: not of GRE
	must(t, kernel.DeletePolicy(xfrm.FailClosed(ikev2.ReqID)[0]))
	eventually(t, "the policy", func() bool {
		policies, err := kernel.Policies()
		must(t, err)
		return slices.Contains(policies, xfrm.FailClosed(ikev2.ReqID)[0])
	})
	if drift := m.us.engine.Status().Drift; drift.Mended != 1 || len(drift.Foreign) > 0 || !strings.Contains(drift.Last, "priority 1000") {
		t.Errorf("status: %+v", drift)
	}

	for _, out := range []bool{true, false} {
		mended := m.us.engine.Status().Drift.Mended
		must(t, kernel.DeleteSA(installed(m.us.status(), out)))
		before = m.us.becomes("another SA takes the place of a lost one", before, newChild)
		answered(t, ping, ping.Mark())
		if drift := m.us.engine.Status().Drift; drift.Mended == mended || !strings.Contains(drift.Last, "was removed or replaced") {
			t.Errorf("status: %+v", drift)
		}
	}
	if !isOpen(m.replaced) {
		t.Error("the peer was authenticated anew")
	}
	if clear := m.net.wire.Sent(probe.ClearGRE); clear > 0 {
		t.Errorf("%d packets left in clear", clear)
	}

	foreign.Proto = 0
	must(t, kernel.PutPolicy(foreign))
	eventually(t, "the report of the foreign policy", func() bool {
		return slices.Contains(m.us.engine.Status().Drift.Foreign, foreign.String())
	})
	must(t, netlink.XfrmPolicyFlush())
}

// installed returns our SA in use of one direction.
func installed(status ikev2.PeerStatus, out bool) xfrm.ID {
	i := slices.IndexFunc(status.Children, func(c session.ChildStatus) bool { return c.State == "in use" })
	spi, dst := status.Children[i].SPIIn, spokeWAN.Addr()
	if out {
		spi, dst = status.Children[i].SPIOut, peerWAN.Addr()
	}
	id := xfrm.ID{Dst: dst}
	_, _ = fmt.Sscanf(spi, "%x", &id.SPI)
	return id
}
