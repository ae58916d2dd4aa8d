package nhc

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

func TestExplain(t *testing.T) {
	redirect := func(c *cloud, a *spoke) { c.hub.redirect(a, host2); c.pass(second / 100) }
	for name, test := range map[string]struct {
		dst        string
		natA, natB bool
		do         func(*cloud, *spoke)
		want       string
	}{
		"another family": {"2001:db8::1", false, false, nil, "another family"},
		"our address":    {"172.16.100.17", false, false, nil, "our own address"},
		"our LAN":        {"192.168.1.9", false, false, nil, "behind this box, in 192.168.1.0/24"},
		"the hub":        {hub1.String(), false, false, nil, "is a hub"},
		"no route":       {"10.9.9.9", false, false, nil, "No route leads to 10.9.9.9"},
		"switched off":   {host2.String(), false, false, func(_ *cloud, a *spoke) { a.client.cfg.Shortcut = false }, "switched off"},
		"uplink down":    {host2.String(), false, false, func(c *cloud, a *spoke) { a.apply(a.client.Uplink(c.now, Uplink{})) }, "The uplink is down"},
		"no hub": {host2.String(), false, false, func(c *cloud, a *spoke) {
			c.hub.down = true
			a.apply(a.client.Lost(c.now, nbma1))
			c.pass(time.Minute)
		}, "No hub is registered with"},
		"no redirect": {host2.String(), false, false, nil, "has not told of a shorter way"},
		"asking":      {host2.String(), false, false, func(c *cloud, a *spoke) { c.hub.down = true; redirect(c, a); c.pass(second / 10) }, "are asked who has 192.168.2.9"},
		"no answer": {host2.String(), false, false, func(c *cloud, a *spoke) {
			c.drop = func(_, to netip.Addr, p *nhrp.Packet) bool { return p.Type == nhrp.ResolutionRequest }
			redirect(c, a)
			c.pass(20 * second)
		}, "stays on the hub, because nobody answers"},
		"to be called":  {host2.String(), false, true, toldOf(false), "has called us"},
		"being called":  {host2.String(), false, false, toldOf(false), "IPsec with 172.16.100.18 at 203.0.113.2, which has 192.168.2.0/24, is up"},
		"nothing back":  {host2.String(), false, false, toldOf(true), "has answered a packet that goes straight there"},
		"direct":        {host2.String(), false, false, func(c *cloud, a *spoke) { redirect(c, a); c.pass(second) }, "Traffic goes straight to 172.16.100.18 at 203.0.113.2, which has 192.168.2.0/24"},
		"both hide":     {host2.String(), true, true, func(c *cloud, a *spoke) { redirect(c, a); c.pass(second) }, "are behind NATs, so neither can call the other; it is asked again in"},
		"both hide too": {host2.String(), true, true, toldOf(false), "are behind NATs, so neither can call the other; it is tried again in"},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, _ := two(t, test.natA, test.natB)
			if test.do != nil {
				test.do(c, a)
			}
			got := a.client.Explain(c.now, netip.MustParseAddr(test.dst))
			if !strings.Contains(got, test.want) || strings.Count(got, ". ") > 0 || !strings.HasSuffix(got, ".") {
				t.Errorf("%q, want one sentence with %q", got, test.want)
			}
		})
	}
}

// toldOf lets the hub answer in the place of b, as a spoke does that answers before
// there is a path. If called, IPsec comes up and nothing passes it.
func toldOf(called bool) func(*cloud, *spoke) {
	return func(c *cloud, a *spoke) {
		c.hub.answer = inPlaceOf(c, c.spokes[1])
		c.hub.redirect(a, host2)
		c.pass(3 * delay)
		if called {
			c.deaf = true
			c.pass(second / 2)
		}
	}
}

