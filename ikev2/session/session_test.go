package session

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

func TestOpensInTwoRoundTrips(t *testing.T) {
	for _, algorithms := range [][2]string{
		{"aes256gcm16-prfsha384-ecp384", "aes256gcm16"},
		{"aes256-sha256-modp2048", "aes256-sha1"},
		{"aes128-sha1-ecp256", "aes128-sha256"},
		{"aes128gcm16-prfsha512-curve25519", "aes256-sha512-esn"},
	} {
		for _, nat := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s nat=%v", algorithms[0], nat), func(t *testing.T) {
				c := config(t, algorithms[0], algorithms[1])
				w := newWorld(t, 1, c, c)
				w.nat = nat
				if !nat {
					w.apply(w.spoke, w.spoke.session.Uplink(w.now, publicAddr))
				}
				w.apply(w.spoke, w.spoke.session.Want(w.now))
				w.run(100 * time.Millisecond)
				w.checkRest()
				sa := w.spoke.kernel[0]
				if sa.Encap != nat || nat && (sa.Local.Port() != PortNAT || sa.Remote.Port() != PortNAT) {
					t.Errorf("SA %+v, want encapsulation %v", sa, nat)
				}
				if w.spoke.count(Up) != 1 || w.hub.count(Up) != 1 {
					t.Errorf("Up is told %d and %d times", w.spoke.count(Up), w.hub.count(Up))
				}
			})
		}
	}
}

func TestRekeysWithoutAGap(t *testing.T) {
	for name, pfs := range map[string]bool{"PFS": true, "no PFS": false} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			c.PFS, c.IKELifetime = pfs, 20*time.Minute
			w := newWorld(t, 2, c, c)
			w.up()
			w.unbroken = true
			spi := w.spoke.session.State().Children[0].SPIIn
			ike := w.spoke.session.State().SAs[0].SPIi
			w.run(3 * time.Hour)
			w.run(drainTime + time.Second)
			if now := w.spoke.session.State(); now.Children[0].SPIIn == spi || now.SAs[0].SPIi == ike {
				t.Error("SAs were not rekeyed")
			}
			if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 {
				t.Errorf("rekeying is told as Up %d and Lost %d times", w.spoke.count(Up), w.spoke.count(Lost))
			}
		})
	}
}

func TestHubAsksForAnotherGroup(t *testing.T) {
	spoke := config(t, "aes256gcm16-prfsha256-ecp256-modp2048-curve25519", "aes256gcm16-ecp256-curve25519")
	hub := config(t, "aes256gcm16-prfsha256-curve25519", "aes256gcm16-curve25519")
	spoke.PFS, hub.PFS = true, true
	w := newWorld(t, 3, spoke, hub)
	w.up()
	w.unbroken = true
	w.run(time.Hour)
	if got := w.spoke.session.State().Group.String(); got != "curve25519" {
		t.Errorf("group %s is remembered, want curve25519", got)
	}
}

func TestHubAsksForACookie(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 4, c, c)
	asked, bearing := 0, 0
	w.fate = func(from *node, p Packet) []time.Duration {
		m, err := wire.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		if from == w.spoke && m.Exchange == wire.IKESAInit {
			n, ok := wire.FindNotify(m.Payloads, wire.Cookie)
			if !ok || string(n.Data) != "fresh cookie" {
				asked++
				refusal := wire.Message{
					Header:   wire.Header{SPIi: m.SPIi, Exchange: wire.IKESAInit, Flags: wire.FlagResponse},
					Payloads: []wire.Payload{wire.Notify{Kind: wire.Cookie, Data: []byte("fresh cookie")}},
				}
				w.flying = append(w.flying, flight{w.now + time.Millisecond, w.spoke, Packet{Local: p.Local, Remote: p.Remote, Data: refusal.Marshal()}})
				return nil
			}
			if _, ok := m.Payloads[0].(wire.Notify); !ok {
				t.Error("the cookie is not the first payload")
			}
			bearing++
		}
		return []time.Duration{time.Millisecond}
	}
	w.up()
	if asked != 1 || bearing != 1 {
		t.Errorf("%d requests without and %d with the cookie, want one of each", asked, bearing)
	}
}

