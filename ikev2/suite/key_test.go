package suite

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/ikev2/wire"
)

var everyIKE = []string{
	"aes256gcm16-prfsha384-ecp384", "aes192gcm16-prfsha1-ecp256", "aes128gcm16-prfsha512-ecp256",
	"aes256-sha512-ecp256", "aes192-sha384-ecp256", "aes128-sha256-ecp256", "aes256-sha1-ecp256",
}

func ikeSuite(t testing.TB, word string) IKE {
	t.Helper()
	o := offer(t, ParseIKE, word)
	chosen, ok := o.Choose(o.Payload(wire.ProtocolIKE, nil), wire.ProtocolIKE)
	if !ok {
		t.Fatalf("%s does not match itself", word)
	}
	return NewIKE(chosen)
}

var contribution = Contribution{
	Shared: bytes.Repeat([]byte{3}, 32), InitiatorNonce: bytes.Repeat([]byte{1}, 32), ResponderNonce: bytes.Repeat([]byte{2}, 32),
}

// TestPseudoRandomFunction uses test case 2 of RFC 4231, section 4.3.
func TestPseudoRandomFunction(t *testing.T) {
	s := ikeSuite(t, "aes256-sha256-ecp256")
	want := unhex(t, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
	if got := s.Pseudo([]byte("Jefe"), []byte("what do ya want "), []byte("for nothing?")); !bytes.Equal(got, want) {
		t.Errorf("Pseudo = %x, want %x", got, want)
	}
}

func TestStreamIsTheChainOfSection213(t *testing.T) {
	s := ikeSuite(t, "aes256-sha1-ecp256")
	key, seed := []byte("key"), []byte("seed")
	t1 := s.Pseudo(key, seed, []byte{1})
	t2 := s.Pseudo(key, t1, seed, []byte{2})
	t3 := s.Pseudo(key, t2, seed, []byte{3})
	want := append(append(append([]byte(nil), t1...), t2...), t3...)[:50]
	if got := s.stream(key, 50, seed); !bytes.Equal(got, want) {
		t.Errorf("stream = %x, want %x", got, want)
	}
}

func TestKeyLengths(t *testing.T) {
	for word, want := range map[string][4]int{ // SK_d, SK_e, SK_a, SK_p
		"aes256gcm16-prfsha384-ecp384": {48, 36, 0, 48},
		"aes128gcm16-prfsha256-ecp256": {32, 20, 0, 32},
		"aes256-sha512-ecp256":         {64, 32, 64, 64},
		"aes128-sha1-ecp256":           {20, 16, 20, 20},
	} {
		k := ikeSuite(t, word).Keys(contribution, 1, 2)
		got := [4]int{len(k.Derive), len(k.Initiator.Encryption), len(k.Responder.Integrity), len(k.AuthResponder)}
		if got != want {
			t.Errorf("%s: lengths %v, want %v", word, got, want)
		}
		if bytes.Equal(k.Initiator.Encryption, k.Responder.Encryption) {
			t.Errorf("%s: both directions have one key", word)
		}
	}
}

func TestSealOpen(t *testing.T) {
	header := wire.Header{SPIi: 1, SPIr: 2, Exchange: wire.IKEAuth, Flags: wire.FlagInitiator, MessageID: 7}
	for _, word := range everyIKE {
		t.Run(word, func(t *testing.T) {
			s := ikeSuite(t, word)
			keys := s.Keys(contribution, 1, 2)
			for n := range 40 {
				payloads := []wire.Payload{wire.Notify{Kind: wire.InitialContact, Data: make([]byte, n+1)}}
				b, err := s.Seal(header, payloads, keys.Initiator, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				m, err := wire.Parse(b)
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.Open(m.Encrypted, keys.Initiator)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(payloads, got); diff != "" {
					t.Fatalf("Open (-want +got):\n%s", diff)
				}
				if _, err := s.Open(m.Encrypted, keys.Responder); !errors.Is(err, errIntegrity) {
					t.Fatalf("the other direction's keys open it: %v", err)
				}
				for _, at := range []int{8, 19, len(b) / 2, len(b) - 1} {
					torn := bytes.Clone(b)
					torn[at] ^= 1
					if m, err := wire.Parse(torn); err == nil {
						if _, err := s.Open(m.Encrypted, keys.Initiator); err == nil {
							t.Fatalf("octet %d changed and nobody noticed", at)
						}
					}
				}
			}
		})
	}
}

func TestOpenSurvivesShortBodies(t *testing.T) {
	for _, word := range everyIKE {
		s := ikeSuite(t, word)
		keys := s.Keys(contribution, 1, 2)
		for n := range 80 {
			e := &wire.Encrypted{First: wire.TypeNotify, Body: make([]byte, n)}
			if _, err := s.Open(e, keys.Initiator); err == nil {
				t.Fatalf("%s: %d zero octets are accepted", word, n)
			}
		}
	}
}

func TestEqualHeadersAloneRepeatAnIV(t *testing.T) {
	s := ikeSuite(t, "aes256gcm16-prfsha384-ecp384")
	keys := s.Keys(contribution, 1, 2)
	seen := make(map[string]wire.Header)
	for id := range uint32(3) {
		for _, flags := range []wire.Flags{0, wire.FlagResponse} {
			h := wire.Header{MessageID: id, Flags: flags}
			b, err := s.Seal(h, nil, keys.Initiator, nil)
			if err != nil {
				t.Fatal(err)
			}
			iv := string(b[32:40])
			if other, ok := seen[iv]; ok {
				t.Errorf("%+v and %+v share an initialization vector", h, other)
			}
			seen[iv] = h
		}
	}
}

func TestChildKeys(t *testing.T) {
	ike := ikeSuite(t, "aes256-sha256-ecp256")
	for word, want := range map[string][2]int{"aes256gcm16-esn": {36, 0}, "aes128-sha1-esn": {16, 20}, "aes256-sha512-esn": {32, 64}} {
		o := offer(t, ParseESP, word)
		chosen, _ := o.Choose(o.Payload(wire.ProtocolESP, nil), wire.ProtocolESP)
		s := NewESP(chosen)
		keys := s.Keys(ike, make([]byte, 32), contribution)
		if got := [2]int{len(keys.Responder.Encryption), len(keys.Responder.Integrity)}; got != want {
			t.Errorf("%s: lengths %v, want %v", word, got, want)
		}
		if s.String() != word {
			t.Errorf("String() = %s, want %s", s, word)
		}
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	keys := ikeSuite(t, "aes256-sha256-ecp256").Keys(contribution, 1, 2)
	share, err := NewKeyShare(Curve25519, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{keys, &keys, keys.Initiator, ChildKeys{Initiator: keys.Initiator}, share} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			text := fmt.Sprintf(verb, v)
			for _, key := range [][]byte{keys.Initiator.Encryption, keys.Derive, share.Private} {
				if strings.Contains(text, fmt.Sprint(key[0], " ", key[1])) || strings.Contains(text, fmt.Sprintf("%x", key[:4])) {
					t.Errorf("%T by %s shows a key: %s", v, verb, text)
				}
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := IKE{
		Encryption: wire.Transform{Type: wire.Encryption, ID: encryptionAESGCM16, KeyBits: 256},
		PRF:        wire.Transform{Type: wire.PRF, ID: prfSHA256},
	}
	keys := s.Keys(contribution, 1, 2)
	b, err := s.Seal(wire.Header{}, []wire.Payload{wire.Notify{}}, keys.Initiator, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := wire.Parse(b); err == nil && m.Encrypted != nil {
			if _, err := s.Open(m.Encrypted, keys.Responder); err == nil {
				t.Error("a forged message is accepted")
			}
		}
	})
}
