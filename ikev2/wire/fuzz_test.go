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
	for _, payloads := range seedPayloads() {
		f.Add((&Message{Header: Header{SPIi: 1, Exchange: IKESAInit, Flags: FlagInitiator}, Payloads: payloads}).Marshal())
	}
	f.Add(append(MarshalEncrypted(Header{SPIi: 1, SPIr: 2, Exchange: IKEAuth, MessageID: 1}, TypeIDi, 40), make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil || m.Encrypted != nil {
			return
		}
		checkRoundTrip(t, m.Payloads)
	})
}

// seedPayloads returns chains of one payload of each kind, and one chain of all.
func seedPayloads() [][]Payload {
	all := append(everyPayload(),
		Notify{Kind: Cookie, Data: []byte("cookie")}, Raw{Number: TypeCert, Body: []byte{4, 0x30}}, Raw{Number: TypeCertReq, Body: []byte{4}},
		Raw{Number: TypeConfigure, Body: []byte{1, 0, 0, 0}}, Raw{Number: TypeEAP, Body: []byte{1, 0, 0, 4}}, Raw{Number: 53, Body: make([]byte, 8)}, Raw{Number: 200, Critical: true})
	chains := [][]Payload{all}
	for _, p := range all {
		chains = append(chains, []Payload{p})
	}
	return chains
}

// FuzzPayloads feeds what a peer could put inside an Encrypted payload.
func FuzzPayloads(f *testing.F) {
	for _, h := range hostile {
		if b := octets(f, h.octets); len(b) > headerLength {
			f.Add(b[16], b[headerLength:])
		}
	}
	for _, payloads := range seedPayloads() {
		first, b := MarshalPayloads(payloads)
		f.Add(byte(first), b)
	}
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
