package ikev2

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/ikev2/keepalive"
)

// publicAddr is what the NAT makes of spokeAddr.
var publicAddr = netip.MustParseAddr("198.51.100.7")

// nat gives each flow of the spoke a port at random, and forgets it after a
// silence.
type nat struct {
	lifetime time.Duration
	flows    map[netip.AddrPort]*flow // by the inner end
	// keepalives are the local ports they were sent from.
	keepalives []uint16
}

type flow struct {
	outer netip.AddrPort
	used  time.Time
}

// translate returns the ends of a packet beyond the NAT, and whether it passes.
func (n *nat) translate(local, remote netip.AddrPort) (netip.AddrPort, netip.AddrPort, bool) {
	if local.Addr() == spokeAddr {
		f := n.flows[local]
		if f == nil || time.Since(f.used) >= n.lifetime {
			f = &flow{outer: netip.AddrPortFrom(publicAddr, 1024+uint16(rand.UintN(60000)))}
			n.flows[local] = f
		}
		f.used = time.Now()
		return f.outer, remote, true
	}
	for inner, f := range n.flows {
		if f.outer == remote && time.Since(f.used) < n.lifetime {
			f.used = time.Now()
			return local, inner, true
		}
	}
	return local, remote, remote.Addr() != publicAddr
}

// behindNAT is pair, with little to say, and with a NAT before the spoke.
func behindNAT(t *testing.T, lifetime time.Duration) (l *lab, spoke, hub *box) {
	t.Helper()
	l = newLab(t)
	l.nat = &nat{lifetime: lifetime, flows: make(map[netip.AddrPort]*flow)}
	spoke, hub = l.box(spokeAddr), l.box(hubAddr)
	hub.boot(quiet())
	hub.admit(publicAddr)
	spoke.boot(quiet())
	if _, err := spoke.protect(t.Context(), hubAddr); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	l.agree(spoke, hub)
	return l, spoke, hub
}

// seenAs tells the spoke its public address, as NHRP does.
func (b *box) seenAs(public netip.Addr) {
	p, err := b.engine.Profile("hq")
	if err != nil {
		b.lab.t.Fatal(err)
	}
	p.SeenAs(hubAddr, public)
}

// keepalives returns how many leave from port 4500 in a while.
func (l *lab) keepalives(d time.Duration) (n int) {
	l.mu.Lock()
	l.nat.keepalives = nil
	l.mu.Unlock()
	time.Sleep(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, port := range l.nat.keepalives {
		if port == 4500 {
			n++
		}
	}
	return n
}

// quiet is a profile whose IKE says nothing for long, so that only keepalives
// hold the mapping.
func quiet() Profile {
	p := testProfile(goodKey)
	p.Remote.ID = anyID
	p.DPD, p.Lifetime, p.IKELifetime = 24*time.Hour, 24*time.Hour, 48*time.Hour
	return p
}

func TestKeepaliveIntervalIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub := behindNAT(t, 100*time.Second)
		if n := l.keepalives(5 * time.Minute); n != 15 {
			t.Errorf("%d keepalives in five minutes while nothing is known, want one every 20 s", n)
		}
		if nat := spoke.engine.Status().NAT; len(nat) != 0 {
			t.Errorf("status without a public address: %+v", nat)
		}
		spoke.seenAs(publicAddr)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		if ports := l.retained(spokeAddr); len(ports) != 1 {
			t.Errorf("ports while it learns: %v", ports)
		}
		time.Sleep(20 * time.Minute)
		status := spoke.engine.Status().NAT
		if len(status) != 1 || status[0].Uplink != "wan" || status[0].Public != publicAddr ||
			status[0].Lived != 90*time.Second || status[0].Died != 120*time.Second || status[0].Search != keepalive.SearchDone {
			t.Fatalf("status: %+v", status)
		}
		if n := l.keepalives(9 * time.Minute); n != 8 {
			t.Errorf("%d keepalives in nine minutes, want one every 67.5 s", n)
		}
		if ports := l.retained(spokeAddr); len(ports) != 0 {
			t.Errorf("ports after it has learned: %v", ports)
		}

		// Another process knows it from the first.
		spoke.stop()
		spoke.boot(quiet())
		if _, err := spoke.protect(t.Context(), hubAddr); err != nil {
			t.Fatal(err)
		}
		if n := l.keepalives(9 * time.Minute); n != 8 {
			t.Errorf("%d keepalives in nine minutes after a restart, want one every 67.5 s", n)
		}
		if again := spoke.engine.Status().NAT; len(again) != 1 || again[0].Questions != status[0].Questions {
			t.Errorf("status after a restart: %+v", again)
		}
		l.agree(spoke, hub)
		spoke.stop()
		hub.stop()
	})
}

