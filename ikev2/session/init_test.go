package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

func wantsGroup(g suite.GroupID) wire.Notify {
	return wire.Notify{Kind: wire.InvalidKEPayload, Data: binary.BigEndian.AppendUint16(nil, uint16(g))}
}

func wantsCookie(text string) wire.Notify {
	return wire.Notify{Kind: wire.Cookie, Data: []byte(text)}
}

// TestInitIsRepeatedWithWhatIsAsked lets the peer ask for a cookie and another
// group, in either order and with a second cookie.
func TestInitIsRepeatedWithWhatIsAsked(t *testing.T) {
	for _, test := range []struct {
		name  string
		asked []wire.Notify
	}{
		{"cookie", []wire.Notify{wantsCookie("c")}},
		{"cookie, group", []wire.Notify{wantsCookie("c"), wantsGroup(suite.Curve25519)}},
		{"group, cookie", []wire.Notify{wantsGroup(suite.Curve25519), wantsCookie("c")}},
		{"cookie, group, cookie for the new request", []wire.Notify{wantsCookie("c"), wantsGroup(suite.Curve25519), wantsCookie("d")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(t, "aes256gcm16-prfsha256-ecp256-curve25519", testESP)
			hub := config(t, "aes256gcm16-prfsha256-curve25519", testESP)
			if len(test.asked) == 1 {
				hub = c
			}
			w, before := opening(t, c, hub)
			var cookie []byte
			for _, n := range test.asked {
				e := w.deliver(w.spoke, initAnswer(before, 0, n))
				m := initOf(t, e)
				if n.Kind == wire.Cookie {
					cookie = n.Data
				}
				if m.Header != before.Header {
					t.Errorf("the header becomes %+v, want %+v", m.Header, before.Header)
				}
				rest := m.Payloads
				if cookie != nil {
					first, ok := m.Payloads[0].(wire.Notify)
					if !ok || first.Kind != wire.Cookie || !bytes.Equal(first.Data, cookie) {
						t.Fatalf("the first payload is %+v, want the cookie", m.Payloads[0])
					}
					rest = m.Payloads[1:]
				}
				oldSA, _ := wire.Find[wire.SA](before.Payloads)
				newSA, _ := wire.Find[wire.SA](m.Payloads)
				oldNonce, _ := wire.Find[wire.Nonce](before.Payloads)
				newNonce, _ := wire.Find[wire.Nonce](m.Payloads)
				oldKE, _ := wire.Find[wire.KE](before.Payloads)
				newKE, _ := wire.Find[wire.KE](m.Payloads)
				if diff := cmp.Diff(oldSA, newSA); diff != "" {
					t.Errorf("the offer changes:\n%s", diff)
				}
				if !bytes.Equal(oldNonce, newNonce) {
					t.Error("the nonce changes")
				}
				if changed := oldKE.Group != newKE.Group; changed != (n.Kind == wire.InvalidKEPayload) || !changed && !bytes.Equal(oldKE.Data, newKE.Data) {
					t.Errorf("after %s the key exchange is of group %d, and was of %d", n.Kind, newKE.Group, oldKE.Group)
				}
				want := []wire.PayloadType{wire.TypeSA, wire.TypeKE, wire.TypeNonce, wire.TypeNotify, wire.TypeNotify}
				if got := kinds(rest); !slices.Equal(got, want) {
					t.Errorf("payloads %v, want %v", got, want)
				}
				before = m
			}
			// What is signed is the last request: the hub accepts it.
			finish(t, w, before)
		})
	}
}

// finish lets the hub answer an IKE_SA_INIT request, and the network work again.
func finish(t *testing.T, w *world, m *wire.Message) {
	t.Helper()
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{time.Millisecond} }
	w.send(w.spoke, Packet{Local: w.spoke.session.state.SAs[0].Local, Remote: w.spoke.session.state.SAs[0].Remote, Data: m.Marshal()})
	w.run(time.Second)
	w.checkRest()
}

