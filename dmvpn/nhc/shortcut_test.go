package nhc

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

var host2 = netip.MustParseAddr("192.168.2.9")

// two spokes, each behind a NAT or not.
func two(t testing.TB, natA, natB bool) (c *cloud, a, b *spoke) {
	c = newCloud(t)
	claim := func(public, private string, nat bool) string {
		if nat {
			return private
		}
		return public
	}
	a = c.join("a", "172.16.100.17", claim("203.0.113.1", "100.64.0.1", natA), "203.0.113.1", "192.168.1.0/24")
	b = c.join("b", "172.16.100.18", claim("203.0.113.2", "100.64.0.2", natB), "203.0.113.2", "192.168.2.0/24")
	c.pass(second)
	return c, a, b
}

// why returns why a has no shortcut to b.
func (s *spoke) why() string {
	for _, p := range s.client.peers {
		if p.phase == PathHeld {
			return p.reason
		}
	}
	for _, t := range s.client.targets {
		if t.held != 0 {
			return t.reason
		}
	}
	return ""
}

// TestShortcutByNAT: whoever can call calls, and if neither can, all stays as it
// is and the reason is told.
func TestShortcutByNAT(t *testing.T) {
	for name, test := range map[string]struct{ a, b, direct bool }{
		"no NAT":     {false, false, true},
		"ours":       {true, false, true},
		"theirs":     {false, true, true},
		"both sides": {true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, test.a, test.b)
			c.hub.redirect(a, host2)
			for range 20 {
				c.pass(second / 10)
				// Make before break: never a route to where nothing gets through.
				if via, nbma := a.route(host2); nbma != nbma1 && (!a.paths[nbma] || via != b.address) {
					t.Fatalf("%v: %s goes via %s at %s", c.now, host2, via, nbma)
				}
			}
			via, nbma := a.route(host2)
			if test.direct && (via != b.address || nbma != b.public) {
				t.Errorf("%s goes via %s at %s", host2, via, nbma)
			}
			if !test.direct && (via != hub1 || !strings.Contains(a.why(), "behind NATs")) {
				t.Errorf("via %s, because %q", via, a.why())
			}
			for _, r := range a.client.Routes() {
				if test.direct && r.Via == b.address && r.Prefix != b.lan {
					t.Errorf("route %v, want that of the whole LAN", r)
				}
			}
			if test.direct != a.wanted[b.public] {
				t.Errorf("protected: %v", a.wanted)
			}
		})
	}
}

func TestSamePublicAddress(t *testing.T) {
	c := newCloud(t)
	a := c.join("a", "172.16.100.17", "100.64.0.1", "203.0.113.1", "192.168.1.0/24")
	b := c.join("b", "172.16.100.18", "100.64.0.2", "203.0.113.1", "192.168.2.0/24")
	c.pass(second)
	c.hub.redirect(a, host2)
	c.pass(10 * second)
	if via, _ := a.route(host2); via != hub1 || !strings.Contains(a.why(), "shares our public address 203.0.113.1") {
		t.Errorf("via %s, because %q", via, a.why())
	}
	_ = b
}

// TestCalledByNATedPeer: one behind a NAT that calls without a word of NHRP, as FRR
// does, is not waited for any longer.
func TestCalledByNATedPeer(t *testing.T) {
	c, a, b := two(t, false, true)
	b.cfg.Shortcut = false
	b.state = nil
	b.boot()
	c.pass(second)
	c.hub.answer = inPlaceOf(c, b)
	c.hub.redirect(a, host2)
	c.pass(second)
	if s := a.client.Shortcuts(c.now); len(s) != 1 || s[0].State != PathWaiting || a.wanted[b.public] {
		t.Fatalf("before the call: %+v", s)
	}
	b.call(a.public)
	c.pass(second / 2)
	a.apply(a.client.Came(c.now, b.public))
	c.pass(second / 2)
	if via, nbma := a.route(host2); via != b.address || nbma != b.public {
		t.Errorf("after the call: via %s at %s", via, nbma)
	}
}

