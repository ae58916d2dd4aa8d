package session

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// answered is the whole table of what a peer may ask for in which stage of an IKE
// SA. In stageUp and after, IKE_AUTH is a fault that ends it.
var answered = map[stage][]wire.ExchangeType{
	stageOpening:        {},
	stageAuthenticating: {},
	stageHalfOpen:       {wire.IKEAuth},
	stageUp:             {wire.IKEAuth, wire.CreateChildSA, wire.Informational},
	stageReplaced:       {wire.IKEAuth, wire.CreateChildSA, wire.Informational},
	stageClosing:        {wire.CreateChildSA, wire.Informational},
	stageRefused:        {},
}

// TestEveryExchangeInEveryStage sends messages of every exchange to an IKE SA in
// every stage, at both ends: authentic requests, also with a critical payload
// that nobody knows, authentic responses that nobody waits for, and both without
// protection. Only requests in the table may be answered, nothing else may change
// anything, and nothing may make an SA up that is not.
func TestEveryExchangeInEveryStage(t *testing.T) {
	critical := wire.Raw{Number: 200, Critical: true}
	forms := []struct {
		name string
		// acts says that the table applies.
		acts bool
		make func(v *voice, exchange wire.ExchangeType) []byte
	}{
		{"request", true, func(v *voice, exchange wire.ExchangeType) []byte { return v.seal(v.sa.NextID, exchange, 0) }},
		{"critical request", true, func(v *voice, exchange wire.ExchangeType) []byte { return v.seal(v.sa.NextID, exchange, 0, critical) }},
		{"response", false, func(v *voice, exchange wire.ExchangeType) []byte {
			return v.seal(v.sa.PeerID+7, exchange, wire.FlagResponse)
		}},
		{"critical response", false, func(v *voice, exchange wire.ExchangeType) []byte {
			return v.seal(v.sa.PeerID+7, exchange, wire.FlagResponse, critical)
		}},
		{"clear request", false, func(v *voice, exchange wire.ExchangeType) []byte { return v.clear(v.sa.NextID, exchange, 0) }},
		{"clear response", false, func(v *voice, exchange wire.ExchangeType) []byte {
			return v.clear(v.sa.PeerID+7, exchange, wire.FlagResponse)
		}},
	}
	for from, exchanges := range answered {
		for exchange := wire.IKESAInit - 1; exchange <= wire.Informational+1; exchange++ {
			for _, form := range forms {
				for _, initiator := range ends(from) {
					t.Run(fmt.Sprint(from, " ", exchange, " ", form.name, " initiator=", initiator), func(t *testing.T) {
						v, sa := inStage(t, from, initiator)
						s := v.to.session
						before := remembered(t, s)
						local, remote := v.w.ends(v.to)
						effects := s.Receive(v.w.now, Packet{Local: local, Remote: remote, Data: form.make(v, exchange)})
						answers := 0
						for _, p := range effects.Send {
							if first(p).Response() {
								answers++
							}
						}
						want := 0
						if form.acts && slices.Contains(exchanges, exchange) {
							want = 1
						}
						if answers != want || len(effects.Send) > answers {
							t.Errorf("%d answers and %d messages, want %d answers", answers, len(effects.Send), want)
						}
						if want == 0 && remembered(t, s) != before {
							t.Errorf("what is not to be answered changes something:\n%s\n%s", before, remembered(t, s))
						}
						if len(effects.Install) > 0 || from != stageUp && sa.Stage == stageUp {
							t.Errorf("the IKE SA is %s and installs %v", sa.Stage, effects.Install)
						}
					})
				}
			}
		}
	}
}

// ends returns in which roles a stage can be: as the initiator, or not.
func ends(in stage) []bool {
	switch in {
	case stageOpening, stageAuthenticating:
		return []bool{true}
	case stageHalfOpen:
		return []bool{false}
	}
	return []bool{true, false}
}

// inStage returns an IKE SA in the given stage at either end, and the peer's voice.
func inStage(t *testing.T, in stage, initiator bool) (*voice, *ikeSA) {
	w := talk(t, config(t, testIKE, testESP))
	n := w.hub
	if initiator {
		n = w.spoke
	}
	n.session.state.Wanted = false
	sa := n.session.up()
	v := w.peerOf(n)
	sa.Stage = in
	switch {
	case in < stageUp:
		sa.Handshake = &handshake{}
	case in == stageClosing: // it waits for the answer to another request
		sa.Request = &request{Kind: askDeleteIKE, Exchange: wire.Informational, ID: sa.NextID, Due: w.now + time.Hour}
		sa.NextID++
	}
	n.session.Tick(w.now) // what follows from the stage alone
	return v, sa
}

// clear returns a message that nothing protects.
func (v *voice) clear(id uint32, exchange wire.ExchangeType, flags wire.Flags) []byte {
	m := wire.Message{Header: wire.Header{SPIi: v.sa.SPIi, SPIr: v.sa.SPIr, Exchange: exchange, Flags: flags, MessageID: id}}
	if v.sa.Initiator {
		m.Flags |= wire.FlagInitiator
	}
	return m.Marshal()
}

// remembered is the State but for what it has counted.
func remembered(t *testing.T, s *Session) string {
	t.Helper()
	state := s.State()
	state.Counters = Counters{}
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