// TestSharedAddress: it is told once, kept over a restart, and forgotten with the
// address.
func TestSharedAddress(t *testing.T) {
	c := newCloud(t)
	a := c.join("a", "172.16.100.17", "100.64.0.1", "203.0.113.1", "192.168.1.0/24")
	b := c.join("b", "172.16.100.18", "100.64.0.2", "203.0.113.1", "192.168.2.0/24")
	c.pass(second)
	c.hub.redirect(a, host2)
	c.pass(10 * second)
	a.boot()
	c.pass(second)
	c.hub.redirect(a, host2)
	c.pass(10 * second)
	for s, other := range map[*spoke]netip.Addr{a: b.address, b: a.address} {
		if servers, _ := s.client.Status(c.now); servers[0].SharedWith != other {
			t.Errorf("%s shares its address with %v, want %v", s.name, servers[0].SharedWith, other)
		}
		told := 0
		for _, e := range s.events {
			if strings.Contains(e.Text, "behind the same public address") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%s was told %d times", s.name, told)
		}
	}
	a.public = netip.MustParseAddr("203.0.113.7")
	a.apply(a.client.Lost(c.now, nbma1))
	c.pass(2 * second)
	if servers, _ := a.client.Status(c.now); servers[0].SharedWith.IsValid() {
		t.Errorf("elsewhere the address is still shared with %s", servers[0].SharedWith)
	}
}

// TestUpDown: for how long something is up outlives the process.
func TestUpDown(t *testing.T) {
	c, a, _ := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(20 * second)
	a.boot()
	c.pass(10 * second)
	servers, _ := a.client.Status(c.now)
	paths := a.client.Shortcuts(c.now)
	if got := servers[0].UpDown; got < 30 || got > 31 {
		t.Errorf("the hub is up for %d s", got)
	}
	if len(paths) == 0 || paths[0].UpDown < 29 || paths[0].UpDown > 30 {
		t.Errorf("paths: %+v", paths)
	}
	c.hub.down = true
	a.apply(a.client.Lost(c.now, nbma1))
	c.pass(60 * second)
	if servers, _ := a.client.Status(c.now); servers[0].UpDown < 50 || servers[0].UpDown > 60 {
		t.Errorf("the hub is down for %d s", servers[0].UpDown)
	}
}

func TestPeerCounters(t *testing.T) {
	c, a, b := two(t, false, false)
	c.hub.redirect(a, host2)
	c.pass(second)
	_, counters := a.client.Status(c.now)
	if len(counters.Peers) != 2 || counters.Peers[0].NBMA != nbma1 || counters.Peers[1].NBMA != b.public {
		t.Fatalf("peers: %+v", counters.Peers)
	}
	for kind, total := range counters.Sent {
		if sum := counters.Peers[0].Sent[kind] + counters.Peers[1].Sent[kind]; sum != total {
			t.Errorf("%d %s in all, %d by peer", total, kind, sum)
		}
	}
	if counters.Peers[0].Received["registration reply"] == 0 || counters.Peers[1].Sent["resolution request"] == 0 {
		t.Errorf("peers: %+v", counters.Peers)
	}
	for i := range 3 * maxCounted {
		a.apply(a.client.Receive(c.now, netip.AddrFrom4([4]byte{198, 19, byte(i >> 8), byte(i)}), mustMarshal(t, packetFrom(nhrp.PurgeReply, hub1, nbma1))))
		c.now += second / 100
	}
	for code := range nhrp.ErrorCode(1000) {
		p := packetFrom(nhrp.ErrorIndication, hub1, nbma1)
		p.CIEs, p.Error = nil, code
		a.apply(a.client.Receive(c.now, nbma1, mustMarshal(t, p)))
	}
	_, counters = a.client.Status(c.now)
	if n := len(counters.Peers); n > maxCounted {
		t.Errorf("%d peers are counted apart", n)
	}
	if n := len(counters.ErrorsReceived); n > maxKinds+1 || counters.ErrorsReceived["other"] < 900 {
		t.Errorf("%d kinds of errors: %v", n, counters.ErrorsReceived)
	}
}

func mustMarshal(t *testing.T, p *nhrp.Packet) []byte {
	t.Helper()
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
