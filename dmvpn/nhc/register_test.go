package nhc

import (
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

func TestInterval(t *testing.T) {
	for name, test := range map[string]struct {
		interval, granted, want time.Duration
	}{
		"a third of what is granted":          {0, 300 * second, 100 * second},
		"as configured":                       {50 * second, 300 * second, 50 * second},
		"configured is longer than the lease": {250 * second, 60 * second, 20 * second},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(configured(hub1, nbma1))
			cfg.Interval = test.interval
			w := newWorld(t, cfg)
			h := w.hubs[nbma1]
			h.script = func(p *nhrp.Packet) *nhrp.Packet {
				p.CIEs[0].HoldingTime = uint16(test.granted / second)
				return p
			}
			w.pass(1000 * second)
			for i := 1; i < len(h.at); i++ {
				if gap := (h.at[i] - h.at[i-1]).Round(second); gap != test.want {
					t.Errorf("renewed after %v, want %v", gap, test.want)
				}
			}
			if len(h.at) < 3 {
				t.Errorf("%d registrations in 1000 s", len(h.at))
			}
		})
	}
}

func TestUniqueIsRecovered(t *testing.T) {
	cfg := testConfig(configured(hub1, nbma1))
	cfg.Unique = true
	w := newWorld(t, cfg)
	h := w.hubs[nbma1]
	w.pass(second)
	w.expect("registered")
	if p := h.received[0]; p.Flags&nhrp.RegistrationUnique == 0 || p.CIEs[0].PrefixLen != 0xff {
		t.Errorf("request = %+v", p)
	}
	// The uplink's address changes; the hub holds the former one.
	w.uplink.Address = public
	w.apply(w.client.Uplink(w.now, w.uplink))
	w.pass(second)
	w.expect("registered")
	if n, p := h.count(nhrp.RegistrationRequest), h.count(nhrp.PurgeRequest); n != 3 || p != 1 {
		t.Errorf("%d registrations and %d purges, want 3 and 1", n, p)
	}
	ids := make(map[uint32]bool)
	for _, p := range h.received {
		if ids[p.RequestID] {
			t.Errorf("id %d is used twice", p.RequestID)
		}
		ids[p.RequestID] = true
	}

	// It is really another station's: one purge per attempt, and a clear word.
	h.script = func(p *nhrp.Packet) *nhrp.Packet {
		p.CIEs[0].Code = nhrp.UniqueAlreadyRegistered
		return p
	}
	before := h.count(nhrp.PurgeRequest)
	w.lost(nbma1)
	w.pass(60 * second)
	if n := h.count(nhrp.PurgeRequest) - before; n != 1 {
		t.Errorf("%d purges in a minute, want 1", n)
	}
	if w.told("not registered", "already registered as unique by another station") == 0 {
		t.Error("nobody is told")
	}
}

// TestProbeLearnsOfTheNAT: the answer to a probe renews what is known of us.
func TestProbeLearnsOfTheNAT(t *testing.T) {
	w := newWorld(t, testConfig(configured(hub1, nbma1)))
	w.pass(second)
	w.hubs[nbma1].sees = public
	w.apply(w.client.Probe(w.now, nbma1))
	w.pass(second)
	servers, _ := w.client.Status(w.now)
	if s := servers[0]; s.Observed != public || !s.BehindNAT {
		t.Errorf("status = %+v", s)
	}
}

func TestRestartIsSilent(t *testing.T) {
	cfg := testConfig(Server{NBMA: "hubs.example.net"})
	w := newWorld(t, cfg)
	w.names["hubs.example.net"] = []netip.Addr{nbma1, nbma2}
	w.pass(10 * second)
	w.expect("registered registered")
	sent, lookups := len(w.sent), w.lookups
	w.pass(50 * second)
	w.boot()
	if n := len(w.client.Neighbours()); n != 2 {
		t.Errorf("%d neighbours at the start", n)
	}
	w.pass(100 * second)
	w.expect("registered registered")
	if len(w.sent) != sent || w.lookups != lookups {
		t.Errorf("the restart was noticed: %d packets, %d look-ups", len(w.sent)-sent, w.lookups-lookups)
	}
	w.pass(100 * second)
	if n := len(w.sent) - sent; n != 2 {
		t.Errorf("%d renewals", n)
	}
}

func TestClose(t *testing.T) {
	w := newWorld(t, testConfig(configured(hub1, nbma1), configured(hub2, nbma2)))
	w.hubs[nbma2].silent = true
	w.pass(10 * second)
	e := w.client.Close(w.now)
	if len(e.Send) != 1 || e.Send[0].Type != nhrp.PurgeRequest || e.Send[0].NBMA != nbma1 {
		t.Errorf("the hub that granted a registration is to get a purge, the other not: %+v", e.Send)
	}
}

func TestSilentHubIsFoundAgain(t *testing.T) {
	w := newWorld(t, testConfig(configured(hub1, nbma1)))
	h := w.hubs[nbma1]
	h.silent = true
	w.pass(1000 * second)
	w.expect("registering")
	requests := len(h.received)
	if requests < 40 || requests > 70 {
		t.Errorf("%d requests in 1000 s", requests)
	}
	h.silent = false
	w.pass(64 * second)
	w.expect("registered")
}

// TestGroup: every registration names our group, and a hub hears of another one at
// once.
func TestGroup(t *testing.T) {
	group := func(p *nhrp.Packet) (name string, n int) {
		for _, e := range p.Extensions {
			if g, ok := e.Group(); ok {
				name, n = g, n+1
			}
		}
		return name, n
	}
	cfg := testConfig(configured(hub1, nbma1))
	cfg.Group = "branch-10M"
	w := newWorld(t, cfg)
	w.pass(10 * second)
	w.apply(w.client.Probe(w.now, nbma1))
	w.pass(250 * second)
	for _, p := range w.sent {
		if name, n := group(p); name != cfg.Group || n != 1 {
			t.Errorf("a %s names %q", p.Type, name)
		}
	}
	if n := len(w.sent); n != 3 {
		t.Errorf("%d registrations", n)
	}
	sent := len(w.sent)
	w.boot()
	w.pass(10 * second)
	if n := len(w.sent) - sent; n != 0 {
		t.Errorf("%d registrations after a restart with the same group", n)
	}
	w.cfg.Group = ""
	w.boot()
	w.pass(10 * second)
	if n := len(w.sent) - sent; n != 1 {
		t.Fatalf("%d registrations after a restart with another group", n)
	}
	if _, n := group(w.sent[sent]); n != 0 {
		t.Error("a group that is not ours any more")
	}
	w.expect("registered")
}