// TestCookieForACopy: on a slow path both the request and its copy bring a cookie.
// Only one is sent back, so that the answer is to what we sign.
func TestCookieForACopy(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	m := initOf(t, w.deliver(w.spoke, initAnswer(request, 0, wantsCookie("for the request"))))
	if late := w.deliver(w.spoke, initAnswer(request, 0, wantsCookie("for its copy"))).Send; len(late) > 0 {
		t.Errorf("the second cookie brings %d requests", len(late))
	}
	finish(t, w, m)

	// A peer that wants no end of cookies ends the attempt before its time.
	w, request = opening(t, c, c)
	initOf(t, w.deliver(w.spoke, initAnswer(request, 0, wantsCookie("first"))))
	w.run(3 * time.Second)
	w.deliver(w.spoke, initAnswer(request, 0, wantsCookie("second")))
	w.run(3 * time.Second)
	if said := w.spoke.session.state.LastError; !strings.Contains(said, "one cookie after the other") {
		t.Errorf("the attempt ended with %q", said)
	}
}

func TestCookieSizes(t *testing.T) {
	c := config(t, testIKE, testESP)
	for size, ok := range map[int]bool{0: false, 1: true, 64: true, 65: false} {
		w, request := opening(t, c, c)
		e := w.deliver(w.spoke, initAnswer(request, 0, wire.Notify{Kind: wire.Cookie, Data: make([]byte, size)}))
		if got := len(e.Send) == 1; got != ok {
			t.Errorf("a cookie of %d octets is sent back: %v", size, got)
		}
	}
}

// TestForgedRefusalsCostLittle floods an attempt with cookies and groups.
func TestForgedRefusalsCostLittle(t *testing.T) {
	c := config(t, "aes256gcm16-prfsha256-ecp256-curve25519-modp2048", testESP)
	w, request := opening(t, c, c)
	sent := 0
	for i := range 100 {
		sent += len(w.deliver(w.spoke, initAnswer(request, 0, wantsCookie(fmt.Sprint(i)))).Send)
		sent += len(w.deliver(w.spoke, initAnswer(request, 0, wantsGroup([]suite.GroupID{suite.Curve25519, suite.ECP256}[i%2]))).Send)
	}
	if sent > maxRounds {
		t.Errorf("200 forged answers bring %d requests", sent)
	}
}

// TestRefusalsOfInitAreHints: nothing protects them, so a real answer that comes
// after one still counts.
func TestRefusalsOfInitAreHints(t *testing.T) {
	for name, n := range map[string]wire.Payload{
		"no proposal":         wire.Notify{Kind: wire.NoProposalChosen},
		"group not offered":   wantsGroup(suite.MODP4096),
		"malformed":           wire.Notify{Kind: wire.InvalidSyntax},
		"other version":       wire.Notify{Kind: wire.InvalidMajorVersion},
		"unknown error":       wire.Notify{Kind: 9999},
		"unknown critical":    wire.Raw{Number: 200, Critical: true},
		"nothing that counts": wire.Notify{Kind: wire.InitialContact},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w, request := opening(t, c, c)
			for _, spiR := range []uint64{0, 0x1234} { // section 2.7: either is fine
				if e := w.deliver(w.spoke, initAnswer(request, spiR, n)); len(e.Send) != 0 {
					t.Errorf("it brings %d messages", len(e.Send))
				}
			}
			finish(t, w, request)
		})
	}
}

// TestRefusedRequestIsRepeated: a hub that has just started refuses everybody, and
// is ready a moment later. One that goes on refusing is believed.
func TestRefusedRequestIsRepeated(t *testing.T) {
	c := config(t, testIKE, testESP)
	refusal := wire.Notify{Kind: wire.NoProposalChosen}
	w, request := opening(t, c, c)
	w.deliver(w.spoke, initAnswer(request, 0, refusal))
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{time.Millisecond} }
	w.run(hintRepeat + 100*time.Millisecond)
	w.checkRest()

	w, request = opening(t, c, c)
	copies := 0
	w.fate = func(n *node, p Packet) []time.Duration {
		if n == w.spoke && bytes.Equal(p.Data, request.Marshal()) {
			copies++
			answer := initAnswer(request, 0, refusal)
			local, remote := w.ends(w.spoke)
			w.flying = append(w.flying, flight{w.now + time.Millisecond, w.spoke, Packet{Local: local, Remote: remote, Data: answer}})
		}
		return nil
	}
	w.deliver(w.spoke, initAnswer(request, 0, refusal))
	w.run(hintPatience)
	if copies < 4 || copies > 6 || w.spoke.count(Failed) != 1 {
		t.Errorf("%d copies, %d failures in %s of refusals", copies, w.spoke.count(Failed), hintPatience)
	}
}

