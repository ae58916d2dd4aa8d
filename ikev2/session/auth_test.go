package session

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// halfOpenWorld returns a world in which IKE_SA_INIT is over and the spoke has
// sent IKE_AUTH. The network is cut. The voice speaks as the spoke.
func halfOpenWorld(t *testing.T, spoke, hub Config) (w *world, asSpoke *voice, request []wire.Payload) {
	t.Helper()
	w, init := opening(t, spoke, hub)
	answer := initOf(t, w.deliver(w.hub, init.Marshal()))
	w.deliver(w.spoke, answer.Marshal())
	sa := w.spoke.session.state.SAs[0]
	if sa.Stage != stageAuthenticating {
		t.Fatalf("the spoke is %s", sa.Stage)
	}
	sent, err := wire.Parse(sa.Request.Packet)
	if err != nil {
		t.Fatal(err)
	}
	asHub := &voice{w, w.spoke, w.hub.session.state.SAs[0]}
	payloads := asHub.open(sent)
	sa.NextID = 1 // so that the test sends it
	return w, &voice{w, w.hub, sa}, payloads
}

func TestAuthRequestInTheOrderOfTheRFC(t *testing.T) {
	c := config(t, testIKE, testESP)
	c.AnyRemoteID, c.RemoteID = false, wire.AddressIdentity(hubAddr)
	_, _, request := halfOpenWorld(t, c, c)
	want := []wire.PayloadType{wire.TypeIDi, wire.TypeIDr, wire.TypeAuth, wire.TypeNotify, wire.TypeNotify, wire.TypeSA, wire.TypeTSi, wire.TypeTSr}
	if got := kinds(request); !slices.Equal(got, want) {
		t.Errorf("payloads %v, want %v", got, want)
	}
	sa, _ := wire.Find[wire.SA](request)
	for _, p := range sa.Proposals {
		if slices.ContainsFunc(p.Transforms, func(t wire.Transform) bool { return t.Type == wire.Group }) {
			t.Error("the first child SA is offered with a group")
		}
		if len(p.SPI) != 4 {
			t.Errorf("an ESP SPI of %d octets", len(p.SPI))
		}
	}
	if _, ok := wire.FindNotify(request, wire.InitialContact); !ok {
		t.Error("a first IKE SA does not say so")
	}
}

// TestAuthResponse takes what the hub sends apart.
func TestAuthResponse(t *testing.T) {
	c := config(t, testIKE, testESP)
	_, spoke, request := halfOpenWorld(t, c, c)
	answer := spoke.request(wire.IKEAuth, request...)
	want := []wire.PayloadType{wire.TypeIDr, wire.TypeAuth, wire.TypeNotify, wire.TypeSA, wire.TypeTSi, wire.TypeTSr}
	if got := kinds(answer); !slices.Equal(got, want) {
		t.Errorf("payloads %v, want %v", got, want)
	}
	if _, ok := wire.FindNotify(answer, wire.UseTransportMode); !ok {
		t.Error("transport mode is not confirmed")
	}
}

// TestAuthRequestWithMoreThanWeKnow is in another order and says much that does
// not concern us.
func TestAuthRequestWithMoreThanWeKnow(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, spoke, request := halfOpenWorld(t, c, c)
	slices.Reverse(request)
	for _, kind := range []wire.NotifyType{wire.EAPOnlyAuthentication, wire.MessageIDSyncSupported, wire.MultipleAuthSupported, wire.HTTPCertLookupSupported,
		wire.ESPTFCPaddingNotSupported, 16395, wire.InvalidSPI, 9999, 50000} {
		request = append(request, wire.Notify{Kind: kind})
	}
	request = append(request, wire.VendorID("somebody"), wire.Raw{Number: wire.TypeCertReq, Critical: true}, wire.Raw{Number: wire.TypeConfigure, Body: []byte{1, 0, 0, 0}}, wire.Raw{Number: 200})
	answer := spoke.request(wire.IKEAuth, request...)
	if _, refused := wire.FindError(answer); refused {
		t.Fatalf("it is refused: %v", answer)
	}
	for _, p := range answer {
		if n, ok := p.(wire.Notify); ok && n.Kind != wire.UseTransportMode {
			t.Errorf("we answer %s", n.Kind)
		}
		if p.Type() == wire.TypeConfigure {
			t.Error("we answer a configuration request")
		}
	}
	if w.hub.session.current() == nil {
		t.Error("there is no child SA")
	}
}

