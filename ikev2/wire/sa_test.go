package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTransformAttributes reads one transform of AES-CBC with each attribute.
func TestTransformAttributes(t *testing.T) {
	for name, test := range map[string]struct {
		attributes string
		want       Transform
	}{
		"none":                      {"", Transform{Type: Encryption, ID: 12}},
		"key length":                {"800e0100", Transform{Type: Encryption, ID: 12, KeyBits: 256}},
		"unknown of fixed length":   {"80120001", Transform{Type: Encryption, ID: 12, Foreign: true}},
		"unknown of any length":     {"00130003010203", Transform{Type: Encryption, ID: 12, Foreign: true}},
		"key length and unknown":    {"800e0080 80120001", Transform{Type: Encryption, ID: 12, KeyBits: 128, Foreign: true}},
		"two key lengths":           {"800e0080 800e0100", Transform{Type: Encryption, ID: 12, KeyBits: 128, Foreign: true}},
		"key length of the old way": {"000e0002 0100", Transform{Type: Encryption, ID: 12, Foreign: true}},
	} {
		t.Run(name, func(t *testing.T) {
			attributes := octets(t, test.attributes)
			transform := append(octets(t, "000000", "00", "0100000c"), attributes...)
			transform[3] = byte(len(transform))
			proposal := append(octets(t, "000000 00 01030001"), transform...)
			proposal[3] = byte(len(proposal))
			body := append(octets(t, "000000 00"), proposal...)
			body[3] = byte(len(body))
			payloads, err := ParsePayloads(TypeSA, body)
			if err != nil {
				t.Fatal(err)
			}
			want := []Payload{SA{Proposals: []Proposal{{Number: 1, Protocol: ProtocolESP, Transforms: []Transform{test.want}}}}}
			if diff := cmp.Diff(want, payloads, same); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSAIsConsistentInItself changes each length and count of a sound SA payload;
// none may pass for another sound one.
func TestSAIsConsistentInItself(t *testing.T) {
	first, sound := MarshalPayloads(everyPayload()[:1])
	for name, at := range map[string]int{"proposal length": 7, "SPI size": 10, "transform count": 11, "transform length": 19} {
		for _, by := range []byte{1, 4, 8, 0xff} {
			b := append([]byte(nil), sound...)
			b[at] += by
			if payloads, err := ParsePayloads(first, b); err == nil {
				t.Errorf("%s changed by %d is accepted: %v", name, int8(by), payloads)
			}
		}
	}
}

func TestNonceSizes(t *testing.T) {
	for size, ok := range map[int]bool{0: false, 15: false, 16: true, 32: true, 256: true, 257: false} {
		_, b := MarshalPayloads([]Payload{Nonce(make([]byte, size))})
		if _, err := ParsePayloads(TypeNonce, b); (err == nil) != ok {
			t.Errorf("a nonce of %d octets: %v", size, err)
		}
	}
}

func TestSelectorsOfUnknownForm(t *testing.T) {
	b := octets(t, "00000020 02000000", "09000008 00000000", "072f0010 0000ffff 0a000001 0a000001")
	payloads, err := ParsePayloads(TypeTSi, b)
	if err != nil {
		t.Fatal(err)
	}
	ts := payloads[0].(TS)
	if len(ts.Selectors) != 2 || ts.Selectors[0].First.IsValid() {
		t.Fatalf("selectors %v", ts.Selectors)
	}
	host := ts.Selectors[1].First
	if ts.Selectors[0].Covers(host, 47) || !ts.Selectors[1].Covers(host, 47) {
		t.Error("a selector of unknown form covers something, or the known one does not")
	}
}
