package nhc

import (
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// registered is a world in which we are registered with one hub.
func registered(t testing.TB, cfg Config) *world {
	w := newWorld(t, cfg)
	w.pass(second)
	w.sent, w.hubs[nbma1].received = nil, nil
	return w
}

// packetFrom is a request of another member.
func packetFrom(kind nhrp.Type, source netip.Addr, nbma netip.Addr) *nhrp.Packet {
	var flags uint16
	if kind == nhrp.ResolutionRequest {
		flags = nhrp.ResolutionRouter | nhrp.ResolutionAuthoritative | nhrp.ResolutionSourceStable | nhrp.NAT
	}
	return &nhrp.Packet{
		Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 64, Type: kind, Flags: flags, RequestID: 77,
		SrcNBMA: nbma, SrcProtocol: source, DstProtocol: ours,
		CIEs:       []nhrp.CIE{{PrefixLen: 32, HoldingTime: 300}},
		Payload:    make([]byte, 40),
		Extensions: []nhrp.Extension{nhrp.NewAuthentication("cloud"), {Type: nhrp.ForwardTransit, Compulsory: true}},
	}
}

func TestWhatIsAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		kind   nhrp.Type
		change func(*nhrp.Packet)
		// want is the type of the answer, 0 for none, and code what it says.
		want nhrp.Type
		code int
	}{
		"no authentication": {nhrp.ResolutionRequest, func(p *nhrp.Packet) { p.Extensions = nil }, nhrp.ErrorIndication, int(nhrp.AuthenticationFailure)},
		"wrong authentication": {nhrp.TrafficIndication, func(p *nhrp.Packet) { p.Extensions[0] = nhrp.NewAuthentication("clouds") },
			nhrp.ErrorIndication, int(nhrp.AuthenticationFailure)},
		"unknown demand": {nhrp.PurgeRequest, func(p *nhrp.Packet) {
			p.Extensions = append(p.Extensions, nhrp.Extension{Type: 0x33, Compulsory: true})
		}, nhrp.ErrorIndication, int(nhrp.UnrecognizedExtension)},
		"unknown offer":  {nhrp.PurgeRequest, func(p *nhrp.Packet) { p.Extensions = append(p.Extensions, nhrp.Extension{Type: 0x33}) }, nhrp.PurgeReply, 0},
		"own request":    {nhrp.ResolutionRequest, func(p *nhrp.Packet) { p.SrcProtocol = ours }, nhrp.ErrorIndication, int(nhrp.LoopDetected)},
		"passed us":      {nhrp.ResolutionRequest, passedUs, nhrp.ErrorIndication, int(nhrp.LoopDetected)},
		"unknown type":   {nhrp.TrafficIndication + 1, func(*nhrp.Packet) {}, nhrp.ErrorIndication, int(nhrp.ProtocolError)},
		"registration":   {nhrp.RegistrationRequest, func(*nhrp.Packet) {}, nhrp.RegistrationReply, int(nhrp.AdministrativelyRefused)},
		"purge":          {nhrp.PurgeRequest, func(*nhrp.Packet) {}, nhrp.PurgeReply, 0},
		"purge, no more": {nhrp.PurgeRequest, func(p *nhrp.Packet) { p.Flags = nhrp.PurgeNoReply }, 0, 0},
		"error":          {nhrp.ErrorIndication, func(p *nhrp.Packet) { p.Error, p.Extensions = nhrp.ProtocolError, nil }, 0, 0},
		"stray reply":    {nhrp.ResolutionReply, func(*nhrp.Packet) {}, nhrp.ErrorIndication, int(nhrp.InvalidReply)},
		"stray purge":    {nhrp.PurgeReply, func(*nhrp.Packet) {}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := registered(t, testConfig(configured(hub1, nbma1)))
			p := packetFrom(test.kind, hub1, nbma1)
			test.change(p)
			w.deliver(nbma1, p)
			w.pass(second)
			if test.want == 0 {
				if len(w.sent) != 0 {
					t.Errorf("answered by a %s", w.sent[0].Type)
				}
				return
			}
			if len(w.sent) != 1 {
				t.Fatalf("%d answers", len(w.sent))
			}
			got := w.sent[0]
			code := int(got.Error)
			if got.Type != nhrp.ErrorIndication && len(got.CIEs) > 0 {
				code = int(got.CIEs[0].Code)
			}
			if got.Type != test.want || code != test.code {
				t.Errorf("answered by a %s with code %d, want %s with %d", got.Type, code, test.want, test.code)
			}
			if e, ok := got.Extension(nhrp.Authentication); !ok || !e.Authenticates("cloud") {
				t.Error("the answer is not authenticated")
			}
			if kind, id, ok := got.Offender(); got.Type == nhrp.ErrorIndication && (!ok || kind != test.kind || id != 77 && test.kind != nhrp.ErrorIndication) {
				t.Errorf("the indication is about a %s", kind)
			}
			if got.Type != nhrp.ErrorIndication && got.RequestID != 77 {
				t.Errorf("the answer bears id %d", got.RequestID)
			}
		})
	}
}