// TestAnswerToInitWithAnUnknownCriticalPayload is refused although it is sound
// otherwise.
func TestAnswerToInitWithAnUnknownCriticalPayload(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	local, remote := w.ends(w.hub)
	e := w.hub.session.Receive(w.now, Packet{Local: local, Remote: remote, Data: request.Marshal()})
	answer := initOf(t, e)
	answer.Payloads = append(answer.Payloads, wire.Raw{Number: 200, Critical: true})
	if e := w.deliver(w.spoke, answer.Marshal()); len(e.Send) != 0 {
		t.Error("it is accepted")
	}
	answer.Payloads[len(answer.Payloads)-1] = wire.Raw{Number: 200}
	if e := w.deliver(w.spoke, answer.Marshal()); len(e.Send) != 1 {
		t.Error("the same with a payload that may be skipped is not accepted")
	}
}

// ask hands an IKE_SA_INIT request, changed, to the hub and returns its answer.
func askHub(t *testing.T, w *world, request *wire.Message, change func(*wire.Message)) (*wire.Message, bool) {
	t.Helper()
	m := *request
	m.Payloads = slices.Clone(request.Payloads)
	change(&m)
	e := w.deliver(w.hub, m.Marshal())
	if len(e.Send) == 0 {
		return nil, false
	}
	return initOf(t, e), true
}

func TestInitRequestsThatBeginNothing(t *testing.T) {
	drop := func(kind wire.PayloadType) func(*wire.Message) {
		return func(m *wire.Message) {
			m.Payloads = slices.DeleteFunc(m.Payloads, func(p wire.Payload) bool { return p.Type() == kind })
		}
	}
	for name, change := range map[string]func(*wire.Message){
		"initiator's SPI of zero": func(m *wire.Message) { m.SPIi = 0 },
		"responder's SPI given":   func(m *wire.Message) { m.SPIr = 0x99 },
		"message id 1":            func(m *wire.Message) { m.MessageID = 1 },
		"a response":              func(m *wire.Message) { m.Flags |= wire.FlagResponse },
		"not from the initiator":  func(m *wire.Message) { m.Flags = 0 },
		"no SA":                   drop(wire.TypeSA),
		"no KE":                   drop(wire.TypeKE),
		"no nonce":                drop(wire.TypeNonce),
		"a key that is none": func(m *wire.Message) {
			m.Payloads[1] = wire.KE{Group: uint16(suite.Curve25519), Data: make([]byte, 32)}
		},
		"a torn key": func(m *wire.Message) {
			m.Payloads[1] = wire.KE{Group: uint16(suite.Curve25519), Data: make([]byte, 31)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w, request := opening(t, c, c)
			if answer, ok := askHub(t, w, request, change); ok {
				t.Errorf("it is answered by %v", answer.Payloads)
			}
			if n := len(w.hub.session.State().SAs); n != 0 {
				t.Errorf("%d IKE SAs begin", n)
			}
		})
	}
}

func TestInitRequestsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*wire.Message)
		want   wire.Notify
	}{
		"another group": {func(m *wire.Message) { m.Payloads[1] = wire.KE{Group: uint16(suite.ECP256), Data: make([]byte, 64)} }, wantsGroup(suite.Curve25519)},
		"no common proposal": {func(m *wire.Message) {
			m.Payloads[0] = wire.SA{Proposals: []wire.Proposal{{Number: 1, Protocol: wire.ProtocolIKE, Transforms: []wire.Transform{{Type: wire.Encryption, ID: 3}}}}}
		}, wire.Notify{Kind: wire.NoProposalChosen}},
		"unknown critical payload": {func(m *wire.Message) { m.Payloads = append(m.Payloads, wire.Raw{Number: 201, Critical: true}) },
			wire.Notify{Kind: wire.UnsupportedCriticalPayload, Data: []byte{201}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w, request := opening(t, c, c)
			answer, ok := askHub(t, w, request, test.change)
			if !ok {
				t.Fatal("there is no answer")
			}
			if want := (wire.Header{SPIi: request.SPIi, Exchange: wire.IKESAInit, Flags: wire.FlagResponse}); answer.Header != want {
				t.Errorf("header %+v, want %+v", answer.Header, want)
			}
			if diff := cmp.Diff([]wire.Payload{test.want}, answer.Payloads); diff != "" {
				t.Errorf("payloads (-want +got):\n%s", diff)
			}
			if n := len(w.hub.session.State().SAs); n != 0 {
				t.Errorf("%d IKE SAs are left of it", n)
			}
		})
	}
}