func TestRefusalsInWords(t *testing.T) {
	good := func() Config { return config(t, testIKE, testESP) }
	id := func(text string) wire.ID {
		id, err := wire.ParseIdentity(text)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for name, test := range map[string]struct {
		change func(spoke, hub *Config)
		want   []string
	}{
		"wrong PSK": {func(_, hub *Config) { hub.PSK = "another" },
			[]string{"authentication failed", "203.0.113.1", "rejected our pre-shared key", "ike-hq"}},
		"hub proves another key": {func(spoke, hub *Config) { spoke.RemoteID, spoke.AnyRemoteID = id("hub2.example.net"), false },
			[]string{"authentication failed", "is 203.0.113.1", "expect hub2.example.net"}},
		"no IKE proposal": {func(_, hub *Config) { hub.IKE = config(t, "aes256-sha512-modp2048", testESP).IKE },
			[]string{"NO_PROPOSAL_CHOSEN", "IKE proposals we offered", testIKE[:11]}},
		"no ESP proposal": {func(_, hub *Config) { hub.ESP = config(t, testIKE, "aes256-sha512").ESP },
			[]string{"NO_PROPOSAL_CHOSEN", "ESP proposals we offered", testESP}},
		"group not offered": {func(_, hub *Config) { hub.IKE = config(t, "aes256gcm16-prfsha256-ecp521", testESP).IKE },
			[]string{"NO_PROPOSAL_CHOSEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			spoke, hub := good(), good()
			test.change(&spoke, &hub)
			w := newWorld(t, 5, spoke, hub)
			w.apply(w.spoke, w.spoke.session.Want(w.now))
			w.run(10 * time.Minute)
			failures := w.spoke.said(Failed)
			if n := len(failures); n < 10 || n > 40 {
				t.Errorf("%d attempts in 10 minutes, want a capped back-off", n)
			}
			if len(failures) == 0 {
				return
			}
			for _, want := range test.want {
				if !strings.Contains(failures[0], want) {
					t.Errorf("%q lacks %q", failures[0], want)
				}
			}
			if len(w.spoke.kernel) != 0 || len(w.hub.kernel) > 0 && name != "hub proves another key" {
				t.Errorf("SAs are left: %v, %v", w.spoke.kernel, w.hub.kernel)
			}
			// Once mended, it comes up without a hand.
			w.spoke.session.config, w.hub.session.config = good(), good()
			w.run(2 * time.Minute)
			w.checkRest()
		})
	}
}

func TestHubIsSilentThenThere(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 6, c, c)
	through := w.fate
	w.fate = func(*node, Packet) []time.Duration { return nil }
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(30 * time.Minute)
	if failed := w.spoke.said(Failed); len(failed) < 30 || !strings.Contains(failed[0], "203.0.113.1 does not answer on UDP port 500") {
		t.Errorf("%d failures: %q", len(failed), failed[:min(1, len(failed))])
	}
	w.fate = through
	w.run(time.Minute)
	w.checkRest()
}

func TestPort4500IsFiltered(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 6, c, c)
	through := w.fate
	w.fate = func(n *node, p Packet) []time.Duration {
		if p.Local.Port() == PortNAT {
			return nil
		}
		return through(n, p)
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(time.Minute)
	if failed := w.spoke.said(Failed); len(failed) == 0 || !strings.Contains(failed[0], "UDP port 4500 filtered") {
		t.Errorf("failures: %q", failed)
	}
}

func TestHubReboots(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 7, c, c)
	w.up()
	w.hub = w.boot("hub", c, publicAddr, 77)
	w.apply(w.hub, w.hub.session.Uplink(w.now, hubAddr))
	w.run(2 * time.Minute)
	w.checkRest()
	if w.spoke.count(Lost) != 0 || !strings.Contains(strings.Join(w.spoke.said(Note), "\n"), "has been silent for") {
		t.Errorf("want another IKE SA before the old one is lost: %+v", w.spoke.events)
	}
	if w.spoke.count(Up) != 2 {
		t.Errorf("Up %d times, want 2", w.spoke.count(Up))
	}
}

func TestUplinkGoesAndComesBack(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 8, c, c)
	w.up()
	w.apply(w.spoke, w.spoke.session.Uplink(w.now, netip.Addr{}))
	w.run(10 * time.Minute / 60)
	w.apply(w.spoke, w.spoke.session.Uplink(w.now, spokeAddr))
	w.run(time.Minute)
	w.checkRest()
	if w.spoke.count(Up) != 1 || w.spoke.count(Lost) != 0 {
		t.Errorf("a short outage costs the SAs: %+v", w.spoke.events)
	}
}

func TestUplinkGetsAnotherAddress(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 9, c, c)
	w.nat = false
	w.apply(w.spoke, w.spoke.session.Uplink(w.now, publicAddr))
	w.up()
	w.nat = true
	w.apply(w.spoke, w.spoke.session.Uplink(w.now, spokeAddr))
	w.run(200 * time.Millisecond)
	w.checkTraffic()
	w.run(time.Minute) // the hub finds the old one dead
	w.checkRest()
	if w.spoke.count(Up) != 2 || w.spoke.count(Lost) != 1 {
		t.Errorf("want a new IKE SA: %+v", w.spoke.events)
	}
}

func TestCloseSaysGoodbye(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 10, c, c)
	w.up()
	w.apply(w.spoke, w.spoke.session.Close(w.now))
	if len(w.spoke.kernel) != 0 {
		t.Errorf("SAs are left: %v", w.spoke.kernel)
	}
	w.run(10 * time.Second)
	if !w.spoke.session.Idle() || !w.hub.session.Idle() || len(w.hub.kernel) != 0 {
		t.Error("something is left")
	}
	if lost := w.hub.said(Lost); len(lost) != 1 {
		t.Errorf("the hub is told %q", lost)
	}
}

func TestHubDeletesTheChild(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 11, c, c)
	w.up()
	child := w.hub.session.state.Children[0]
	w.hub.session.retire(child)
	w.hub.kernel = w.hub.kernel[:1]
	child.Delete = true
	w.apply(w.hub, w.hub.session.Tick(w.now))
	w.run(20 * time.Second)
	w.checkRest()
	if w.spoke.count(Lost) != 1 || w.spoke.count(Up) != 2 {
		t.Errorf("events: %+v", w.spoke.events)
	}
}

func TestVolumeLimitRekeys(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 12, c, c)
	w.up()
	w.unbroken = true
	spi := w.spoke.kernel[0].SPI
	w.apply(w.spoke, w.spoke.session.SAExpired(w.now, spi, false))
	w.run(20 * time.Second)
	w.checkRest()
	if w.spoke.kernel[0].SPI == spi {
		t.Error("the child SA was not rekeyed")
	}
}