// inPlaceOf lets the hub answer for a spoke, as one of another make would do itself.
func inPlaceOf(c *cloud, s *spoke) func(*nhrp.Packet) *nhrp.Packet {
	return func(p *nhrp.Packet) *nhrp.Packet {
		reply := p.Reply()
		nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: s.public, Protocol: s.address})
		if err != nil {
			c.t.Fatal(err)
		}
		reply.Extensions = []nhrp.Extension{nat, nhrp.NewAuthentication("cloud")}
		reply.CIEs = []nhrp.CIE{{PrefixLen: uint8(s.lan.Bits()), HoldingTime: 300, NBMA: s.claimed, Protocol: s.address}}
		return reply
	}
}

// TestSilentNATedPeer: one behind a NAT that does not call is called: its NAT may
// lead us to it.
func TestSilentNATedPeer(t *testing.T) {
	for name, open := range map[string]bool{"static NAT": true, "any other": false} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, false, true)
			b.open = open
			c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet { // b does not hear of us
				reply := *p
				reply.Type = nhrp.ResolutionReply
				reply.CIEs = []nhrp.CIE{{PrefixLen: 24, NBMA: b.claimed, Protocol: b.address}}
				nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: b.public, Protocol: b.address})
				if err != nil {
					t.Fatal(err)
				}
				reply.Extensions = []nhrp.Extension{nat, nhrp.NewAuthentication("cloud")}
				return &reply
			}
			c.hub.redirect(a, host2)
			c.pass(callAfter)
			if via, _ := a.route(host2); via != hub1 {
				t.Errorf("via %s at once", via)
			}
			c.pass(10 * second)
			if via, _ := a.route(host2); open != (via == b.address) {
				t.Errorf("via %s, because %q", via, a.why())
			}
		})
	}
}

// TestIntoItself: a path must not lead its own packets, or the hub's, into the
// tunnel.
func TestIntoItself(t *testing.T) {
	for _, dst := range []string{"203.0.113.99", "198.51.100.99"} {
		c, a, b := two(t, false, false)
		b.apply(b.client.Prefixes(c.now, []netip.Prefix{netip.MustParsePrefix(dst + "/24").Masked()}))
		b.lan = netip.MustParsePrefix(dst + "/24").Masked()
		c.hub.redirect(a, netip.MustParseAddr(dst))
		c.pass(second)
		if !strings.Contains(a.why(), "lead the tunnel into itself") {
			t.Errorf("%s: because %q, routes %v", dst, a.why(), a.client.Routes())
		}
	}
}

// TestNothingComesThrough: IKE is up and ESP is not: the hub keeps the traffic.
func TestNothingComesThrough(t *testing.T) {
	c, a, _ := two(t, false, false)
	c.deaf = true
	c.hub.redirect(a, host2)
	c.pass(30 * second)
	if via, _ := a.route(host2); via != hub1 || !strings.Contains(a.why(), "nothing comes back") {
		t.Errorf("via %s, because %q", via, a.why())
	}
	// It is tried again by and by.
	c.deaf = false
	c.pass(60 * second)
	if via, _ := a.route(host2); via == hub1 {
		t.Errorf("held for good: %q", a.why())
	}
}

// TestPathDies: the hub takes over at once.
func TestPathDies(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	if via, _ := a.route(host2); via != b.address {
		t.Fatalf("via %s", via)
	}
	delete(a.paths, b.public)
	b.claimed = netip.MustParseAddr("100.64.0.9") // unreachable by now
	b.called = make(map[netip.Addr]bool)
	a.apply(a.client.Lost(c.now, b.public))
	if via, _ := a.route(host2); via != hub1 {
		t.Errorf("via %s", via)
	}
	c.pass(6 * second)
	if !strings.Contains(a.why(), "cannot be protected") || a.wanted[b.public] {
		t.Errorf("because %q, wanted %v", a.why(), a.wanted)
	}
}

