package session

import (
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// forgetful is what anyone could send in the name of a hub that restarted.
func forgetful(w *world) []byte {
	sa := w.spoke.session.up()
	m := wire.Message{
		Header:   wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr, Exchange: wire.Informational, Flags: wire.FlagResponse, MessageID: sa.NextID},
		Payloads: []wire.Payload{wire.Notify{Kind: wire.InvalidIKESPI}},
	}
	return m.Marshal()
}

// TestUnprotectedWordsAreHints: what says that the hub has forgotten us makes the
// spoke ask it, and changes nothing.
func TestUnprotectedWordsAreHints(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	if e := w.deliver(w.spoke, forgetful(w)); !e.Empty() {
		t.Errorf("just after the hub was heard, it has effects: %+v", e)
	}
	w.now += hintPause
	e := w.deliver(w.spoke, forgetful(w))
	if len(e.Send) != 1 || len(e.Remove) != 0 {
		t.Fatalf("effects %+v, want a question", e)
	}
	if _, payloads := w.peerOf(w.spoke).outstanding(); len(payloads) != 0 {
		t.Errorf("the question holds %v, want nothing", payloads)
	}
	for range 50 {
		if e := w.deliver(w.spoke, forgetful(w)); len(e.Send) != 0 {
			t.Error("each word is a message more")
		}
	}
	w.peerOf(w.spoke).answer()
	for range 50 {
		if e := w.deliver(w.spoke, forgetful(w)); len(e.Send) != 0 {
			t.Error("after the hub has answered, the next word is believed at once")
		}
	}
	if w.spoke.session.up() == nil || len(w.spoke.kernel) != 2 {
		t.Error("the hub answered, and SAs are gone")
	}
}

// TestOtherUnprotectedMessagesChangeNothing sends every notification in clear, as
// a request and as a response.
func TestOtherUnprotectedMessagesChangeNothing(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	w.now += hintPause
	sa := w.spoke.session.up()
	for exchange := wire.IKESAInit; exchange <= wire.Informational; exchange++ {
		for kind := range wire.NotifyType(50) {
			for _, flags := range []wire.Flags{0, wire.FlagResponse} {
				if kind == wire.InvalidIKESPI {
					continue
				}
				m := wire.Message{
					Header:   wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr, Exchange: exchange, Flags: flags, MessageID: 2},
					Payloads: []wire.Payload{wire.Notify{Kind: kind}, wire.Delete{Protocol: wire.ProtocolIKE}},
				}
				if e := w.deliver(w.spoke, m.Marshal()); !e.Empty() {
					t.Errorf("%s with %s has effects: %+v", exchange, kind, e)
				}
			}
		}
	}
}

// TestNotificationsInARequest are answered, and no word about other SAs changes
// any, not even an authentic one.
func TestNotificationsInARequest(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	hub.request(wire.Informational) // AUTHENTICATION_FAILED counts in the first one only
	for _, kind := range []wire.NotifyType{
		wire.InvalidIKESPI, wire.InvalidSPI, wire.InvalidSelectors, wire.InvalidMessageID, wire.InvalidSyntax, wire.AuthenticationFailed, wire.InvalidMajorVersion,
		wire.TemporaryFailure, wire.ChildSANotFound, wire.InitialContact, wire.SetWindowSize, wire.AdditionalTSPossible, 8191, 9999, 16000, 40000, 65535,
	} {
		if answer := hub.request(wire.Informational, wire.Notify{Kind: kind, Data: []byte{0, 0, 0, 2}}); len(answer) != 0 {
			t.Errorf("%s is answered by %v", kind, answer)
		}
	}
	if w.spoke.session.up() == nil || len(w.spoke.kernel) != 2 {
		t.Error("a notification ends SAs")
	}
}

// TestCriticalPayloadsOfRequests: a request that holds one we do not know is
// refused whole; one we know may be marked, too.
func TestCriticalPayloadsOfRequests(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	answer := hub.request(wire.Informational, wire.Delete{Protocol: wire.ProtocolIKE}, wire.Raw{Number: 203, Critical: true})
	if n := onlyNotify(t, answer, wire.UnsupportedCriticalPayload); string(n.Data) != "\xcb" {
		t.Errorf("data %x, want the payload's type", n.Data)
	}
	if w.spoke.session.up() == nil {
		t.Error("the rest of the request is obeyed")
	}
	if answer := hub.request(wire.Informational, wire.Raw{Number: wire.TypeConfigure, Critical: true, Body: []byte{1, 0, 0, 0}}); len(answer) != 0 {
		t.Errorf("a known payload marked critical is answered by %v", answer)
	}
}

// TestLivenessIsAnEmptyExchange, both ways: a side that hears nothing asks.
func TestLivenessIsAnEmptyExchange(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := talk(t, c)
	if answer := w.peerOf(w.spoke).request(wire.Informational); len(answer) != 0 {
		t.Errorf("the answer holds %v", answer)
	}
	w.run(c.DPD + time.Millisecond)
	if m, payloads := w.peerOf(w.spoke).outstanding(); m.Exchange != wire.Informational || len(payloads) != 0 {
		t.Errorf("after a silence the spoke asks %s with %v", m.Exchange, payloads)
	}
	w.run(time.Minute)
	if w.spoke.session.current() != nil {
		t.Error("a peer that does not answer is believed alive")
	}
}
