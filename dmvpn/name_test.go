package dmvpn

import (
	"net/netip"
	"testing"
)

// named is a server that is known by its name.
func named() Config {
	cfg := testConfig()
	cfg.NHRP.Servers[0].NBMA = "hub1.example.net"
	return cfg
}

// inNamedLab runs a test whose hub's name points to nbma1.
func inNamedLab(t *testing.T, test func(*lab)) {
	inLab(t, named(), func(l *lab) {
		l.names.answers = []netip.Addr{nbma1}
		l.pass(5 * second)
		l.expect(0, Registered)
		test(l)
	})
}

func TestHubMoves(t *testing.T) {
	for name, doubt := range map[string]func(*lab){
		"and is silent":          func(l *lab) { l.probe() },
		"and protection is gone": func(l *lab) { l.renew(); l.pass(3 * second) },
		"while we start anew":    func(l *lab) { l.end(); l.start(named()); l.pass(3 * second) },
	} {
		t.Run(name, func(t *testing.T) {
			inNamedLab(t, func(l *lab) {
				l.step()
				l.hubs[nbma2] = &hub{lab: l, address: hub1, nbma: nbma2, secret: "cloud"}
				l.blocked = map[netip.Addr]bool{nbma1: true}
				l.names.answers = []netip.Addr{nbma2}
				doubt(l)
				l.pass(second)
				if got := len(l.hubs[nbma2].received); got != 1 {
					t.Errorf("%d registrations at the new address, want 1", got)
				}
				if got := l.server(0).NBMA; got != nbma2 {
					t.Errorf("the hub is at %v, want %v", got, nbma2)
				}
				l.expect(0, Registered)
			})
		})
	}
}

// TestDoubtIsCheap: a name that points where it did, or whose servers are gone,
// changes nothing, and is not asked for over and over.
func TestDoubtIsCheap(t *testing.T) {
	for name, answers := range map[string][]netip.Addr{"same": {nbma2, nbma1}, "unknown": nil} {
		t.Run(name, func(t *testing.T) {
			inNamedLab(t, func(l *lab) {
				l.step()
				l.names.answers = answers
				asked, protected := l.names.calls, l.calls
				for range 60 {
					l.probe()
					l.pass(second)
				}
				if n := l.names.calls - asked; n < 10 || n > 13 {
					t.Errorf("the name was looked up %d times in a minute, want 12", n)
				}
				if l.calls != protected {
					t.Error("protection was asked for anew")
				}
				l.expect(0, Registered)
			})
		})
	}
}
