package dmvpn

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

const second = time.Second

func TestRegistration(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.expect(0, Registered)
		want := []string{
			"routes [{10.0.0.0/8 172.16.100.1}]",
			"neighbours [{172.16.100.1 198.51.100.1}]",
			"send to 198.51.100.1",
		}
		if diff := cmp.Diff(want, l.kernel.history); diff != "" {
			t.Errorf("the neighbour must be there before the request (-want +got):\n%s", diff)
		}
		if d := l.kernel.device; d.Name != "hq" || d.Underlay != "front" || d.MTU != 1400 {
			t.Errorf("device = %+v", d)
		}
		if n := l.log.lines("registered with the hub", "milestone=nhrp", "hub=172.16.100.1"); n != 1 {
			t.Errorf("milestone is logged %d times", n)
		}
		s := l.server(0)
		if s.ExpiresIn != 600 || s.BehindNAT || s.Observed != private || s.Claimed != private || !s.Routed {
			t.Errorf("status = %+v", s)
		}

		// Renewals come at a third of the holding time, each with its own id.
		l.pass(450 * second)
		if diff := cmp.Diff([]time.Duration{0, 200 * second, 400 * second}, l.hubs[nbma1].times()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		ids := make(map[uint32]bool)
		for _, a := range l.hubs[nbma1].received {
			ids[a.packet.RequestID] = true
		}
		if len(ids) != 3 {
			t.Errorf("ids = %v", ids)
		}
		if n := l.log.lines("milestone"); n != 1 {
			t.Errorf("milestone is logged %d times", n)
		}
	})
}

// TestRequest compares the request with what spokes of other makes send.
func TestRequest(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		got := *l.hubs[nbma1].received[0].packet
		if got.RequestID < uint32(l.started.Unix()) {
			t.Errorf("request id %d is below the clock's", got.RequestID)
		}
		nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, nhrp.FamilyIPv4, nhrp.ProtocolIPv4,
			nhrp.CIE{PrefixLen: 32, NBMA: nbma1, Protocol: hub1})
		if err != nil {
			t.Fatal(err)
		}
		want := nhrp.Packet{
			Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 255, Type: nhrp.RegistrationRequest,
			Flags: nhrp.NAT, RequestID: got.RequestID,
			SrcNBMA: private, SrcProtocol: spokeAddress, DstProtocol: hub1,
			CIEs: []nhrp.CIE{{PrefixLen: 32, HoldingTime: 600}},
			Extensions: []nhrp.Extension{
				{Type: nhrp.ForwardTransit, Compulsory: true, Value: []byte{}},
				{Type: nhrp.ReverseTransit, Compulsory: true, Value: []byte{}},
				{Type: nhrp.ResponderAddress, Compulsory: true, Value: []byte{}},
				nhrp.NewAuthentication("cloud"),
				nat,
			},
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	})
}

func TestBehindNAT(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.HoldingTime = 30 * second
	inLab(t, cfg, func(l *lab) {
		l.hubs[nbma1].sees = public
		l.pass(10 * second)
		s := l.server(0)
		if !s.BehindNAT || s.Claimed != private || s.Observed != public {
			t.Errorf("status = %+v", s)
		}
		if l.log.lines("registered with the hub", "behind-nat=true", "observed=203.0.113.9") != 1 {
			t.Error("the log does not tell of the NAT")
		}
		if seen := l.protector.seen; seen[nbma1] != public {
			t.Errorf("the protector hears that we are seen as %v", seen)
		}

		// A hub that knows no NAT extension does not say.
		l.hubs[nbma1].script = func(p *nhrp.Packet) *nhrp.Packet {
			p.Extensions = slices.DeleteFunc(p.Extensions, func(e nhrp.Extension) bool { return e.Type == nhrp.NATAddress })
			return p
		}
		l.pass(10 * second)
		if s := l.server(0); s.BehindNAT || s.Observed.IsValid() || s.State != Registered {
			t.Errorf("status = %+v", s)
		}
	})
}