// TestTrafficSparesKeepalives lets ESP carry a packet each way now and then.
func TestTrafficSparesKeepalives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub := behindNAT(t, 100*time.Second)
		traffic, stop := context.WithCancel(t.Context())
		go func() {
			for traffic.Err() == nil {
				spoke.kernel.carry(false)
				spoke.kernel.carry(true)
				time.Sleep(15 * time.Second)
			}
		}()
		if n := l.keepalives(5 * time.Minute); n != 0 {
			t.Errorf("%d keepalives in five minutes although ESP leaves every 15 s", n)
		}
		stop()
		time.Sleep(15 * time.Second)
		if n := l.keepalives(5 * time.Minute); n != 15 {
			t.Errorf("%d keepalives in five minutes without ESP, want one every 20 s", n)
		}
		spoke.stop()
		hub.stop()
	})
}

// TestMovedMappingRefutes has the session find out that the peer goes on sending
// to where the NAT had us.
func TestMovedMappingRefutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub := behindNAT(t, 100*time.Second)
		spoke.seenAs(publicAddr)
		time.Sleep(40 * time.Minute)
		if got := spoke.engine.Status().NAT[0].Interval; got != 67500*time.Millisecond {
			t.Fatalf("interval %s", got)
		}
		spoke.engine.mu.Lock()
		spoke.engine.mappingMoved()
		spoke.engine.mu.Unlock()
		if n := l.keepalives(5 * time.Minute); n < 14 {
			t.Errorf("%d keepalives in five minutes after that, want one every 20 s", n)
		}
		spoke.stop()
		hub.stop()
	})
}

// TestUplinksAreLearnedApart changes to another uplink and back.
func TestUplinksAreLearnedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub := behindNAT(t, 50*time.Second)
		spoke.seenAs(publicAddr)
		time.Sleep(11 * time.Minute)
		if len(l.retained(spokeAddr)) != 1 {
			t.Fatal("no search is under way")
		}
		// An outage while it is silent must not pass for a long silence.
		spoke.link(netip.Addr{})
		time.Sleep(20 * time.Minute)
		spoke.link(spokeAddr)
		synctest.Wait()
		if ports, nat := l.retained(spokeAddr), spoke.engine.Status().NAT; len(ports) != 0 || nat[0].Search != keepalive.SearchWaiting {
			t.Errorf("after an outage: ports %v, %+v", ports, nat)
		}
		time.Sleep(40 * time.Minute)
		lte, _ := spoke.uplink.Load()
		lte.Name = "lte"
		spoke.uplink.Set(lte)
		synctest.Wait()
		time.Sleep(time.Minute)
		var text strings.Builder
		for _, s := range spoke.engine.Status().NAT {
			text.WriteString(s.Uplink + " " + s.Interval.String() + "\n")
		}
		if want := "lte 20s\nwan 33.75s\n"; text.String() != want {
			t.Errorf("intervals:\n%swant:\n%s", text.String(), want)
		}
		spoke.stop()
		hub.stop()
	})
}
