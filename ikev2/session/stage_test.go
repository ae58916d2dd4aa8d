package session

import (
	"fmt"
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestEveryExchangeInEveryStage sends an authentic request of every exchange to
// an IKE SA in every stage. Only the pairs in the table may be answered, and
// none may make an SA up that is not.
func TestEveryExchangeInEveryStage(t *testing.T) {
	answered := map[stage][]wire.ExchangeType{
		stageOpening:        {},
		stageAuthenticating: {},
		stageHalfOpen:       {wire.IKEAuth},
		stageUp:             {wire.IKEAuth, wire.CreateChildSA, wire.Informational},
		stageReplaced:       {wire.IKEAuth, wire.CreateChildSA, wire.Informational},
		stageRefused:        {},
		stageClosing:        {wire.CreateChildSA, wire.Informational},
	}
	for from, exchanges := range answered {
		for exchange := wire.IKESAInit - 1; exchange <= wire.Informational+1; exchange++ {
			t.Run(fmt.Sprint(from, " ", exchange), func(t *testing.T) {
				w := established(t)
				sa, hub := w.spoke.session.state.SAs[0], w.hub.session.state.SAs[0]
				sa.Stage = from
				if from < stageUp {
					sa.Handshake = &handshake{}
				}
				want := 0
				for _, e := range exchanges {
					if e == exchange {
						want = 1
					}
				}
				header := wire.Header{SPIi: hub.SPIi, SPIr: hub.SPIr, Exchange: exchange, MessageID: hub.NextID}
				local, remote := w.ends(w.spoke)
				packet := Packet{Local: local, Remote: remote, Data: w.hub.session.seal(hub, header, nil)}
				effects := w.spoke.session.Receive(w.now, packet)
				answers := 0
				for _, p := range effects.Send {
					if first(p).Response() {
						answers++
					}
				}
				if answers != want {
					t.Errorf("%d answers, want %d", answers, want)
				}
				if len(effects.Install) > 0 || from != stageUp && sa.Stage == stageUp {
					t.Errorf("the request makes the SA %s and installs %v", sa.Stage, effects.Install)
				}
			})
		}
	}
}