// TestGrantedHoldingTime renews by what the hub granted.
func TestGrantedHoldingTime(t *testing.T) {
	for granted, renewal := range map[uint16]time.Duration{30: 10 * second, 0: 200 * second, 7200: 200 * second} {
		t.Run(fmt.Sprint(granted), func(t *testing.T) {
			cfg := testConfig()
			inLab(t, cfg, func(l *lab) {
				l.hubs[nbma1].script = func(p *nhrp.Packet) *nhrp.Packet {
					p.CIEs[0].HoldingTime = granted
					return p
				}
				l.renew()
				l.pass(renewal - second)
				if n := len(l.hubs[nbma1].received); n != 2 {
					t.Errorf("%d requests before the renewal", n)
				}
				l.pass(second)
				if n := len(l.hubs[nbma1].received); n != 3 {
					t.Errorf("%d requests after the renewal", n)
				}
			})
		})
	}
}

// TestRefusals: each answer that grants nothing is told in words, once, and
// ends by itself when the hub is put right.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*hub)
		want  string
	}{
		{"wrong authentication", func(h *hub) { h.secret = "other" }, "rejects our authentication string"},
		{"reply without authentication", func(h *hub) {
			h.script = func(p *nhrp.Packet) *nhrp.Packet {
				p.Extensions = nil
				return p
			}
		}, "does not bear our authentication string"},
		{"code", func(h *hub) { h.code = nhrp.AdministrativelyRefused }, "refuses the registration: administratively prohibited"},
		{"error", func(h *hub) {
			h.script = func(p *nhrp.Packet) *nhrp.Packet {
				request := h.received[len(h.received)-1].packet
				b, err := request.Marshal()
				if err != nil {
					h.lab.t.Error(err)
				}
				return &nhrp.Packet{Family: p.Family, Protocol: p.Protocol, Type: nhrp.ErrorIndication, Error: nhrp.LoopDetectedOld, SrcNBMA: h.nbma, SrcProtocol: hub1, DstProtocol: p.SrcProtocol, Payload: b[:28]}
			}
		}, "reports an error: loop detected"},
		{"compulsory extension", func(h *hub) {
			h.script = func(p *nhrp.Packet) *nhrp.Packet {
				p.Extensions = append(p.Extensions, nhrp.Extension{Type: 0x33, Compulsory: true})
				return p
			}
		}, "demands the unknown extension 51"},
		{"no entry", func(h *hub) {
			h.script = func(p *nhrp.Packet) *nhrp.Packet {
				p.CIEs = nil
				return p
			}
		}, "holds no entry"},
		{"malformed NAT extension", func(h *hub) {
			h.script = func(p *nhrp.Packet) *nhrp.Packet {
				p.Extensions = append([]nhrp.Extension{{Type: nhrp.NATAddress, Value: make([]byte, 8)}}, p.Extensions...)
				return p
			}
		}, "NAT extension is malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inLab(t, testConfig(), func(l *lab) {
				h := l.hubs[nbma1]
				good := *h
				test.spoil(h)
				before := len(h.received)
				l.renew()
				l.pass(20 * second)
				s := l.server(0)
				if !strings.Contains(s.LastError, test.want) {
					t.Errorf("last error = %q, want %q", s.LastError, test.want)
				}
				if n := l.log.lines("not registered with the hub", "hub=172.16.100.1", test.want); n != 1 {
					t.Errorf("cause is logged %d times", n)
				}
				// At 0, 1, 3, 7 and 15 s.
				if n := len(h.received) - before; n != 5 || s.Refusals != 5 {
					t.Errorf("%d requests, %d refusals in 20 s", n, s.Refusals)
				}
				h.secret, h.code, h.script = good.secret, good.code, good.script
				l.pass(15 * second)
				if s := l.server(0); s.State != Registered || s.LastError != "" {
					t.Errorf("not recovered: %+v", s)
				}
			})
		})
	}
}