// TestRenewal: a shortcut in use stays, also without the hub; one that is not
// used goes by itself.
func TestRenewal(t *testing.T) {
	for name, test := range map[string]struct{ used, hub, stays bool }{
		"used":         {true, true, true},
		"used, no hub": {true, false, true},
		"not used":     {false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, false, false)
			c.hub.redirect(a, host2)
			c.pass(second)
			c.hub.down = !test.hub
			for i := range 200 {
				if test.used {
					a.use(b.public, uint64(100*(i+1)))
				}
				c.pass(5 * second)
				if via, _ := a.route(host2); test.stays && via != b.address {
					t.Fatalf("%v: via %s (%s)", c.now, via, a.why())
				}
			}
			if via, _ := a.route(host2); !test.stays && (via != hub1 || len(a.client.peers) != 0 || a.wanted[b.public]) {
				t.Errorf("via %s, %d peers", via, len(a.client.peers))
			}
		})
	}
}

// TestRestartKeepsShortcuts: the next process takes over a direct path as it is.
func TestRestartKeepsShortcuts(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	sent := len(a.sent)
	a.boot()
	for range 50 {
		if via, nbma := a.route(host2); via != b.address || nbma != b.public {
			t.Fatalf("%v: via %s at %s", c.now, via, nbma)
		}
		c.pass(second / 10)
	}
	if len(a.sent) != sent {
		t.Errorf("the restart sent %d packets", len(a.sent)-sent)
	}
}

// TestAnswersThatTake: what a peer must not have it does not get.
func TestAnswersThatTake(t *testing.T) {
	for name, test := range map[string]struct {
		cie  nhrp.CIE
		want string
	}{
		"everything":      {nhrp.CIE{PrefixLen: 1}, "answers for"},
		"our LAN":         {nhrp.CIE{PrefixLen: 16}, "which is ours"},
		"too long":        {nhrp.CIE{PrefixLen: 33}, "a prefix of 33 bits"},
		"refused":         {nhrp.CIE{Code: nhrp.NoBinding, PrefixLen: 24}, "no binding"},
		"outside":         {nhrp.CIE{PrefixLen: 24, Protocol: netip.MustParseAddr("10.9.9.9")}, "outside of the tunnel's network"},
		"ourselves":       {nhrp.CIE{PrefixLen: 24, Protocol: ours}, "we have it ourselves"},
		"the hub":         {nhrp.CIE{PrefixLen: 24, Protocol: hub1}, "behind the hub itself"},
		"loopback":        {nhrp.CIE{PrefixLen: 24, NBMA: netip.MustParseAddr("127.0.0.1")}, "nobody's address"},
		"our own address": {nhrp.CIE{PrefixLen: 24, NBMA: netip.MustParseAddr("203.0.113.1")}, "shares our public address"},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, _ := two(t, false, false)
			c.hub.answer = func(p *nhrp.Packet) *nhrp.Packet {
				reply := *p
				reply.Type = nhrp.ResolutionReply
				e := test.cie
				if !e.NBMA.IsValid() {
					e.NBMA = netip.MustParseAddr("203.0.113.2")
				}
				if !e.Protocol.IsValid() {
					e.Protocol = netip.MustParseAddr("172.16.100.18")
				}
				reply.CIEs = []nhrp.CIE{e}
				return &reply
			}
			before := a.client.kernel
			c.hub.redirect(a, host2)
			c.pass(20 * second)
			if !strings.Contains(a.why(), test.want) || !before.equal(a.client.kernel) {
				t.Errorf("because %q, kernel %+v", a.why(), a.client.kernel)
			}
		})
	}
}

