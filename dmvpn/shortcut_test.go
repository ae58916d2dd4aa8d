package dmvpn

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// TestShortcut goes from the hub's redirect to the route over the direct path, and
// back to the hub when the protection is lost.
func TestShortcut(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Shortcut = true
	other := netip.MustParseAddr("172.16.100.18")
	lan := netip.MustParsePrefix("10.2.0.0/16")
	inLab(t, cfg, func(l *lab) {
		l.step()
		spoke := &hub{lab: l, address: other, nbma: public, secret: "cloud"}
		has := func(prefix netip.Prefix) func(*nhrp.Packet) *nhrp.Packet {
			return func(p *nhrp.Packet) *nhrp.Packet {
				reply := *p
				reply.Type = nhrp.ResolutionReply
				reply.CIEs = []nhrp.CIE{{PrefixLen: uint8(prefix.Bits()), HoldingTime: 600, NBMA: public, Protocol: other}}
				return &reply
			}
		}
		l.hubs[public], l.hubs[nbma1].resolve = spoke, has(lan)
		payload := make([]byte, 28)
		payload[0] = 0x45
		copy(payload[16:], lan.Addr().Next().AsSlice())
		redirect := func() {
			l.step()
			l.kernel.link.deliver(nbma1, &nhrp.Packet{
				Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 255, Type: nhrp.TrafficIndication,
				SrcNBMA: nbma1, SrcProtocol: hub1, DstProtocol: spokeAddress, Payload: payload,
				Extensions: []nhrp.Extension{nhrp.NewAuthentication("cloud")},
			})
		}
		redirect()
		l.pass(second)
		if len(l.kernel.routes) != 1 || len(spoke.received) == 0 {
			t.Errorf("routes %v before a probe came back, %d probes", l.kernel.routes, len(spoke.received))
		}
		l.step()
		spoke.resolve = has(netip.PrefixFrom(other, 32))
		l.pass(2 * second)
		if want := (Route{Prefix: lan, Via: other}); !slices.Contains(l.kernel.routes, want) || !slices.Contains(l.kernel.neighbours, Neighbour{Address: other, NBMA: public}) {
			t.Errorf("routes %v, neighbours %v", l.kernel.routes, l.kernel.neighbours)
		}
		if !slices.Equal(l.met, []netip.Addr{public}) {
			t.Errorf("met as spokes were %v", l.met)
		}
		if s := l.tunnel.Status().Shortcuts; len(s) != 1 || s[0].Destination != lan || s[0].State != "up" {
			t.Errorf("status = %+v", s)
		}
		l.step()
		l.blocked = map[netip.Addr]bool{public: true}
		l.renew()
		l.pass(0)
		if len(l.kernel.routes) != 1 || len(l.kernel.neighbours) != 1 {
			t.Errorf("routes %v, neighbours %v after the protection was lost", l.kernel.routes, l.kernel.neighbours)
		}
	})
}

// TestMissingNeighbour: a member of the cloud that nobody told us of is reached by
// the hub at once.
func TestMissingNeighbour(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Shortcut = true
	other := netip.MustParseAddr("172.16.100.18")
	inLab(t, cfg, func(l *lab) {
		if !l.kernel.device.Solicit {
			t.Error("the device does not tell of missing neighbours")
		}
		l.step()
		l.kernel.missing <- other
		l.pass(0)
		if !slices.Contains(l.kernel.neighbours, Neighbour{Address: other, NBMA: nbma1}) {
			t.Errorf("neighbours = %v", l.kernel.neighbours)
		}
	})
}

// TestNewNetworkIsAnsweredFor: a network behind the box is answered for as soon as
// the kernel has it, since who is told that there is none asks nobody for a minute.
func TestNewNetworkIsAnsweredFor(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Shortcut = true
	inLab(t, cfg, func(l *lab) {
		l.pass(second)
		l.kernel.connect(netip.MustParsePrefix("192.168.1.0/24"))
		l.pass(second / 5)
		l.expectAnswerFor(netip.MustParseAddr("192.168.1.9"))
	})
}

// TestNetworksAreKnownFirst: whoever asks for a network behind the box the moment
// that a process starts is answered as well, however long the kernel takes to list
// them.
func TestNetworksAreKnownFirst(t *testing.T) {
	cfg := testConfig()
	cfg.NHRP.Shortcut = true
	inLab(t, cfg, func(l *lab) {
		l.end()
		l.kernel.prefixes, l.kernel.listing = []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}, second
		l.start(cfg)
		l.expectAnswerFor(netip.MustParseAddr("192.168.1.9"))
	})
}

// expectAnswerFor has another spoke ask for an address by the hub, and fails the
// test unless it is told that it is ours.
func (l *lab) expectAnswerFor(dst netip.Addr) {
	l.t.Helper()
	l.step()
	l.kernel.link.deliver(nbma1, &nhrp.Packet{
		Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 255, Type: nhrp.ResolutionRequest, RequestID: 7,
		SrcNBMA: public, SrcProtocol: netip.MustParseAddr("172.16.100.18"), DstProtocol: dst,
		Extensions: []nhrp.Extension{nhrp.NewAuthentication("cloud")},
	})
	l.pass(2 * second)
	l.step()
	answers := make(map[nhrp.Code]int)
	for _, a := range l.hubs[nbma1].received {
		if a.packet.Type == nhrp.ResolutionReply {
			answers[a.packet.CIEs[0].Code]++
		}
	}
	if len(answers) != 1 || answers[nhrp.Success] != 1 {
		l.t.Errorf("answers about %s by their code: %v", dst, answers)
	}
}

// TestEndOfAGuard: what a peer's guard has to tell when it is called off is of no
// account, although the loop may take it: another one may guard the peer by then.
func TestEndOfAGuard(t *testing.T) {
	tunnel := New("hq", testConfig(), Deps{Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	go tunnel.tell(ctx, func(*nhc.Client, nhc.Instant) nhc.Effects {
		t.Error("the client is told")
		return nhc.Effects{}
	})
	in := <-tunnel.inputs
	cancel()
	in(nil, 0)
}