// TestAuthRequestWithoutChild: a peer that authenticates anew may leave it to us
// to ask for the child SA (RFC 6023), as libreswan does.
func TestAuthRequestWithoutChild(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, spoke, request := halfOpenWorld(t, c, c)
	w.apply(w.hub, w.hub.session.Want(w.now))
	request = slices.DeleteFunc(request, func(p wire.Payload) bool {
		_, isSA := p.(wire.SA)
		_, isTS := p.(wire.TS)
		return isSA || isTS
	})
	answer := spoke.request(wire.IKEAuth, request...)
	if got, want := kinds(answer), []wire.PayloadType{wire.TypeIDr, wire.TypeAuth}; !slices.Equal(got, want) {
		t.Errorf("payloads %v, want %v", got, want)
	}
	m, asked := (&voice{w, w.hub, spoke.sa}).outstanding()
	if _, offers := wire.Find[wire.SA](asked); m.Exchange != wire.CreateChildSA || !offers {
		t.Errorf("the hub asks for %s with %v, want a child SA", m.Exchange, asked)
	}
}

func TestIdentitiesOfEveryForm(t *testing.T) {
	for _, id := range []wire.ID{
		wire.AddressIdentity(hubAddr), {Form: wire.IDFQDN, Data: []byte("hub.example.net")},
		{Form: wire.IDRFC822Addr, Data: []byte("hub@example.net")}, {Form: wire.IDKeyID, Data: []byte{0, 1, 2, 255}},
		{Form: wire.IDIPv6Addr, Data: make([]byte, 16)}, {Form: 9, Data: []byte{0x30, 0}},
	} {
		for name, expected := range map[string]bool{"that one": false, "any": true} {
			t.Run(id.String()+" expecting "+name, func(t *testing.T) {
				spoke, hub := config(t, testIKE, testESP), config(t, testIKE, testESP)
				spoke.RemoteID, spoke.AnyRemoteID, hub.LocalID = id, expected, id
				w := newWorld(t, 35, spoke, hub)
				w.up()
				if got := w.spoke.session.up().PeerName; got != id.String() {
					t.Errorf("the peer is %q, want %q", got, id)
				}
			})
		}
	}
}

// TestFailedAuthentication has the hub answer one notification, and then nothing
// but that.
func TestFailedAuthentication(t *testing.T) {
	for name, test := range map[string]struct {
		change func([]wire.Payload) []wire.Payload
		want   wire.Notify
	}{
		"wrong proof": {func(p []wire.Payload) []wire.Payload {
			auth, _ := wire.Find[wire.Auth](p)
			auth.Data = slices.Clone(auth.Data)
			auth.Data[0] ^= 1
			return append(less(p, wire.TypeAuth), auth)
		}, wire.Notify{Kind: wire.AuthenticationFailed}},
		"another method": {func(p []wire.Payload) []wire.Payload {
			auth, _ := wire.Find[wire.Auth](p)
			auth.Method = 1
			return append(less(p, wire.TypeAuth), auth)
		}, wire.Notify{Kind: wire.AuthenticationFailed}},
		"no proof, as for EAP": {func(p []wire.Payload) []wire.Payload { return less(p, wire.TypeAuth) }, wire.Notify{Kind: wire.AuthenticationFailed}},
		"no identity":          {func(p []wire.Payload) []wire.Payload { return less(p, wire.TypeIDi) }, wire.Notify{Kind: wire.AuthenticationFailed}},
		"unknown critical payload, and a wrong proof": {func(p []wire.Payload) []wire.Payload {
			return append(less(p, wire.TypeAuth), wire.Raw{Number: 202, Critical: true})
		}, wire.Notify{Kind: wire.UnsupportedCriticalPayload, Data: []byte{202}}},
		"malformed": {func([]wire.Payload) []wire.Payload {
			return []wire.Payload{wire.Raw{Number: wire.TypeNonce, Body: []byte{1}}}
		},
			wire.Notify{Kind: wire.InvalidSyntax}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w, spoke, request := halfOpenWorld(t, c, c)
			answer := spoke.request(wire.IKEAuth, test.change(request)...)
			if n := onlyNotify(t, answer, test.want.Kind); string(n.Data) != string(test.want.Data) {
				t.Errorf("data %x, want %x", n.Data, test.want.Data)
			}
			for _, next := range [][]wire.Payload{request, nil, {wire.Delete{Protocol: wire.ProtocolIKE}}, {wire.Notify{Kind: wire.AuthenticationFailed}}} {
				for _, exchange := range []wire.ExchangeType{wire.IKEAuth, wire.CreateChildSA, wire.Informational} {
					if answer, ok := spoke.ask(exchange, next...); ok {
						t.Fatalf("%s is answered by %v", exchange, answer)
					}
					spoke.sa.NextID--
				}
			}
			if w.hub.session.up() != nil || len(w.hub.kernel) != 0 {
				t.Error("there is an SA")
			}
			w.run(2 * lingerTime)
			if n := len(w.hub.session.State().SAs); n != 0 {
				t.Errorf("%d IKE SAs are left", n)
			}
		})
	}
}