func TestSilentHub(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		h := l.hubs[nbma1]
		h.silent = true
		h.received = nil
		l.renew()
		begin := time.Since(l.started)
		l.pass(6 * second)
		if s := l.server(0); s.LastError != "" {
			t.Errorf("6 s are too soon for %q", s.LastError)
		}
		l.pass(second)
		if s := l.server(0); !strings.Contains(s.LastError, "does not answer NHRP registrations") {
			t.Errorf("last error = %q", s.LastError)
		}
		l.pass(119 * second)
		var got []time.Duration
		for _, a := range h.received {
			got = append(got, (a.at-begin)/second)
			if a.packet.RequestID != h.received[0].packet.RequestID {
				t.Error("a retry bears another id")
			}
		}
		if diff := cmp.Diff([]time.Duration{0, 1, 3, 7, 15, 31, 63}, got); diff != "" {
			t.Errorf("requests in seconds (-want +got):\n%s", diff)
		}

		// Then from the beginning: a new request.
		l.pass(2 * second)
		if last := h.received[len(h.received)-1]; last.packet.RequestID == h.received[0].packet.RequestID {
			t.Error("the new attempt bears the old id")
		}
		if n := l.log.lines("not registered with the hub"); n != 1 {
			t.Errorf("cause is logged %d times", n)
		}
		l.pass(700 * second)
		if s := l.server(0); s.ExpiresIn != 0 || s.State != Registering {
			t.Errorf("status = %+v", s)
		}
		h.silent = false
		l.pass(130 * second)
		l.expect(0, Registered)
		if len(l.kernel.neighbours) != 1 || len(l.kernel.routes) != 1 {
			t.Error("the way to the hub is not there")
		}
	})
}

// TestExpiry: renewals that stay unanswered leave the registration in force
// until the hub drops it.
func TestExpiry(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.hubs[nbma1].silent = true
		l.pass(300 * second)
		l.expect(0, Registered)
		if s := l.server(0); s.ExpiresIn != 300 || s.LastError == "" {
			t.Errorf("status = %+v", s)
		}
		l.pass(370 * second)
		l.expect(0, Registering)
	})
}

// TestHubReboot: the hub has forgotten us, which shows as a new IKE SA.
func TestHubReboot(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.pass(50 * second)
		l.renew()
		synctest.Wait()
		if diff := cmp.Diff([]time.Duration{0, 50 * second}, l.hubs[nbma1].times()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		l.expect(0, Registered)
	})
}

