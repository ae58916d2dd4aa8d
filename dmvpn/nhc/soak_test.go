package nhc

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// TestSoak lets everything go wrong that may, in any order: loss, restarts,
// redirects, protection that comes and goes, a hub that is down. At all times what
// the kernel is told to send straight to a spoke has IPsec that carries it, and in
// the end every box is registered and reaches every other.
func TestSoak(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { soak(t, seed) })
	}
}

func soak(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	c := newCloud(t)
	for i := range 4 {
		public := fmt.Sprintf("203.0.113.%d", i+1)
		claimed := public
		if random.IntN(2) == 0 {
			claimed = fmt.Sprintf("100.64.0.%d", i+1)
		}
		c.join(fmt.Sprint("spoke", i), fmt.Sprintf("172.16.100.%d", 17+i), claimed, public, fmt.Sprintf("192.168.%d.0/24", i+1))
	}
	c.drop = func(_, _ netip.Addr, _ *nhrp.Packet) bool { return random.IntN(5) == 0 }
	some := func() *spoke { return c.spokes[random.IntN(len(c.spokes))] }
	for range 500 {
		s, o := some(), some()
		switch random.IntN(8) {
		case 0:
			s.boot()
		case 1:
			c.hub.down = random.IntN(3) == 0
		case 2:
			s.cut(o)
		case 3:
			s.apply(s.client.Lost(c.now, nbma1))
		case 4:
			s.apply(s.client.Missing(c.now, o.address))
		case 5:
			s.use(o.public, random.Uint64N(1e6))
		case 6:
			s.apply(s.client.Probe(c.now, o.public))
		default:
			c.hub.redirect(s, o.lan.Addr().Next())
		}
		c.pass(time.Duration(random.Int64N(int64(10 * time.Second))))
		for _, s := range c.spokes {
			s.check()
		}
	}
	c.drop, c.hub.down = nil, false
	c.pass(20 * time.Minute)
	for _, s := range c.spokes {
		if servers, _ := s.client.Status(c.now); servers[0].State != Registered {
			t.Errorf("%s is %s: %s", s.name, servers[0].State, servers[0].LastError)
		}
		if len(s.client.peers)+len(s.client.targets) != 0 {
			t.Errorf("%s keeps what nobody uses: %d paths, %d targets", s.name, len(s.client.peers), len(s.client.targets))
		}
	}
	for _, s := range c.spokes {
		for _, o := range c.spokes {
			if o == s {
				continue
			}
			c.hub.redirect(s, o.lan.Addr().Next())
			c.pass(5 * time.Second)
			via, nbma := s.route(o.lan.Addr().Next())
			if natted := s.claimed != s.public && o.claimed != o.public; natted != (via == hub1) || !s.paths[nbma] {
				t.Errorf("%s reaches %s via %s at %s: %s", s.name, o.name, via, nbma, s.why())
			}
		}
	}
}

// cut takes the IPsec between two spokes away, and tells both.
func (s *spoke) cut(o *spoke) {
	c := s.cloud
	if s == o || !s.paths[o.public] {
		return
	}
	delete(s.paths, o.public)
	delete(o.paths, s.public)
	delete(s.called, o.public)
	delete(o.called, s.public)
	s.apply(s.client.Lost(c.now, o.public))
	o.apply(o.client.Lost(c.now, s.public))
}

// check fails the test if the kernel would send into a void.
func (s *spoke) check() {
	c := s.cloud
	c.t.Helper()
	known := make(map[netip.Addr]bool)
	for _, n := range s.client.Neighbours() {
		known[n.Address] = true
		if !s.paths[n.NBMA] {
			c.t.Errorf("%v: %s sends to %s at %s, which nothing protects", c.now, s.name, n.Address, n.NBMA)
		}
	}
	for _, r := range s.client.Routes() {
		if r.Via != hub1 && !known[r.Via] {
			c.t.Errorf("%v: %s routes %s via %s, which has no neighbour", c.now, s.name, r.Prefix, r.Via)
		}
		if r.Prefix.Overlaps(s.lan) && r.Prefix.Bits() > 16 {
			c.t.Errorf("%v: %s routes its own %s away", c.now, s.name, r.Prefix)
		}
	}
}
