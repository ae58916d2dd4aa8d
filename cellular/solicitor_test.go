package cellular

import (
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/link"
)

// Router Advertisements of fe80::1, by Scapy 2.5.0: one of 9000 seconds with an MTU of
// 1428, 2001:db8:72:1::/64 and two name servers, and one that ends it.
const (
	prefixSaid = "6000000000603afffe800000000000000000000000000001ff02000000000000" +
		"00000000000000018600fb024008232800000000000000000501000000000594" +
		"0304404000001c2000000e100000000020010db8007200010000000000000000" +
		"190500000000025820010db800000000000000000000005320010db800000000" +
		"0000000000000054"
	routerGone = "6000000000103afffe800000000000000000000000000001ff02000000000000" +
		"000000000000000186003c27400800000000000000000000"
)

// Routers implements links.
func (w *world) Routers(link.Port) (routers, error) {
	return &routersOfWorld{w, make(chan struct{})}, nil
}

// routersOfWorld answers as the world says.
type routersOfWorld struct {
	world  *world
	closed chan struct{}
}

func (r *routersOfWorld) Solicit(from netip.Addr) error {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	r.world.did = append(r.world.did, "solicit from "+from.String())
	if r.world.routers == nil {
		return errors.New("network is down")
	}
	if answer := r.world.routers(from); answer != nil {
		r.world.heard <- answer
	}
	return nil
}