func TestUplink(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		h := l.hubs[nbma1]
		l.pass(10 * second)

		// What we do not depend on changes nothing.
		state, _ := l.uplink.Load()
		state.Metric = 1
		l.uplink.Set(state)
		synctest.Wait()
		if n := len(h.received); n != 1 {
			t.Errorf("%d requests", n)
		}

		// A new MTU is registered at once.
		state.MTU = 1280
		l.uplink.Set(state)
		synctest.Wait()
		if n := len(h.received); n != 2 || h.received[1].packet.CIEs[0].MTU != 1280 {
			t.Errorf("%d requests", n)
		}
		l.expect(0, Registered)
		h.received = h.received[1:]

		// A new address is registered at once.
		l.setUplink(public)
		if n := len(h.received); n != 2 || h.received[1].packet.SrcNBMA != public {
			t.Errorf("%d requests, the last for %s", n, h.received[n-1].packet.SrcNBMA)
		}
		l.expect(0, Registered)

		// An outage that the protection survives costs no registration.
		l.setUplink(netip.Addr{})
		l.expect(0, Down)
		l.pass(10 * second)
		l.setUplink(public)
		l.expect(0, Registered)
		if n := len(h.received); n != 2 {
			t.Errorf("%d requests", n)
		}

		// One that it does not survive costs one.
		l.setUplink(netip.Addr{})
		l.renew()
		l.pass(10 * second)
		l.setUplink(public)
		l.expect(0, Registered)
		if n := len(h.received); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestRestart: a new process takes over without a packet.
func TestRestart(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Servers[0].NBMA = "hub1.example.net"
	inLab(t, cfg, func(l *lab) {
		l.expect(0, Down)
		l.names.answers = []netip.Addr{nbma1}
		l.pass(second)
		l.expect(0, Registered)
		l.pass(50 * second)
		h, lookups, history := l.hubs[nbma1], l.names.calls, len(l.kernel.history)
		first := h.received[0]

		l.end()
		l.start(cfg)
		l.expect(0, Registered)
		if s := l.server(0); s.Observed != private || s.ExpiresIn != 550 {
			t.Errorf("status = %+v", s)
		}
		l.pass(149 * second)
		if len(h.received) != 1 || len(l.kernel.history) != history || l.names.calls != lookups {
			t.Errorf("the restart was noticed: %d requests, %d look-ups, %v", len(h.received), l.names.calls-lookups, l.kernel.history[history:])
		}
		l.pass(second)
		if len(h.received) != 2 || h.received[1].packet.RequestID <= first.packet.RequestID {
			t.Errorf("%d requests at a third of the holding time", len(h.received))
		}
		if l.log.lines("milestone") != 1 {
			t.Error("taking over counts as registering")
		}

		// A new tunnel address is another registration.
		l.end()
		cfg.Address = netip.PrefixFrom(netip.MustParseAddr("172.16.100.18"), 24)
		l.start(cfg)
		if len(h.received) != 3 || h.received[2].packet.SrcProtocol != cfg.Address.Addr() {
			t.Errorf("%d requests after a change of our address", len(h.received))
		}
	})
}

func TestFailover(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Servers = append(cfg.NHRP.Servers, Server{Address: hub2, NBMA: nbma2.String()})
	to := func(via netip.Addr) []Route { return []Route{{Prefix: branchLAN, Via: via}} }
	inLab(t, cfg, func(l *lab) {
		l.expect(0, Registered)
		l.expect(1, Registered)
		if !slices.Equal(l.kernel.routes, to(hub1)) {
			t.Errorf("routes = %v", l.kernel.routes)
		}

		const moved = "routes over the tunnel lead to another hub"
		moves := l.log.lines(moved) // whichever hub was quicker

		// The first hub stops answering: after 7 s the second takes over.
		l.hubs[nbma1].silent = true
		l.renew()
		l.pass(6 * second)
		if !slices.Equal(l.kernel.routes, to(hub1)) {
			t.Errorf("routes = %v", l.kernel.routes)
		}
		l.pass(second)
		if !slices.Equal(l.kernel.routes, to(hub2)) {
			t.Errorf("routes = %v", l.kernel.routes)
		}
		l.hubs[nbma1].silent = false
		l.pass(15 * second)
		if !slices.Equal(l.kernel.routes, to(hub1)) {
			t.Errorf("routes = %v", l.kernel.routes)
		}

		// It is gone altogether: after 2 s without protection.
		l.blocked = map[netip.Addr]bool{nbma1: true}
		l.renew()
		l.pass(2 * second)
		l.expect(0, Protecting)
		if !slices.Equal(l.kernel.routes, to(hub2)) {
			t.Errorf("routes = %v", l.kernel.routes)
		}
		if n := l.log.lines(moved) - moves; n != 3 {
			t.Errorf("the log tells of %d moves", n)
		}
	})
}

func TestProtectionRefused(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.err = errors.New("the hub refuses our pre-shared key")
		l.renew()
		l.pass(10 * second)
		s := l.server(0)
		if s.State != Down || s.LastError != "traffic to it is not protected: the hub refuses our pre-shared key" {
			t.Errorf("status = %+v", s)
		}
		l.err = nil
		l.pass(10 * second)
		l.expect(0, Registered)
	})
}