// TestNobodyAnswers: questions are repeated with growing pauses, then not for a
// minute, however often the hub redirects, or the kernel misses the next hop.
func TestNobodyAnswers(t *testing.T) {
	for name, ask := range map[string]func(c *cloud, a, b *spoke){
		"redirected": func(c *cloud, a, _ *spoke) { c.hub.redirect(a, host2) },
		"missing":    func(c *cloud, a, b *spoke) { a.apply(a.client.Missing(c.now, b.address)) },
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, false, false)
			asked := c.watch(nhrp.ResolutionRequest, true)
			for range 50 {
				ask(c, a, b)
				c.pass(second)
			}
			for _, q := range *asked {
				if q.packet.RequestID != (*asked)[0].packet.RequestID {
					t.Error("a retry bears another id")
				}
			}
			if n := len(*asked); n != maxTries || !strings.Contains(a.why(), "nobody answers") {
				t.Errorf("%d requests in 50 s, because %q", n, a.why())
			}
		})
	}
}

// TestPhase2: a next hop that the kernel misses is reached by the hub at once,
// and directly when that works.
func TestPhase2(t *testing.T) {
	for name, nat := range map[string]bool{"direct": false, "both behind NATs": true} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, nat, nat)
			a.apply(a.client.Missing(c.now, b.address))
			if _, nbma := a.route(b.address); nbma != nbma1 {
				t.Errorf("at %s at once", nbma)
			}
			want := b.public
			if nat {
				want = nbma1
			}
			c.pass(10 * second)
			for range 20 {
				if _, nbma := a.route(b.address); nbma != want {
					if nbma.IsValid() {
						t.Fatalf("%v: at %s, want %s", c.now, nbma, want)
					}
					a.apply(a.client.Missing(c.now, b.address))
					continue
				}
				c.pass(10 * second)
				a.use(b.public, uint64(c.now))
			}
		})
	}
}

// TestPrefixesChange: who was told hears that it is so no more.
func TestPrefixesChange(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	if via, _ := a.route(host2); via != b.address {
		t.Fatalf("via %s", via)
	}
	b.apply(b.client.Prefixes(c.now, nil))
	c.pass(second)
	if via, _ := a.route(host2); via != hub1 {
		t.Errorf("via %s after the purge", via)
	}
}

// TestCoveringPrefix: a single address beside the LAN that holds it does not
// narrow the answer.
func TestCoveringPrefix(t *testing.T) {
	prefix := netip.MustParsePrefix
	c := New(testConfig(configured(hub1, nbma1)), State{}, 1, 0)
	c.Prefixes(0, []netip.Prefix{prefix("192.168.2.9/32"), prefix("192.168.0.0/16"), prefix("192.168.2.0/24")})
	if got := c.local(host2); got != prefix("192.168.2.0/24") {
		t.Errorf("the answer is %s", got)
	}
	c.Prefixes(0, []netip.Prefix{prefix("192.168.2.9/32")})
	if got := c.local(host2); got != prefix("192.168.2.9/32") {
		t.Errorf("the answer is %s", got)
	}
}