// TestInitRequestWithMoreThanWeKnow has payloads in another order, with unknown
// ones, unknown notifications, a vendor id and a cookie that nobody asked for.
func TestInitRequestWithMoreThanWeKnow(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	answer, ok := askHub(t, w, request, func(m *wire.Message) {
		slices.Reverse(m.Payloads)
		m.Payloads = append(m.Payloads, wire.Raw{Number: 200}, wire.VendorID("somebody"), wire.Notify{Kind: 50000}, wire.Notify{Kind: 9999},
			wantsCookie("of another"), wire.Raw{Number: wire.TypeCertReq, Critical: true}, wire.Notify{Kind: wire.FragmentationSupported}, wire.Notify{Kind: wire.RedirectSupported})
	})
	if !ok || answer.SPIr == 0 {
		t.Fatal("it is refused")
	}
	want := []wire.PayloadType{wire.TypeSA, wire.TypeKE, wire.TypeNonce, wire.TypeNotify, wire.TypeNotify}
	if got := kinds(answer.Payloads); !slices.Equal(got, want) {
		t.Errorf("payloads %v, want %v", got, want)
	}
	for _, p := range answer.Payloads {
		if n, ok := p.(wire.Notify); ok && n.Kind != wire.NATDetectionSourceIP && n.Kind != wire.NATDetectionDestinationIP {
			t.Errorf("we announce %s, which we cannot do", n.Kind)
		}
	}
}

// TestCopiesOfInit sends the request again while its SA is half-open, and once it
// is up.
func TestCopiesOfInit(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	var answers [][]byte
	for range 2 {
		e := w.deliver(w.hub, request.Marshal())
		if len(e.Send) != 1 {
			t.Fatalf("%d answers", len(e.Send))
		}
		answers = append(answers, e.Send[0].Data)
	}
	if !bytes.Equal(answers[0], answers[1]) || len(w.hub.session.State().SAs) != 1 {
		t.Error("the copy is answered otherwise than the original")
	}
	other, ok := askHub(t, w, request, func(m *wire.Message) { m.Payloads[2] = wire.Nonce(make([]byte, 32)) })
	if !ok || len(w.hub.session.State().SAs) != 2 || bytes.Equal(other.Marshal(), answers[0]) {
		t.Error("another request under the same SPI passes for a copy")
	}

	w = newWorld(t, 1, c, c)
	var sent Packet
	through := w.fate
	w.fate = func(from *node, p Packet) []time.Duration {
		if m, err := wire.Parse(p.Data); err == nil && from == w.spoke && m.Exchange == wire.IKESAInit {
			sent = p
		}
		return through(from, p)
	}
	w.up()
	if e := w.deliver(w.hub, sent.Data); !e.Empty() {
		t.Errorf("a late copy has effects: %+v", e)
	}
}

func TestHalfOpenEnds(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	sent := 0
	w.fate = func(from *node, _ Packet) []time.Duration {
		if from == w.hub {
			sent++
		}
		return nil
	}
	const begun = 20
	for i := range uint64(begun) {
		w.deliver(w.hub, (&wire.Message{Header: wire.Header{SPIi: 1000 + i, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator}, Payloads: request.Payloads}).Marshal())
	}
	if n := len(w.hub.session.State().SAs); n != maxHalfOpen || sent != begun {
		t.Errorf("%d half-open IKE SAs and %d answers, want %d and %d", n, sent, maxHalfOpen, begun)
	}
	w.run(halfOpenTime + time.Second)
	if n := len(w.hub.session.State().SAs); n != 0 {
		t.Errorf("%d half-open IKE SAs are left", n)
	}
	if sent != begun {
		t.Errorf("%d answers were sent without a request", sent-begun)
	}
}

// TestNoncesAndKeysAreUsedOnce compares what many attempts send.
func TestNoncesAndKeysAreUsedOnce(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 33, c, c)
	seen := make(map[string]bool)
	w.fate = func(from *node, p Packet) []time.Duration {
		m, err := wire.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		nonce, _ := wire.Find[wire.Nonce](m.Payloads)
		ke, _ := wire.Find[wire.KE](m.Payloads)
		if len(nonce) < 32 {
			t.Errorf("a nonce of %d octets", len(nonce))
		}
		seen[string(nonce)+string(ke.Data)] = true
		return nil
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(10 * time.Minute)
	attempts := w.spoke.count(Failed)
	if len(seen) < attempts || attempts < 10 {
		t.Errorf("%d attempts with %d nonces and keys", attempts, len(seen))
	}
}
