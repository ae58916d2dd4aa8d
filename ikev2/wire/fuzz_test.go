package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzMessage feeds whole datagrams. What is accepted must survive a round trip.
func FuzzMessage(f *testing.F) {
	for _, h := range hostile {
		f.Add(octets(f, h.octets))
	}
	f.Add((&Message{
		Header: Header{SPIi: 1, Exchange: IKESAInit, Flags: FlagInitiator},
		Payloads: []Payload{
			SA{Proposals: []Proposal{{Number: 1, Protocol: ProtocolIKE, Transforms: []Transform{{Type: Encryption, ID: 20, KeyBits: 256}}}}},
			KE{Group: 31, Data: make([]byte, 32)}, Nonce(make([]byte, 32)), Notify{Kind: Cookie, Data: []byte("cookie")},
		},
	}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil || m.Encrypted != nil {
			return
		}
		checkRoundTrip(t, m.Payloads)
	})
}

// FuzzPayloads feeds what a peer could put inside an Encrypted payload.
func FuzzPayloads(f *testing.F) {
	for _, h := range hostile {
		if b := octets(f, h.octets); len(b) > headerLength {
			f.Add(b[16], b[headerLength:])
		}
	}
	first, b := MarshalPayloads([]Payload{
		ID{Form: IDFQDN, Data: []byte("hub")}, Auth{Method: AuthSharedKey, Data: make([]byte, 32)},
		TS{Selectors: []Selector{AnySelector(47)}}, TS{Responder: true, Selectors: []Selector{AnySelector(47)}},
		Delete{Protocol: ProtocolESP, SPIs: []uint32{256}}, Notify{Protocol: ProtocolESP, Kind: RekeySA, SPI: []byte{0, 0, 1, 0}},
	})
	f.Add(byte(first), b)
	f.Fuzz(func(t *testing.T, first byte, b []byte) {
		payloads, err := ParsePayloads(PayloadType(first), b)
		if err != nil {
			return
		}
		checkRoundTrip(t, payloads)
	})
}

func checkRoundTrip(t *testing.T, payloads []Payload) {
	for _, p := range payloads {
		if ts, ok := p.(TS); ok {
			for _, s := range ts.Selectors {
				if !s.First.IsValid() {
					return // a form we do not know is not kept
				}
			}
		}
	}
	first, again := MarshalPayloads(payloads)
	back, err := ParsePayloads(first, again)
	if err != nil {
		t.Fatalf("own octets are refused: %v", err)
	}
	for _, p := range payloads {
		if sa, ok := p.(SA); ok && hasForeign(sa) {
			return // attributes we do not know are not kept
		}
	}
	if diff := cmp.Diff(payloads, back, same); diff != "" {
		t.Errorf("round trip (-first +second):\n%s", diff)
	}
}

func hasForeign(sa SA) bool {
	for _, p := range sa.Proposals {
		for _, tr := range p.Transforms {
			if tr.Foreign {
				return true
			}
		}
	}
	return false
}