// TestAskingMovesNothing: who asks in the name of a spoke does not get its traffic.
func TestAskingMovesNothing(t *testing.T) {
	c, a, b := two(t, true, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	if _, nbma := a.route(host2); nbma != b.public {
		t.Fatalf("at %s", nbma)
	}
	p := packetFrom(nhrp.ResolutionRequest, b.address, netip.MustParseAddr("203.0.113.77"))
	p.DstProtocol = a.address
	c.hub.pass(a, p)
	for range 50 {
		c.pass(second / 10)
		if via, nbma := a.route(host2); via != b.address || nbma != b.public {
			t.Fatalf("%v: via %s at %s", c.now, via, nbma)
		}
	}
}

// TestShortBelief: an answer for a second does not make a path come and go.
func TestShortBelief(t *testing.T) {
	c, a, b := two(t, false, false)
	b.cfg.HoldingTime = second
	b.client.cfg.HoldingTime = second
	c.hub.redirect(a, host2)
	c.pass(second)
	for i := range 100 {
		if i%5 == 0 { // as often as the kernel is asked
			a.use(b.public, uint64(i+1))
		}
		c.pass(second)
		if via, _ := a.route(host2); via != b.address {
			t.Fatalf("%v: via %s", c.now, via)
		}
	}
}

// TestStrangersPurge: only the hub and the spoke itself may end
// a shortcut.
func TestStrangersPurge(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	p := packetFrom(nhrp.PurgeRequest, b.address, b.public)
	p.CIEs = []nhrp.CIE{{PrefixLen: 24, Protocol: netip.MustParseAddr("192.168.2.0")}}
	octets, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	a.apply(a.client.Receive(c.now, netip.MustParseAddr("203.0.113.77"), octets))
	if via, _ := a.route(host2); via != b.address {
		t.Error("a stranger ended a shortcut")
	}
	a.apply(a.client.Receive(c.now, b.public, octets))
	if via, _ := a.route(host2); via != hub1 {
		t.Error("the spoke itself could not")
	}
}

// TestBareIndication: a hub of FRR before 10.2 sends traffic indications without
// authentication, and a wrong one is refused all the same.
func TestBareIndication(t *testing.T) {
	for name, test := range map[string]struct {
		extensions []nhrp.Extension
		asked      bool
	}{
		"none":  {nil, true},
		"wrong": {[]nhrp.Extension{nhrp.NewAuthentication("clouds")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(configured(hub1, nbma1))
			cfg.Shortcut = true
			w := registered(t, cfg)
			p := packetFrom(nhrp.TrafficIndication, hub1, nbma1)
			p.CIEs, p.Extensions = nil, test.extensions
			p.Payload = make([]byte, 28)
			p.Payload[0] = 0x45
			copy(p.Payload[16:], []byte{192, 168, 2, 1})
			w.deliver(nbma1, p)
			w.pass(second / 10)
			asked := false
			for _, a := range w.hubs[nbma1].received {
				asked = asked || a.Type == nhrp.ResolutionRequest
			}
			if asked != test.asked {
				t.Errorf("asked = %t, want %t", asked, test.asked)
			}
		})
	}
}

// TestEarlyProbe: a probe that comes before the other end has its SA costs a moment
// and not a second.
func TestEarlyProbe(t *testing.T) {
	c, a, b := two(t, false, true)
	lost := 0
	c.drop = func(from, to netip.Addr, p *nhrp.Packet) bool {
		if from == a.public && to == b.public && p.Type == nhrp.ResolutionRequest && lost == 0 {
			lost++
			return true
		}
		return false
	}
	c.hub.redirect(a, host2)
	c.pass(3 * second / 4)
	if via, _ := a.route(host2); lost == 0 || via != b.address {
		t.Errorf("%d probes lost, via %s: %s", lost, via, a.why())
	}
}

// TestUplinkReturns: an uplink that was away and is back under the same address
// leaves paths as they are; under another one they are made anew, and nobody is
// told any more what was true before.
func TestUplinkReturns(t *testing.T) {
	elsewhere := netip.MustParseAddr("203.0.113.77")
	for name, test := range map[string]struct {
		address netip.Addr
		stays   bool
	}{
		"the same address": {netip.MustParseAddr("203.0.113.1"), true},
		"another":          {elsewhere, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, false, false)
			c.hub.redirect(a, host2)
			c.hub.redirect(b, a.lan.Addr().Next())
			c.pass(2 * second)
			if len(a.client.told) == 0 {
				t.Fatal("nobody was told anything")
			}
			a.apply(a.client.Uplink(c.now, Uplink{}))
			c.pass(second)
			a.public, a.claimed = test.address, test.address
			a.apply(a.client.Uplink(c.now, Uplink{Address: test.address}))
			if stays := a.client.peers[0].phase == PathUp; stays != test.stays {
				t.Errorf("the path is %s", a.client.peers[0].phase)
			}
			if stays := len(a.client.told) > 0; stays != test.stays {
				t.Errorf("told: %+v", a.client.told)
			}
		})
	}
}
