package session

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestMessageIDsAndFlags watches hours of two Sessions over a bad network and
// demands of every message what its header must say.
func TestMessageIDsAndFlags(t *testing.T) {
	c := config(t, testIKE, testESP)
	c.IKELifetime = 20 * time.Minute
	w := newWorld(t, 31, c, c)
	type key struct {
		spiI, spiR uint64
		flags      wire.Flags
		id         uint32
	}
	sent := make(map[key][]byte)
	requests := make(map[key]uint32) // the next id of each side of each IKE SA
	w.fate = func(from *node, p Packet) []time.Duration {
		m, err := wire.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		h := m.Header
		if h.SPIi == 0 || (h.SPIr == 0) != (h.Exchange == wire.IKESAInit && !h.Response()) {
			t.Errorf("%s: SPIs %x and %x", h.Exchange, h.SPIi, h.SPIr)
		}
		if h.Flags&^(wire.FlagInitiator|wire.FlagResponse) != 0 {
			t.Errorf("%s: flags %02x", h.Exchange, byte(h.Flags))
		}
		if (m.Encrypted == nil) != (h.Exchange == wire.IKESAInit) || m.Encrypted != nil && len(m.Payloads) > 0 {
			t.Errorf("%s: encrypted %v beside %d clear payloads", h.Exchange, m.Encrypted != nil, len(m.Payloads))
		}
		wantID := map[wire.ExchangeType]uint32{wire.IKESAInit: 0, wire.IKEAuth: 1}
		if id, fixed := wantID[h.Exchange]; fixed && h.MessageID != id {
			t.Errorf("%s bears message id %d", h.Exchange, h.MessageID)
		}
		k := key{h.SPIi, h.SPIr, h.Flags, h.MessageID}
		if before, again := sent[k]; again && !bytes.Equal(before, p.Data) {
			t.Errorf("%s %d is sent in two forms", h.Exchange, h.MessageID)
		}
		sent[k] = p.Data
		if !h.Response() && h.Exchange != wire.IKESAInit {
			k.id = 0
			next, known := requests[k]
			if !known && h.Exchange == wire.IKEAuth {
				next = 1
			}
			if h.MessageID > next || h.MessageID+1 < next {
				t.Errorf("%s bears message id %d, want %d or the one before", h.Exchange, h.MessageID, next)
			}
			requests[k] = max(next, h.MessageID+1)
		}
		if w.random.IntN(10) == 0 {
			return nil
		}
		return []time.Duration{time.Duration(w.random.IntN(200)) * time.Millisecond}
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(3 * time.Hour)
	if len(requests) < 8 {
		t.Errorf("only %d sides of IKE SAs were seen", len(requests))
	}
}

// TestOneRequestAtATime wants much at once of one side: the window is one, also
// for a peer that offers a wider one.
func TestOneRequestAtATime(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	hub.request(wire.Informational, wire.Notify{Kind: wire.SetWindowSize, Data: []byte{0, 0, 0, 8}})
	state := w.spoke.session.State()
	state.SAs[0].RekeyAt, state.Children[0].RekeyAt = w.now, w.now
	e := w.spoke.session.Tick(w.now)
	w.apply(w.spoke, e)
	if len(e.Send) != 1 {
		t.Errorf("%d requests at once", len(e.Send))
	}
	// While one is outstanding, requests of the peer are answered.
	if answer := hub.request(wire.Informational); len(answer) != 0 {
		t.Errorf("the answer holds %v", answer)
	}
}

// TestRequestsAreRepeatedLessAndLessOften watches a request that nobody answers.
func TestRequestsAreRepeatedLessAndLessOften(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	var at []Instant
	var packets [][]byte
	w.fate = func(from *node, p Packet) []time.Duration {
		if from == w.spoke && first(p).Exchange == wire.Informational {
			at, packets = append(at, w.now), append(packets, p.Data)
		}
		return nil
	}
	w.run(time.Minute)
	if len(at) < suspectTries {
		t.Fatalf("%d tries", len(at))
	}
	for i := 2; i < len(at); i++ {
		if before, wait := at[i-1]-at[i-2], at[i]-at[i-1]; wait < before && wait < maxWait*7/8 {
			t.Errorf("try %d comes after %v, the one before after %v", i+1, wait, before)
		}
		if !bytes.Equal(packets[i], packets[0]) {
			t.Errorf("try %d differs from the first", i+1)
		}
	}
}

// TestRepeatedRequests sends one request three times: it is acted on once, and
// answered each time with the same octets.
func TestRepeatedRequests(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	request := hub.seal(hub.sa.NextID, wire.CreateChildSA, 0, hub.rekeyRequest(w.hub.session.current().SPIIn, 0x1000)...)
	var answers [][]byte
	for range 3 {
		e := w.deliver(w.spoke, request)
		if len(e.Send) != 1 {
			t.Fatalf("%d messages, want an answer", len(e.Send))
		}
		answers = append(answers, e.Send[0].Data)
	}
	if !bytes.Equal(answers[0], answers[1]) || !bytes.Equal(answers[0], answers[2]) {
		t.Error("the answers differ")
	}
	if n := len(w.spoke.session.State().Children); n != 2 {
		t.Errorf("%d child SAs, want the old and the new", n)
	}
}

// TestRequestsOutsideTheWindow are never acknowledged.
func TestRequestsOutsideTheWindow(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	hub.request(wire.Informational)
	hub.request(wire.Informational)
	for _, id := range []uint32{0, hub.sa.NextID - 2, hub.sa.NextID + 1, hub.sa.NextID + 100, 0xffffffff} {
		if e := w.deliver(w.spoke, hub.seal(id, wire.Informational, 0, wire.Delete{Protocol: wire.ProtocolIKE})); len(e.Send) != 0 {
			t.Errorf("message id %d is answered, and %d expected", id, hub.sa.NextID)
		}
	}
	if w.spoke.session.up() == nil {
		t.Error("a request outside the window is obeyed")
	}
}

// TestResponsesAreNeverAnswered sends every exchange marked as a response.
func TestResponsesAreNeverAnswered(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	for exchange := wire.IKESAInit; exchange <= wire.Informational; exchange++ {
		for _, id := range []uint32{0, 1, 2, hub.sa.NextID, w.spoke.session.up().NextID} {
			e := w.deliver(w.spoke, hub.seal(id, exchange, wire.FlagResponse, wire.Raw{Number: 200, Critical: true}))
			clear := wire.Message{Header: wire.Header{SPIi: hub.sa.SPIi, SPIr: hub.sa.SPIr, Exchange: exchange, Flags: wire.FlagResponse, MessageID: id},
				Payloads: []wire.Payload{wire.Notify{Kind: wire.InvalidSPI}}}
			if sent := append(e.Send, w.deliver(w.spoke, clear.Marshal()).Send...); len(sent) != 0 {
				t.Errorf("%s %d, a response, is answered", exchange, id)
			}
		}
	}
}

// TestUnknownSPIs sends what belongs to no IKE SA. We know nothing of it and stay
// silent, as RFC 7296 section 2.21.4 allows.
func TestUnknownSPIs(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	for exchange := wire.IKESAInit; exchange <= wire.Informational; exchange++ {
		for _, flags := range []wire.Flags{0, wire.FlagInitiator, wire.FlagResponse} {
			m := wire.Message{Header: wire.Header{SPIi: 0x11, SPIr: 0x22, Exchange: exchange, Flags: flags, MessageID: 3}}
			if e := w.deliver(w.spoke, m.Marshal()); !e.Empty() {
				t.Errorf("%s with flags %02x has effects: %+v", exchange, byte(flags), e)
			}
		}
	}
}

// TestAnswersGoBackWhereTheRequestCameFrom asks from and at other addresses than
// the usual ones, without a NAT that we know of.
func TestAnswersGoBackWhereTheRequestCameFrom(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	hub := w.peerOf(w.spoke)
	local, remote := w.ends(w.spoke)
	for _, ends := range [][2]string{{"10.0.0.2:4500", "203.0.113.1:31000"}, {"10.0.0.2:500", "198.51.100.7:40000"}, {local.String(), remote.String()}} {
		t.Run(ends[1], func(t *testing.T) {
			p := Packet{Local: netip.MustParseAddrPort(ends[0]), Remote: netip.MustParseAddrPort(ends[1]), Data: hub.seal(hub.sa.NextID, wire.Informational, 0)}
			hub.sa.NextID++
			for _, try := range []string{"first", "again"} {
				e := w.spoke.session.Receive(w.now, p)
				if len(e.Send) != 1 || e.Send[0].Local != p.Local || e.Send[0].Remote != p.Remote {
					t.Errorf("%s: the answer travels %s, want %s to %s", try, fmt.Sprint(e.Send), p.Local, p.Remote)
				}
			}
		})
	}
}

// TestLongMessageIDs lets an IKE SA come near the end of its message ids.
func TestLongMessageIDs(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 32, c, c)
	w.up()
	spoke, hub := w.spoke.session.up(), w.hub.session.up()
	spoke.NextID, hub.PeerID = maxMessageID, maxMessageID
	w.unbroken = true
	w.run(time.Minute)
	if now := w.spoke.session.up(); now == nil || now.NextID > 10 {
		t.Error("the IKE SA was not rekeyed")
	}
}
