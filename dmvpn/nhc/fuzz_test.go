package nhc

import (
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// FuzzReceive lets a hostile hub say anything: while a request is open, and once
// we are registered. What it is told must not break anything, nor be answered
// with more than was said.
func FuzzReceive(f *testing.F) {
	sample := newWorld(f, testConfig(configured(hub1, nbma1)))
	sample.pass(second)
	request := sample.sent[0]
	whole, err := request.Marshal()
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
	for t := nhrp.ResolutionRequest; t <= nhrp.TrafficIndication; t++ {
		seed(func(p *nhrp.Packet) { p.Type, p.Payload = t, whole })
		seed(func(p *nhrp.Packet) { p.Type, p.CIEs, p.Extensions = t, nil, nil })
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, wait := range []Instant{delay + 1, second} {
			w := newWorld(t, testConfig(configured(hub1, nbma1)))
			w.hubs[nbma1].silent = wait < second
			w.pass(wait)
			e := w.client.Receive(w.now, nbma1, b)
			if len(e.Send) > 2 {
				t.Errorf("one packet is answered by %d", len(e.Send))
			}
			w.apply(e)
			if r := w.client.order[0].registration; r.Until-w.now > w.cfg.HoldingTime || r.Until != 0 && r.Refresh > r.Until {
				t.Errorf("granted %+v", r)
			}
			w.pass(300 * second)
			if n := len(w.sent); n > 40 {
				t.Errorf("%d packets in five minutes", n)
			}
		}
	})
}
