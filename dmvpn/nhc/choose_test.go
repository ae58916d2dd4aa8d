package nhc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// three servers of one cluster, which may have one.
func clustered() Config {
	cfg := testConfig(
		Server{Address: hub1, NBMA: nbma1.String(), Priority: 2},
		Server{Address: hub2, NBMA: nbma2.String(), Priority: 1},
		Server{Address: hub3, NBMA: nbma3.String(), Priority: 3},
	)
	cfg.MaxConnections = map[uint8]int{0: 1}
	cfg.Fallback = 30 * second
	return cfg
}

func TestCluster(t *testing.T) {
	w := newWorld(t, clustered())
	w.pass(second)
	w.expect("waiting registered waiting")
	if w.via() != hub2 || len(w.hubs[nbma1].received)+len(w.hubs[nbma3].received) != 0 {
		t.Errorf("via %v; the others heard of us", w.via())
	}

	// The best falls silent: the next takes over, and the best is tried all along.
	w.hubs[nbma2].silent = true
	w.lost(nbma2)
	w.pass(8 * second)
	w.expect("registered registering waiting")
	if w.via() != hub1 {
		t.Errorf("via %v", w.via())
	}
	// The substitute too.
	w.unprotectable[nbma1] = true
	w.lost(nbma1)
	w.pass(4 * second)
	w.expect("protecting registering registered")
	if w.via() != hub3 {
		t.Errorf("via %v", w.via())
	}

	// The best is back, and is believed after the fall-back time.
	w.hubs[nbma2].silent = false
	before := len(w.hubs[nbma3].received)
	for w.phases() != "protecting registered registered" && w.phases() != "down registered registered" {
		w.pass(second)
	}
	if w.via() != hub3 {
		t.Errorf("via %v at once", w.via())
	}
	w.pass(29 * second)
	if w.via() != hub3 {
		t.Errorf("via %v before its time", w.via())
	}
	w.pass(2 * second)
	w.expect("waiting registered waiting")
	if w.via() != hub2 {
		t.Errorf("via %v", w.via())
	}
	// The substitute hears good-bye, and nothing is left of it.
	received := w.hubs[nbma3].received[before:]
	if len(received) == 0 || received[len(received)-1].Type != nhrp.PurgeRequest {
		t.Errorf("%d packets to the substitute", len(received))
	}
	if n := w.client.Neighbours(); len(n) != 1 || n[0].Address != hub2 || w.protected[nbma3] || w.protected[nbma1] {
		t.Errorf("neighbours %v, protected %v", n, w.protected)
	}
}

// TestFlapping: a server that comes and goes does not move the routes.
func TestFlapping(t *testing.T) {
	w := newWorld(t, clustered())
	w.pass(second)
	w.hubs[nbma2].silent = true
	w.lost(nbma2)
	w.pass(10 * second)
	moves := w.told("routes over the tunnel lead to another hub")
	for range 10 {
		w.hubs[nbma2].silent = false
		w.lost(nbma2)
		w.pass(20 * second)
		w.hubs[nbma2].silent = true
		w.lost(nbma2)
		w.pass(20 * second)
	}
	if n := w.told("routes over the tunnel lead to another hub") - moves; n != 0 || w.via() != hub1 {
		t.Errorf("the routes moved %d times, to %v", n, w.via())
	}
}

// TestClusters: each has its own limit, and the lower is preferred.
func TestClusters(t *testing.T) {
	cfg := testConfig(
		Server{Address: hub1, NBMA: nbma1.String(), Cluster: 1},
		Server{Address: hub2, NBMA: nbma2.String(), Cluster: 1},
		Server{Address: hub3, NBMA: nbma3.String(), Priority: 200},
	)
	cfg.MaxConnections = map[uint8]int{1: 1}
	w := newWorld(t, cfg)
	w.pass(second)
	w.expect("registered waiting registered")
	if w.via() != hub3 {
		t.Errorf("via %v", w.via())
	}
}

