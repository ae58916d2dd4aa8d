package nhc

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// TestReplay lets all packets of a spoke's life come again, in any order and at any
// time: traffic never goes into a void, nothing that ended comes back, and the hub
// is registered with all the while.
func TestReplay(t *testing.T) {
	c, a, b := two(t, false, true)
	third := c.join("c", "172.16.100.19", "203.0.113.3", "203.0.113.3", "192.168.3.0/24")
	type arrival struct {
		from netip.Addr
		b    []byte
	}
	var life []arrival
	c.arrived = func(s *spoke, from netip.Addr, b []byte) {
		if s == a {
			life = append(life, arrival{from, b})
		}
	}
	for _, o := range []*spoke{b, third} {
		c.hub.redirect(a, o.lan.Addr().Next())
		c.hub.redirect(o, a.lan.Addr().Next())
		c.pass(5 * second)
	}
	b.apply(b.client.Prefixes(c.now, nil)) // which purges what a was told
	c.pass(5 * second)
	a.apply(a.client.Lost(c.now, nbma1))
	c.pass(20 * time.Minute) // and all paths have expired
	c.arrived = nil
	kinds := make(map[nhrp.Type]bool)
	for _, l := range life {
		kinds[nhrp.Type(l.b[17])] = true
	}
	for _, kind := range []nhrp.Type{nhrp.ResolutionRequest, nhrp.ResolutionReply, nhrp.RegistrationReply, nhrp.PurgeRequest, nhrp.TrafficIndication} {
		if !kinds[kind] {
			t.Errorf("there is no %s to replay", kind)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	a.sent = nil
	for range 20 * len(life) {
		l := life[random.IntN(len(life))]
		// Answers alone: what starts a conversation may do so again.
		if kind := nhrp.Type(l.b[17]); kind == nhrp.ResolutionRequest || kind == nhrp.TrafficIndication {
			continue
		}
		a.apply(a.client.Receive(c.now, l.from, l.b))
		c.pass(time.Duration(random.Int64N(int64(second))))
		a.check()
		if s := a.client.Shortcuts(c.now); len(s) != 0 {
			t.Fatalf("a replay has brought back %+v", s)
		}
		if servers, _ := a.client.Status(c.now); servers[0].State != Registered {
			t.Fatalf("the hub is %s", servers[0].State)
		}
	}
	registrations := 0
	for _, p := range a.sent {
		if p.Type == nhrp.RegistrationRequest {
			registrations++
		}
	}
	if most := int(20*len(life)/100) + 2; registrations > most {
		t.Errorf("%d registrations, want at most those that were due, %d", registrations, most)
	}
	// With questions and redirects among them there may be paths again, and they
	// carry traffic.
	for range 10 * len(life) {
		l := life[random.IntN(len(life))]
		a.apply(a.client.Receive(c.now, l.from, l.b))
		c.pass(time.Duration(random.Int64N(int64(second))))
		a.check()
	}
}

// TestPurgeStorm: purges by the thousand, from the hub, from a spoke and from
// nobody, cost a bounded number of packets, and the hub is registered with again.
func TestPurgeStorm(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(2 * second)
	purge := func(prefix string) []byte {
		p := packetFrom(nhrp.PurgeRequest, hub1, nbma1)
		network := netip.MustParsePrefix(prefix)
		p.DstProtocol = a.address
		p.CIEs = []nhrp.CIE{{PrefixLen: uint8(network.Bits()), Protocol: network.Addr()}}
		return mustMarshal(t, p)
	}
	a.sent = nil
	const storm = 3000
	for i := range storm {
		from := []netip.Addr{nbma1, b.public, netip.MustParseAddr("192.0.2.66")}[i%3]
		for _, prefix := range []string{"172.16.100.17/32", "192.168.2.0/24", "0.0.0.0/1"} {
			a.apply(a.client.Receive(c.now, from, purge(prefix)))
			a.check()
		}
		c.pass(second / 100)
	}
	seconds := storm / 100
	replies := peerBurst + serverBurst + peerBurst + (peerRate+serverRate+peerRate)*seconds
	if n := len(a.sent); n > replies+seconds {
		t.Errorf("%d packets in %d s", n, seconds)
	}
	registrations := 0
	for _, p := range a.sent {
		if p.Type == nhrp.RegistrationRequest {
			registrations++
		}
	}
	if most := seconds/5 + 2; registrations > most {
		t.Errorf("%d registrations in %d s, want at most %d", registrations, seconds, most)
	}
	c.pass(10 * second)
	if servers, _ := a.client.Status(c.now); servers[0].State != Registered {
		t.Errorf("the hub is %s: %s", servers[0].State, servers[0].LastError)
	}
	c.hub.redirect(a, host2)
	c.pass(2 * second)
	if via, _ := a.route(host2); via != b.address {
		t.Errorf("after the storm via %s: %s", via, a.why())
	}
}

// TestPeerDeafToIKE: a spoke that answers questions and no IKE costs nothing but
// attempts, which become rarer; traffic stays on the hub.
func TestPeerDeafToIKE(t *testing.T) {
	c, a, b := two(t, false, false)
	b.public = netip.MustParseAddr("203.0.113.200") // nobody is where it says
	c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
		reply := p.Reply()
		reply.Extensions = []nhrp.Extension{nhrp.NewAuthentication("cloud")}
		reply.CIEs = []nhrp.CIE{{PrefixLen: 24, HoldingTime: 7200, NBMA: b.claimed, Protocol: b.address}}
		return reply
	}
	c.hub.redirect(a, host2)
	var attempts []Instant
	for end := c.now + time.Hour; c.now < end; {
		before := a.wanted[b.claimed]
		c.pass(second)
		if a.wanted[b.claimed] && !before {
			attempts = append(attempts, c.now)
		}
		if via, nbma := a.route(host2); via != hub1 || nbma != nbma1 {
			t.Fatalf("%v: via %s at %s", c.now, via, nbma)
		}
		if c.now%(10*time.Minute) == 0 {
			if text := a.client.Explain(c.now, host2); !strings.Contains(text, "hub") {
				t.Errorf("%v: %s", c.now, text)
			}
		}
	}
	if n := len(attempts); n < 3 || n > 12 {
		t.Errorf("%d attempts in an hour, at %v", n, attempts)
	}
	if !strings.Contains(a.client.Explain(c.now, host2), "does not answer IKE") {
		t.Errorf("it is said: %s", a.client.Explain(c.now, host2))
	}
}

// TestLossyStart: with one packet in five lost each way, the hub is registered with
// and a direct path found before long.
func TestLossyStart(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		c := newCloud(t)
		c.drop = func(_, _ netip.Addr, _ *nhrp.Packet) bool { return random.IntN(5) == 0 }
		a := c.join("a", "172.16.100.17", "203.0.113.1", "203.0.113.1", "192.168.1.0/24")
		b := c.join("b", "172.16.100.18", "100.64.0.2", "203.0.113.2", "192.168.2.0/24")
		c.pass(20 * second)
		for range 4 { // a hub says it again while there is traffic
			c.hub.redirect(a, host2)
			c.pass(15 * second)
		}
		if servers, _ := a.client.Status(c.now); servers[0].State != Registered {
			t.Errorf("seed %d: the hub is %s", seed, servers[0].State)
		}
		if via, _ := a.route(host2); via != b.address {
			t.Errorf("seed %d: via %s: %s", seed, via, a.client.Explain(c.now, host2))
		}
	}
}