func (r *routersOfWorld) Receive() ([]byte, error) {
	select {
	case packet := <-r.world.heard:
		return packet, nil
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

func (r *routersOfWorld) Close() error { close(r.closed); return nil }

// packet returns one that is written in hexadecimal.
func (w *world) packet(text string) []byte {
	w.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		w.Fatal(err)
	}
	return b
}

var (
	// identified is a connection of both families, of which the modem tells the
	// identifier of IPv6 alone; completed is with what the router says.
	identified, completed = goodGrant, goodGrant
	// identifiedAlone has no IPv4.
	identifiedAlone = modem.Connection{Address6: netip.MustParsePrefix("fe80::a:b:c:d/64"), MTU: 1500}
)

func init() {
	identified.Address6 = identifiedAlone.Address6
	completed.Address6, completed.Gateway6 = netip.MustParsePrefix("2001:db8:72:1:a:b:c:d/64"), netip.MustParseAddr("fe80::1")
	completed.DNS = append(slices.Clone(goodGrant.DNS), netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("2001:db8::54"))
	completed.MTU = 1428
}

// TestPrefixByRouter: IPv4 waits for nobody, and IPv6 is there as soon as a router has
// said its prefix, and until it says no more.
func TestPrefixByRouter(t *testing.T) {
	lost := 2 // solicitations
	play(t, Config{}, func(w *world) {
		w.grant = func(int, modem.APN) (modem.Connection, error) { return identified, nil }
		w.routers = func(netip.Addr) []byte {
			if lost--; lost >= 0 {
				return nil
			}
			return w.packet(prefixSaid)
		}
	}, func(w *world) {
		w.expectUp(goodGrant)
		if s := w.state(); s.Address6.IsValid() || w.device("lte").has.Address6.IsValid() || w.station.Status().Phase != Up {
			t.Fatalf("before a router says anything the underlay offers %+v", s)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		w.expectUp(completed)
		if s, d := w.state(), w.device("lte"); s.Address6 != completed.Address6 || s.Gateway6 != completed.Gateway6 ||
			d.has.Address6 != completed.Address6 || len(d.has.Routes) != 2 || d.has.Routes[1].Via != completed.Gateway6 {
			t.Errorf("the underlay offers %+v, the device has %+v", s, d.has)
		}

		w.change(0, func() { w.heard <- w.packet(routerGone); w.routers = nil })
		w.expectUp(goodGrant)
		if s := w.state(); s.Address6.IsValid() || w.device("lte").has.Address6.IsValid() {
			t.Errorf("without a router the underlay offers %+v", s)
		}
		w.change(0, func() { w.heard <- w.packet(prefixSaid) }) // unasked
		w.expectUp(completed)

		w.change(modem.ConnectionChanged, func() { w.connections[0] = goodGrant })
		w.expectUp(goodGrant)
		w.change(0, func() { w.did = nil })
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if slices.ContainsFunc(w.did, isSolicitation) {
			t.Errorf("asked for a prefix without need: %v", w.did)
		}
	})
}

func isSolicitation(what string) bool { return strings.HasPrefix(what, "solicit") }

// TestPrefixByRouterAlone: a network without IPv4 has nothing to offer before.
func TestPrefixByRouterAlone(t *testing.T) {
	play(t, Config{}, func(w *world) {
		w.grant = func(int, modem.APN) (modem.Connection, error) { return identifiedAlone, nil }
		w.routers = func(netip.Addr) []byte { return nil }
	}, func(w *world) {
		w.expectDown(Connecting, "waits for a router of the network to name the IPv6 prefix")
		w.change(0, func() { w.heard <- w.packet(prefixSaid) })
		time.Sleep(nat64Time)
		synctest.Wait()
		if s := w.state(); !s.Up || s.MTU != 1408 || !slices.Contains(w.did, "translate for 2001:db8:72:1:a:b:c:d/64") {
			t.Errorf("it offers %+v; done was %v", s, w.did)
		}
		if want := []string{"connect 0 ", "solicit from fe80::a:b:c:d"}; !slices.Equal(w.did[:2], want) {
			t.Errorf("what was done is %q, want %q first", w.did, want)
		}

		// The next process leaves the device as it is until it knows better.
		w.end()
		w.start(Config{})
		if d := w.device("lte"); d.has.Address6 != completed.Address6 {
			t.Errorf("after a restart the device has %+v", d.has)
		}
		w.change(0, func() { w.heard <- w.packet(prefixSaid) })
		time.Sleep(nat64Time)
		synctest.Wait()
		if !w.state().Up {
			t.Errorf("after a restart it offers %+v", w.state())
		}
	})
}

// TestNoRouter: where no router says anything the connection is given up, and what
// comes next is tried.
func TestNoRouter(t *testing.T) {
	play(t, Config{}, func(w *world) {
		w.grant = func(_ int, apn modem.APN) (modem.Connection, error) {
			if apn.Name == "" {
				return identifiedAlone, nil
			}
			return goodGrant, nil
		}
	}, func(w *world) {
		time.Sleep(routerPatience - time.Second)
		synctest.Wait()
		w.expectDown(Connecting, "waits for a router of the network to name the IPv6 prefix")
		time.Sleep(time.Minute)
		synctest.Wait()
		w.expectUp(goodGrant)
		failed := w.station.Status().Connections[0].Failed
		if len(failed) != 1 || !strings.Contains(failed[0], errNoRouter.Error()) {
			t.Errorf("the attempts that failed are %q; done was %q", failed, w.did)
		}
	})
}

// TestLostBeforeRouter: a connection that ends again and again before a router has said
// anything pesters nobody.
func TestLostBeforeRouter(t *testing.T) {
	play(t, Config{}, func(w *world) {
		w.grant = func(int, modem.APN) (modem.Connection, error) { return identifiedAlone, nil }
		w.routers = func(netip.Addr) []byte { return nil }
	}, func(w *world) {
		const ends = 20
		for range ends {
			w.change(modem.ConnectionChanged, func() { delete(w.connections, 0) })
			time.Sleep(time.Second)
			synctest.Wait()
		}
		isConnect := func(what string) bool { return strings.HasPrefix(what, "connect") }
		if n := len(slices.DeleteFunc(w.did, func(what string) bool { return !isConnect(what) })); n > ends/2 {
			t.Errorf("connected %d times in %d seconds", n, ends)
		}
		if len(w.station.Status().Connections[0].Failed) == 0 {
			t.Error("no attempt is said to have come to nothing")
		}
	})
}

// TestPrefixByRouterByEach: with modems of each protocol, of both families and of IPv6
// alone.
func TestPrefixByRouterByEach(t *testing.T) {
	for _, families := range []modem.Families{modem.IPv4v6, modem.IPv6} {
		byRouter := func(s *virtual.Scenario) {
			a := s.Networks[0].APNs[0]
			a.ByRouter, a.Families = true, families
		}
		byEach(t, Config{}, byRouter, func(r *rig) {
			r.up(time.Minute)
			synctest.Wait()
			var granted modem.Connection
			r.emulator.Modem.Do(func() {
				for _, s := range r.emulator.Modem.Sessions() {
					if s.Granted.Address6.IsValid() { // QMI has a connection for each family
						granted = s.Granted
					}
				}
			})
			server := netip.MustParseAddr("2001:db8:72::1")
			if c := r.station.Status().Connections[0]; c.Address6 != granted.Address6 || !slices.Contains(c.DNS, server) || c.Address.IsValid() != (families == modem.IPv4v6) {
				t.Errorf("%v by %v: the connection has %+v, granted was %v", families, r.protocol, c, granted)
			}
		})
	}
}
