package dmvpn

import (
	"log/slog"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// FuzzAnswer lets a hostile hub answer a registration request.
func FuzzAnswer(f *testing.F) {
	const id = 7
	tunnel := New("hq", testConfig(), Deps{Log: slog.New(slog.DiscardHandler)})
	request, err := tunnel.registrationRequest(id, private, Neighbour{hub1, nbma1})
	if err != nil {
		f.Fatal(err)
	}
	seed := func(change func(*nhrp.Packet)) {
		p := *request
		change(&p)
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	whole, err := request.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	seed(func(p *nhrp.Packet) { p.Type = nhrp.RegistrationReply })
	seed(func(p *nhrp.Packet) { p.Type, p.CIEs = nhrp.RegistrationReply, nil })
	seed(func(p *nhrp.Packet) { p.Type, p.Extensions = nhrp.RegistrationReply, nil })
	seed(func(p *nhrp.Packet) { p.Type, p.Payload = nhrp.ErrorIndication, whole })
	seed(func(p *nhrp.Packet) { p.Type, p.Payload = nhrp.TrafficIndication, whole })
	f.Fuzz(func(t *testing.T, b []byte) {
		answers := tunnel.exchanges.begin(id, nbma1)
		defer tunnel.exchanges.end(id)
		tunnel.handle(b, nbma1)
		select {
		case a := <-answers:
			g, err := tunnel.judge(a, private)
			if err == nil && (g.holdingTime <= 0 || g.holdingTime > tunnel.cfg.NHRP.HoldingTime) {
				t.Errorf("granted %v", g)
			}
		default:
		}
	})
}
