package session

import (
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

func espDelete(spis ...uint32) wire.Delete {
	return wire.Delete{Protocol: wire.ProtocolESP, SPIs: spis}
}

func TestDeleteOfAChildIsAnsweredByItsPair(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	child := w.spoke.session.current()
	answer := w.peerOf(w.spoke).request(wire.Informational, espDelete(child.SPIOut))
	d, ok := wire.Find[wire.Delete](answer)
	if !ok || len(answer) != 1 || !slices.Equal(d.SPIs, []uint32{child.SPIIn}) {
		t.Fatalf("the answer is %v, want a deletion of %08x", answer, child.SPIIn)
	}
	for _, sa := range w.spoke.kernel {
		if sa.SPI == child.SPIOut {
			t.Error("the outbound SA stays")
		}
	}
	w.now += drainTime
	w.apply(w.spoke, w.spoke.session.Tick(w.now))
	for _, sa := range w.spoke.kernel {
		if sa.SPI == child.SPIIn {
			t.Error("the inbound SA stays")
		}
	}
}

func TestDeletesOfWhatIsNotThere(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	child := w.spoke.session.current()
	for name, d := range map[string]wire.Delete{
		"an unknown SPI": espDelete(0x9999), "our own SPI": espDelete(child.SPIIn), "none": espDelete(),
		"AH": {Protocol: 2, SPIs: []uint32{child.SPIOut}},
	} {
		if answer := w.peerOf(w.spoke).request(wire.Informational, d); len(answer) != 0 {
			t.Errorf("%s: the answer is %v, want an empty one", name, answer)
		}
	}
	if w.spoke.session.current() != child || len(w.spoke.kernel) != 2 {
		t.Error("the child SA is touched")
	}
}

// TestDeletesThatCross: each side deletes the pair once, and tells it once.
func TestDeletesThatCross(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	s := w.spoke.session
	s.state.Wanted = false // or it would first make another
	child := s.current()
	s.retire(child)
	child.Delete = true
	w.spoke.kernel = w.spoke.kernel[:1]
	w.apply(w.spoke, s.Tick(w.now))
	hub := w.peerOf(w.spoke)
	_, payloads := hub.outstanding()
	if d, ok := wire.Find[wire.Delete](payloads); !ok || !slices.Equal(d.SPIs, []uint32{child.SPIIn}) {
		t.Fatalf("the spoke sends %v", payloads)
	}
	if answer := hub.request(wire.Informational, espDelete(child.SPIOut)); len(answer) != 0 {
		t.Errorf("the answer to the crossing request is %v, want an empty one", answer)
	}
	hub.answer()
	w.now += drainTime
	w.apply(w.spoke, s.Tick(w.now))
	for _, sa := range w.spoke.kernel {
		if sa.SPI == child.SPIIn || sa.SPI == child.SPIOut {
			t.Errorf("%08x stays", sa.SPI)
		}
	}
}

func TestDeleteOfTheIKESAIsAnsweredByNothing(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	answer := w.peerOf(w.spoke).request(wire.Informational, wire.Delete{Protocol: wire.ProtocolIKE}, espDelete(w.spoke.session.current().SPIOut))
	if len(answer) != 0 {
		t.Errorf("the answer is %v, want an empty one", answer)
	}
	if w.spoke.session.up() != nil || len(w.spoke.kernel) != 0 {
		t.Error("SAs stay")
	}
}

// TestDeleteIsTheLastRequest: on an IKE SA that was rekeyed nothing follows it,
// and nothing but it is begun.
func TestDeleteIsTheLastRequest(t *testing.T) {
	c := config(t, testIKE, testESP)
	c.IKELifetime = 10 * time.Minute
	w := newWorld(t, 39, c, c)
	old := make(map[uint64]bool)
	seen := 0
	w.fate = func(from *node, p Packet) []time.Duration {
		h := first(p)
		for _, sa := range from.session.state.SAs {
			if sa.SPIi != h.SPIi || h.Response() || sa.Request == nil {
				continue
			}
			if old[h.SPIi] && sa.Request.Kind != askDeleteIKE {
				t.Errorf("%s follows the deletion of the IKE SA", h.Exchange)
			}
			if sa.Request.Kind == askDeleteIKE {
				old[h.SPIi] = true
				seen++
			}
			if sa.Stage != stageUp && sa.Stage != stageClosing && h.Exchange == wire.CreateChildSA {
				t.Errorf("%s on an IKE SA that is %s", h.Exchange, sa.Stage)
			}
		}
		return []time.Duration{20 * time.Millisecond}
	}
	w.up()
	w.run(time.Hour)
	if seen < 5 {
		t.Errorf("%d IKE SAs were deleted", seen)
	}
}

// TestGoodbyeIsSaid: whoever closes a child SA or an IKE SA that works tells the
// peer so.
func TestGoodbyeIsSaid(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	sa := w.spoke.session.up()
	e := w.spoke.session.Close(w.now)
	w.apply(w.spoke, e)
	m, err := wire.Parse(e.Send[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	payloads := (&voice{w, w.spoke, w.hub.session.up()}).open(m)
	if d, ok := wire.Find[wire.Delete](payloads); !ok || d.Protocol != wire.ProtocolIKE || len(d.SPIs) != 0 || m.SPIi != sa.SPIi {
		t.Errorf("it says %v", payloads)
	}
}