func passedUs(p *nhrp.Packet) {
	record, err := nhrp.NewCIEExtension(nhrp.ForwardTransit, true, p.Family, p.Protocol,
		nhrp.CIE{NBMA: nbma1, Protocol: hub1}, nhrp.CIE{NBMA: private, Protocol: ours})
	if err != nil {
		panic(err)
	}
	p.Extensions[1] = record
}

// TestStorm: however much a peer says, it is answered at a bounded rate, and does
// not keep others from being answered.
func TestStorm(t *testing.T) {
	for kind := nhrp.ResolutionRequest; kind <= nhrp.TrafficIndication; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			w := registered(t, testConfig(configured(hub1, nbma1)))
			w.protected[nbma3], w.to = true, nil
			for range 1000 {
				w.deliver(nbma1, packetFrom(kind, hub1, nbma1))
				w.deliver(nbma3, packetFrom(kind, hub3, nbma3))
				w.pass(second / 100)
			}
			hubs, others := 0, 0
			for _, nbma := range w.to {
				if nbma == nbma1 {
					hubs++
				} else {
					others++
				}
			}
			if hubs > serverBurst+10*serverRate+1 || others > peerBurst+10*peerRate+1 {
				t.Errorf("%d answers to 1000 packets of the hub in 10 s, %d to another's", hubs, others)
			}
			other := packetFrom(nhrp.PurgeRequest, hub2, nbma2)
			w.protected[nbma2] = true
			w.deliver(nbma2, other)
			before := len(w.sent)
			w.pass(second)
			if len(w.sent) != before+1 {
				t.Error("another peer is not answered")
			}
		})
	}
}

func TestLimitsAreBounded(t *testing.T) {
	w := registered(t, testConfig(configured(hub1, nbma1)))
	source := netip.MustParseAddr("10.0.0.0")
	allowed := 0
	for range 5 * maxBuckets {
		source = source.Next()
		if w.client.provoked(source) {
			allowed++
		}
	}
	if n := len(w.client.limits.peers); n > maxBuckets || allowed != allBurst {
		t.Errorf("%d peers are remembered, %d were answered", n, allowed)
	}
	if w.client.counters.Limited == 0 {
		t.Error("nothing is counted")
	}
}

// TestHubForgetsUs: one that purges our registration gets another.
func TestHubForgetsUs(t *testing.T) {
	w := registered(t, testConfig(configured(hub1, nbma1)))
	p := packetFrom(nhrp.PurgeRequest, hub1, nbma1)
	p.CIEs[0].Protocol = ours
	w.deliver(nbma1, p)
	w.pass(second)
	if n := w.hubs[nbma1].count(nhrp.RegistrationRequest); n != 1 {
		t.Errorf("%d registrations", n)
	}
	w.expect("registered")
}