func TestDynamicServers(t *testing.T) {
	cfg := testConfig(Server{NBMA: "hubs.example.net"})
	w := newWorld(t, cfg)
	if w.via().IsValid() {
		t.Errorf("via %v before anything is known", w.via())
	}
	w.pass(10 * second)
	w.expect("down")
	w.names["hubs.example.net"] = []netip.Addr{nbma1, nbma2, nbma1}
	w.pass(10 * second)
	w.expect("registered registered")
	if w.via() != hub1 || len(w.client.Neighbours()) != 2 {
		t.Errorf("via %v, neighbours %v", w.via(), w.client.Neighbours())
	}
	if p := w.hubs[nbma1].received[0]; p.DstProtocol != ours {
		t.Errorf("the request for a server whose address nobody knows goes to %s", p.DstProtocol)
	}
	// Renewals know it.
	w.pass(200 * second)
	if p := w.hubs[nbma1].received[1]; p.DstProtocol != hub1 {
		t.Errorf("the renewal goes to %s", p.DstProtocol)
	}

	// One moves: the new one is found, the former given up once it is down.
	w.names["hubs.example.net"] = []netip.Addr{nbma3, nbma2}
	w.unprotectable[nbma1] = true
	w.lost(nbma1)
	w.pass(30 * second)
	w.expect("registered registered")
	if n := w.client.Neighbours(); len(n) != 2 || n[0].NBMA != nbma2 || n[1].NBMA != nbma3 {
		t.Errorf("neighbours %v", n)
	}
}

// TestUnnamedServer: one that does not say who it is cannot be learned.
func TestUnnamedServer(t *testing.T) {
	w := newWorld(t, testConfig(Server{NBMA: nbma1.String()}))
	w.hubs[nbma1].address = ours
	w.pass(10 * second)
	w.expect("registering")
	if w.told("does not say which address in 172.16.100.0/24 it has") != 1 {
		t.Error("nobody is told")
	}
}

// TestSeveralAddresses: of a name with several, the next is tried.
func TestSeveralAddresses(t *testing.T) {
	w := newWorld(t, testConfig(Server{Address: hub1, NBMA: "hub.example.net"}))
	w.names["hub.example.net"] = []netip.Addr{nbma1, nbma2}
	w.unprotectable[nbma1] = true
	w.hubs[nbma2].address = hub1
	w.pass(10 * second)
	w.expect("registered")
	if n := w.client.Neighbours(); len(n) != 1 || n[0] != (Neighbour{hub1, nbma2}) {
		t.Errorf("neighbours %v", n)
	}
}

// TestDefaultRouteGivesWay: a default route over the tunnel is there while a hub is,
// and after a restart at once; other routes are there always.
func TestDefaultRouteGivesWay(t *testing.T) {
	cfg := testConfig(configured(hub1, nbma1), configured(hub2, nbma2))
	everything := netip.MustParsePrefix("0.0.0.0/0")
	cfg.Routes = []netip.Prefix{everything, branchLAN}
	w := newWorld(t, cfg)
	expect := func(when string, want ...Route) {
		t.Helper()
		if got := w.client.Routes(); !slices.Equal(got, want) {
			t.Errorf("%s routes are %v, want %v", when, got, want)
		}
	}
	expect("before anybody answers", Route{branchLAN, hub1})
	w.pass(second)
	expect("with hubs", Route{everything, hub1}, Route{branchLAN, hub1})
	w.boot()
	expect("in the next process", Route{everything, hub1}, Route{branchLAN, hub1})
	w.pass(second)

	w.unprotectable[nbma1] = true
	w.lost(nbma1)
	w.pass(4 * second)
	expect("with the other hub", Route{everything, hub2}, Route{branchLAN, hub2})
	w.unprotectable[nbma2] = true
	w.lost(nbma2)
	w.pass(4 * second)
	expect("when no hub answers", Route{branchLAN, hub2})
	w.unprotectable = make(map[netip.Addr]bool)
	w.pass(60 * second)
	expect("when the hubs are back", Route{everything, hub1}, Route{branchLAN, hub1})
}