func TestShutdown(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.end()
		if err := l.tunnel.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		h := l.hubs[nbma1]
		purge := h.received[len(h.received)-1].packet
		if purge.Type != nhrp.PurgeRequest || purge.Flags != nhrp.PurgeNoReply || purge.RequestID == h.received[0].packet.RequestID ||
			purge.DstProtocol != hub1 || len(purge.CIEs) != 1 {
			t.Fatalf("purge = %+v", purge)
		}
		want := nhrp.CIE{PrefixLen: 32, Protocol: spokeAddress}
		if diff := cmp.Diff(want, purge.CIEs[0], cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("what is purged (-want +got):\n%s", diff)
		}
		if _, ok := purge.Extension(nhrp.Authentication); !ok {
			t.Error("the purge is not authenticated")
		}
		if len(l.saved) != 0 {
			t.Errorf("checkpoint = %v", l.saved)
		}
		// The next boot registers anew.
		l.start(testConfig())
		if n := len(h.received); n != 3 {
			t.Errorf("%d packets", n)
		}
	})
}

// TestStrangers: packets that nobody asked for are counted and do nothing.
func TestStrangers(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		before := l.server(0)
		id := l.hubs[nbma1].received[0].packet.RequestID
		answer := func(kind nhrp.Type, from netip.Addr) {
			p := &nhrp.Packet{
				Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 255, Type: kind,
				RequestID: id, SrcNBMA: nbma1, SrcProtocol: hub1, DstProtocol: spokeAddress,
				Extensions: []nhrp.Extension{nhrp.NewAuthentication("cloud")},
			}
			p.Payload = make([]byte, 40)
			l.kernel.link.deliver(from, p)
		}
		for kind := nhrp.ResolutionRequest; kind <= nhrp.TrafficIndication+1; kind++ {
			answer(kind, nbma1)
			answer(kind, nbma2)
		}
		l.kernel.link.inbox <- delivery{nbma1, []byte("nonsense")}
		l.kernel.link.deliver(nbma1, &nhrp.Packet{Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Type: nhrp.ResolutionRequest})
		synctest.Wait()
		c := l.tunnel.Status().Counters
		if c.Malformed != 1 || c.Unauthenticated != 1 || c.Unexpected != 10 || c.Received["traffic indication"] != 2 || c.Received["resolution request"] != 3 {
			t.Errorf("counters = %+v", c)
		}
		if after := l.server(0); after != before {
			t.Errorf("the registration has changed: %+v", after)
		}
	})
}

// TestForeignAnswer: only the hub that was asked can answer.
func TestForeignAnswer(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		h := l.hubs[nbma1]
		h.script = func(p *nhrp.Packet) *nhrp.Packet {
			l.kernel.link.deliver(nbma2, p)
			return nil
		}
		l.renew()
		l.pass(8 * second)
		if s := l.server(0); s.Replies != 1 || l.tunnel.Status().Counters.Unexpected == 0 {
			t.Errorf("status = %+v", s)
		}
	})
}

func TestDeviceFails(t *testing.T) {
	inLab(t, testConfig(), func(l *lab) {
		l.end()
		l.kernel.broken = errors.New("no such VRF")
		l.start(testConfig())
		if err := <-l.stopped; err == nil || !strings.Contains(err.Error(), "set up tunnel device hq: no such VRF") {
			t.Errorf("Run = %v", err)
		}
		l.kernel.broken = nil
		l.start(testConfig())
		l.expect(0, Registered)

		// The device goes away under the socket.
		_ = l.kernel.link.Close()
		if err := <-l.stopped; err == nil || !strings.Contains(err.Error(), "receive NHRP on hq") {
			t.Errorf("Run = %v", err)
		}
		l.start(testConfig())
		l.expect(0, Registered)
		if n := len(l.hubs[nbma1].received); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestOtherSpokesAreServed: with shortcuts, the other end may be the one to call.
func TestOtherSpokesAreServed(t *testing.T) {
	for _, shortcut := range []bool{false, true} {
		cfg := testConfig()
		cfg.NHRP.Shortcut = shortcut
		var l *lab
		inLab(t, cfg, func(inside *lab) {
			l = inside
			if serving := l.accepting.Load() == 1; serving != shortcut {
				t.Errorf("shortcut %v: serving others is %v", shortcut, serving)
			}
		})
		if l.accepting.Load() != 0 {
			t.Error("others are served after the end")
		}
	}
}