func less(payloads []wire.Payload, kind wire.PayloadType) []wire.Payload {
	return slices.DeleteFunc(slices.Clone(payloads), func(p wire.Payload) bool { return p.Type() == kind })
}

// TestRefusedChildKeepsTheIKESA: who is authenticated stays so, even if the first
// child SA cannot be.
func TestRefusedChildKeepsTheIKESA(t *testing.T) {
	for name, test := range map[string]struct {
		kind   wire.PayloadType
		with   wire.Payload
		reason wire.NotifyType
	}{
		"tunnel mode":     {wire.TypeNotify, wire.Notify{Kind: wire.InitialContact}, wire.NoProposalChosen},
		"no proposal":     {wire.TypeSA, wire.SA{Proposals: []wire.Proposal{{Number: 1, Protocol: wire.ProtocolESP, SPI: []byte{0, 0, 16, 0}, Transforms: []wire.Transform{{Type: wire.Encryption, ID: 3}, {Type: wire.ESN}}}}}, wire.NoProposalChosen},
		"AH":              {wire.TypeSA, wire.SA{Proposals: []wire.Proposal{{Number: 1, Protocol: 2, SPI: []byte{0, 0, 16, 0}, Transforms: []wire.Transform{{Type: wire.Integrity, ID: 12}, {Type: wire.ESN}}}}}, wire.NoProposalChosen},
		"other selectors": {wire.TypeTSr, wire.TS{Responder: true, Selectors: []wire.Selector{wire.HostSelector(publicAddr, 6)}}, wire.TSUnacceptable},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w, spoke, request := halfOpenWorld(t, c, c)
			answer := spoke.request(wire.IKEAuth, append(less(request, test.kind), test.with)...)
			n, refused := wire.FindError(answer)
			_, proven := wire.Find[wire.Auth](answer)
			if !refused || n.Kind != test.reason || !proven {
				t.Fatalf("answer %v, want AUTH and %s", answer, test.reason)
			}
			if w.hub.session.up() == nil || w.hub.session.current() != nil {
				t.Error("want the IKE SA, and no child SA")
			}
			if answer := spoke.request(wire.Informational); len(answer) != 0 {
				t.Errorf("the IKE SA answers %v", answer)
			}
		})
	}
}

// TestInitiatorTellsOfFailedAuthentication: the hub proves another key, and is
// told so under the IKE SA it believes in.
func TestInitiatorTellsOfFailedAuthentication(t *testing.T) {
	spoke, hub := config(t, testIKE, testESP), config(t, testIKE, testESP)
	spoke.AnyRemoteID, spoke.RemoteID = false, wire.ID{Form: wire.IDFQDN, Data: []byte("another.example.net")}
	w := newWorld(t, 36, spoke, hub)
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(500 * time.Millisecond)
	if failed := w.spoke.said(Failed); len(failed) != 1 || !strings.Contains(failed[0], "another.example.net") {
		t.Errorf("failures %q", failed)
	}
	if len(w.hub.session.State().SAs) != 0 || len(w.hub.kernel) != 0 {
		t.Error("the hub keeps SAs of a spoke that does not trust it")
	}
	if lost := w.hub.said(Lost); len(lost) != 1 || !strings.Contains(lost[0], "AUTHENTICATION_FAILED") && !strings.Contains(lost[0], "pre-shared key") {
		t.Errorf("the hub is told %q", lost)
	}
}

// TestPeerRefusesOurProof: a peer may say so without deleting the IKE SA, in the
// exchange right after IKE_AUTH and in no other.
func TestPeerRefusesOurProof(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	spoke := w.peerOf(w.hub)
	if spoke.sa.NextID != 2 {
		t.Fatalf("the spoke is at message id %d", spoke.sa.NextID)
	}
	spoke.request(wire.Informational)
	spoke.request(wire.Informational, wire.Notify{Kind: wire.AuthenticationFailed})
	if w.hub.session.up() == nil {
		t.Error("AUTHENTICATION_FAILED ends an IKE SA at any time")
	}

	w = talk(t, config(t, testIKE, testESP))
	w.peerOf(w.hub).request(wire.Informational, wire.Notify{Kind: wire.AuthenticationFailed})
	if w.hub.session.up() != nil || len(w.hub.kernel) != 0 {
		t.Error("the hub goes on with a peer that does not accept it")
	}
}

// TestInitialContact ends only what there was to the same identity.
func TestInitialContact(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := talk(t, c)
	old := w.hub.session.up().SPIi
	again := w.boot("spoke", c, hubAddr, 99)
	w.spoke = again
	w.apply(again, again.session.Uplink(w.now, spokeAddr))
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{time.Millisecond} }
	w.apply(again, again.session.Want(w.now))
	w.run(time.Second)
	w.checkRest()
	if w.hub.session.up().SPIi == old {
		t.Error("the old IKE SA is still the one in use")
	}
}
