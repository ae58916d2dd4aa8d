package session

import (
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

func TestLaterVersionIsAnsweredWithOurs(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	later := wire.Header{SPIi: 0x11, SPIr: 0x22, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator, MessageID: 5}
	request := (&wire.Message{Header: later}).Marshal()
	request[17] = 0x31
	send := func() []Packet { return w.deliver(w.spoke, request).Send }

	sent := send()
	if len(sent) != 1 {
		t.Fatalf("%d messages, want an answer", len(sent))
	}
	m, err := wire.Parse(sent[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Header{SPIi: 0x11, SPIr: 0x22, Exchange: wire.IKESAInit, Flags: wire.FlagResponse, MessageID: 5}
	if m.Header != want {
		t.Errorf("header %+v, want %+v", m.Header, want)
	}
	onlyNotify(t, m.Payloads, wire.InvalidMajorVersion)
	if sa := w.spoke.session.up(); sa == nil || sa.Request != nil {
		t.Error("the message touches the IKE SA")
	}

	if again := send(); len(again) != 0 {
		t.Error("a flood is answered message by message")
	}
	w.now += time.Second
	if later := send(); len(later) != 1 {
		t.Error("a second later there is no answer")
	}
}

func TestOtherVersionsAreDropped(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	for name, change := range map[string]func([]byte){
		"IKEv1":                        func(b []byte) { b[17] = 0x10 },
		"an answer of a later version": func(b []byte) { b[17], b[19] = 0x30, byte(wire.FlagResponse) },
	} {
		b := (&wire.Message{Header: wire.Header{SPIi: 0x11, Exchange: wire.IKESAInit}}).Marshal()
		change(b)
		if sent := w.deliver(w.spoke, b).Send; len(sent) != 0 {
			t.Errorf("%s is answered", name)
		}
	}
}

func TestMinorVersionAndReservedFlagsMatterToNobody(t *testing.T) {
	w := talk(t, config(t, "aes256-sha256-curve25519", testESP))
	hub := w.peerOf(w.spoke)
	h := wire.Header{SPIi: hub.sa.SPIi, SPIr: hub.sa.SPIr, Exchange: wire.Informational, Flags: 0xd7, MessageID: hub.sa.NextID}
	if sent := w.deliver(w.spoke, w.hub.session.seal(hub.sa, h, nil)).Send; len(sent) != 1 {
		t.Errorf("reserved flags and the version flag bring %d answers, want 1", len(sent))
	} else if got := first(sent[0]).Flags; got != wire.FlagInitiator|wire.FlagResponse {
		t.Errorf("our own flags are %02x", byte(got))
	}
}

// TestHubThatKnowsOnlyIKEv1 refuses our request in its own version: the operator
// is to read that.
func TestHubThatKnowsOnlyIKEv1(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	refusal := initAnswer(request, 0, wire.Notify{Kind: wire.InvalidMajorVersion})
	refusal[17], refusal[18], refusal[19] = 0x10, 5, 0
	if e := w.deliver(w.spoke, refusal); !e.Empty() {
		t.Errorf("it has effects: %+v", e)
	}
	w.run(hintPatience + time.Second)
	if failed := w.spoke.said(Failed); len(failed) != 1 || !strings.Contains(failed[0], "answers in IKEv1; configure IKEv2 there") {
		t.Errorf("failures %q", failed)
	}
}
