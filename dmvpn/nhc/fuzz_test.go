package nhc

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// FuzzReceive lets a hostile hub say anything: while a request is open, and once
// we are registered and look for a direct path. What it says must not break anything,
// nor be answered with more than was said.
func FuzzReceive(f *testing.F) {
	sample := newWorld(f, testConfig(configured(hub1, nbma1)))
	sample.pass(second)
	sample.client.cfg.Shortcut = true
	sample.apply(sample.client.Missing(sample.now, hub2))
	request, question := sample.sent[0], sample.sent[len(sample.sent)-1]
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
	for _, bits := range []uint8{0, 1, 24, 32} {
		seed(func(p *nhrp.Packet) {
			*p = *question
			p.Type = nhrp.ResolutionReply
			p.CIEs = []nhrp.CIE{{PrefixLen: bits, HoldingTime: 300, NBMA: nbma2, Protocol: hub2}}
		})
	}
	for t := nhrp.ResolutionRequest; t <= nhrp.TrafficIndication; t++ {
		seed(func(p *nhrp.Packet) { p.Type, p.Payload = t, whole })
		seed(func(p *nhrp.Packet) { p.Type, p.CIEs, p.Extensions = t, nil, nil })
	}
	for _, p := range []*nhrp.Packet{questionAbout("192.168.1.5"), questionAbout("192.168.7.5"), questionAbout(ours.String())} {
		seed(func(q *nhrp.Packet) { *q = *p })
		seed(func(q *nhrp.Packet) { *q = *p; q.Flags |= nhrp.ResolutionUnique; q.CIEs = nil })
		seed(func(q *nhrp.Packet) { *q = *p; q.Extensions = q.Extensions[:1] }) // no NAT
	}
	seed(func(p *nhrp.Packet) {
		*p = *questionAbout("192.168.1.5")
		p.Type, p.RequestID, p.SrcProtocol, p.DstProtocol = nhrp.ResolutionReply, question.RequestID, ours, hub2
		p.CIEs = []nhrp.CIE{
			{PrefixLen: 32, HoldingTime: 300, NBMA: nbma2, Protocol: hub2},
			{PrefixLen: 24, HoldingTime: 300, NBMA: nbma3, Protocol: hub3, Preference: 7}, {Code: nhrp.NoBinding},
		}
	})
	seed(func(p *nhrp.Packet) {
		*p = *packetFrom(nhrp.PurgeRequest, hub1, nbma1)
		p.CIEs = []nhrp.CIE{{PrefixLen: 32, Protocol: hub2}, {PrefixLen: 24, Protocol: ours}, {Protocol: hub3}}
		p.Extensions = append(p.Extensions, nhrp.NewGroup("g1"))
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		seal(b)
		for _, wait := range []Instant{delay + 1, second} {
			cfg := testConfig(configured(hub1, nbma1))
			cfg.Shortcut = true
			w := newWorld(t, cfg)
			w.apply(w.client.Prefixes(w.now, []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}))
			w.hubs[nbma1].silent = wait < second
			w.pass(wait)
			w.apply(w.client.Missing(w.now, hub2))
			e := w.client.Receive(w.now, nbma1, b)
			if len(e.Send) > 2 {
				t.Errorf("one packet is answered by %d", len(e.Send))
			}
			w.apply(e)
			for _, s := range w.client.shortcuts {
				if s.prefix.Bits() == 0 || s.prefix.Overlaps(w.client.prefixes[0]) {
					t.Errorf("shortcut to %s", s.prefix)
				}
			}
			if r := w.client.order[0].registration; r.Until-w.now > w.cfg.HoldingTime || r.Until != 0 && r.Refresh > r.Until {
				t.Errorf("granted %+v", r)
			}
			w.pass(100 * second)
			w.apply(w.client.Prefixes(w.now, nil)) // which purges what b made us say
			w.pass(200 * second)
			if n := len(w.sent); n > 40 {
				t.Errorf("%d packets in five minutes", n)
			}
		}
	})
}

// seal gives b the length and the checksum of a packet, which guard all the rest.
func seal(b []byte) {
	if len(b) < 20 || len(b) > 0xffff {
		return
	}
	binary.BigEndian.PutUint16(b[10:], uint16(len(b)))
	b[12], b[13] = 0, 0
	sum := uint32(0)
	for i, octet := range b {
		sum += uint32(octet) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[12:], ^uint16(sum))
}
