package nhc

import (
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// TestRenewalIsTriedAgain: a hub that does not know the other spoke for a while, as
// after its reboot, ends no path that carries traffic.
func TestRenewalIsTriedAgain(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(2 * second)
	ignorant := true
	c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
		reply := p.Reply()
		reply.Extensions = []nhrp.Extension{nhrp.NewAuthentication("cloud")}
		if ignorant {
			reply.CIEs = []nhrp.CIE{{Code: nhrp.NoBinding}}
			return reply
		}
		reply.CIEs = []nhrp.CIE{{PrefixLen: 24, HoldingTime: 300, NBMA: b.public, Protocol: b.address}}
		return reply
	}
	octets := uint64(0)
	for passed := Instant(0); passed < 10*time.Minute; passed += 5 * second {
		octets += 1000
		a.use(b.public, octets)
		ignorant = passed < 230*second // the renewal is due after 200 s
		c.pass(5 * second)
		if via, nbma := a.route(host2); via != b.address || nbma != b.public {
			t.Fatalf("after %v via %s at %s: %s", passed, via, nbma, a.client.Explain(c.now, host2))
		}
	}
}

// TestHeldTargetsMakeRoom: however many destinations have had no answer, another one
// is asked about.
func TestHeldTargetsMakeRoom(t *testing.T) {
	c, a, _ := two(t, false, false)
	c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
		reply := p.Reply()
		reply.Extensions = []nhrp.Extension{nhrp.NewAuthentication("cloud")}
		reply.CIEs = []nhrp.CIE{{Code: nhrp.NoBinding}}
		return reply
	}
	for i := range 2 * maxTargets {
		c.hub.redirect(a, netip.AddrFrom4([4]byte{192, 168, byte(10 + i>>8), byte(i)}))
		c.pass(second / 20)
	}
	if n := len(a.client.targets); n > maxTargets {
		t.Errorf("%d targets", n)
	}
	c.hub.answer = nil
	c.hub.redirect(a, host2)
	c.pass(second)
	if via, _ := a.route(host2); via == hub1 {
		t.Errorf("no direct path: %s", a.client.Explain(c.now, host2))
	}
}

// TestHeldPeerCalls: a spoke that we could not call has its path once it calls us.
func TestHeldPeerCalls(t *testing.T) {
	c, a, b := two(t, false, false)
	where := b.public
	b.public = netip.MustParseAddr("203.0.113.200") // for now nobody is where it says
	c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
		reply := p.Reply()
		reply.Extensions = []nhrp.Extension{nhrp.NewAuthentication("cloud")}
		reply.CIEs = []nhrp.CIE{{PrefixLen: 24, HoldingTime: 7200, NBMA: where, Protocol: b.address}}
		return reply
	}
	c.hub.redirect(a, host2)
	c.pass(10 * second)
	if a.client.peers[0].phase != PathHeld {
		t.Fatalf("the path is %s", a.client.peers[0].phase)
	}
	b.public = where
	b.call(a.public)
	c.pass(second / 2)
	a.apply(a.client.Came(c.now, where))
	c.pass(second)
	if via, _ := a.route(host2); via != b.address {
		t.Errorf("via %s: %s", via, a.client.Explain(c.now, host2))
	}
}
