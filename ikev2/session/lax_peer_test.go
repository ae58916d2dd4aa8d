package session

import (
	"slices"
	"testing"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// A peer that rekeys a child SA and never deletes the old one still gets our
// traffic on the new one, and is told to delete the old.
func TestPeerKeepsTheChildItRekeyed(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	old := *w.spoke.session.current()
	hub.request(wire.CreateChildSA, hub.rekeyRequest(old.SPIOut, 0x1000)...)
	if c := w.spoke.session.current(); c.SPIOut != old.SPIOut {
		t.Error("the spoke sends before the hub is sure to take it")
	}
	w.now += lingerTime
	w.apply(w.spoke, w.spoke.session.Tick(w.now))
	if c := w.spoke.session.current(); c == nil || c.SPIOut != 0x1000 {
		t.Errorf("the spoke sends on %+v", c)
	}
	_, payloads := hub.outstanding()
	if d, ok := wire.Find[wire.Delete](payloads); !ok || !slices.Equal(d.SPIs, []uint32{old.SPIIn}) {
		t.Errorf("the spoke asks %v, want the old child SA deleted", payloads)
	}
}

// A peer that rekeys the IKE SA and never deletes the old one is told to.
func TestPeerKeepsTheIKESAItRekeyed(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	old := w.spoke.session.up()
	hub.request(wire.CreateChildSA, hub.rekeyIKERequest()...)
	if old.Stage != stageReplaced {
		t.Fatalf("the old IKE SA is %s", old.Stage)
	}
	w.now += lingerTime
	w.apply(w.spoke, w.spoke.session.Tick(w.now))
	if old.Stage != stageClosing || old.Request == nil || old.Request.Kind != askDeleteIKE {
		t.Errorf("the old IKE SA is %s and asks %+v, want a DELETE", old.Stage, old.Request)
	}
	if w.spoke.session.current() == nil {
		t.Error("the child SA went with it")
	}
}

// The lowest of four nonces decides. Should a peer use one nonce in both
// exchanges, the other two do, alike at both ends.
func TestRivalWithTheSameNonce(t *testing.T) {
	low, ours, theirs := []byte("0 low"), []byte("1 ours"), []byte("2 theirs")
	mine := suite.Contribution{InitiatorNonce: ours, ResponderNonce: low}
	other := suite.Contribution{InitiatorNonce: low, ResponderNonce: theirs}
	var here, there request
	here.crossed(1, other)
	there.crossed(2, mine)
	if !here.Rival.beats(mine) || there.Rival.beats(other) {
		t.Error("both ends keep their own, or neither does")
	}
}
