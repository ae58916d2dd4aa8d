package suite

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

var sealHeader = wire.Header{SPIi: 1, SPIr: 2, Exchange: wire.Informational, Flags: wire.FlagInitiator, MessageID: 7}

// sealPadded seals a chain of payloads as a peer might that pads in its own way.
// The padding ends in its length.
func sealPadded(t testing.TB, s IKE, keys Direction, first wire.PayloadType, plain []byte) []byte {
	t.Helper()
	if isAEAD(s.Encryption) {
		b := wire.MarshalEncrypted(sealHeader, first, gcmIVLength+len(plain)+gcmICVLength)
		aead, salt := newGCM(keys.Encryption)
		nonce := binary.BigEndian.AppendUint64(salt, 99)
		return aead.Seal(append(b, nonce[saltLength:]...), nonce, plain, b)
	}
	const block = 16
	icv := icvLength(s.Integrity)
	b := wire.MarshalEncrypted(sealHeader, first, block+len(plain)+icv)
	iv := bytes.Repeat([]byte{9}, block)
	plain = bytes.Clone(plain)
	cipher.NewCBCEncrypter(newAES(keys.Encryption), iv).CryptBlocks(plain, plain)
	b = append(append(b, iv...), plain...)
	return append(b, s.mac(keys, b)[:icv]...)
}

func openBytes(t testing.TB, s IKE, keys Direction, b []byte) ([]wire.Payload, error) {
	t.Helper()
	m, err := wire.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return s.Open(m.Encrypted, keys)
}

// TestAnyPaddingIsAccepted pads one payload in every way that fits, with octets
// that mean nothing.
func TestAnyPaddingIsAccepted(t *testing.T) {
	payload := wire.Notify{Kind: wire.InitialContact}
	first, chain := wire.MarshalPayloads([]wire.Payload{payload})
	for _, word := range everyIKE {
		t.Run(word, func(t *testing.T) {
			s := ikeSuite(t, word)
			keys := s.Keys(contribution, 1, 2)
			accepted := 0
			for padding := range 256 {
				plain := append(append(bytes.Clone(chain), bytes.Repeat([]byte{0xa5}, padding)...), byte(padding))
				if !isAEAD(s.Encryption) && len(plain)%16 != 0 {
					continue
				}
				payloads, err := openBytes(t, s, keys.Initiator, sealPadded(t, s, keys.Initiator, first, plain))
				if err != nil || len(payloads) != 1 {
					t.Fatalf("%d octets of padding: %v, %v", padding, payloads, err)
				}
				accepted++
			}
			if accepted < 15 {
				t.Errorf("only %d ways of padding were tried", accepted)
			}
		})
	}
}

func TestPaddingLongerThanTheMessage(t *testing.T) {
	for _, word := range everyIKE {
		s := ikeSuite(t, word)
		keys := s.Keys(contribution, 1, 2)
		plain := bytes.Repeat([]byte{16}, 16)
		var malformed *wire.Error
		if _, err := openBytes(t, s, keys.Initiator, sealPadded(t, s, keys.Initiator, wire.NoNext, plain)); !errors.As(err, &malformed) {
			t.Errorf("%s: %v, want a *wire.Error", word, err)
		}
	}
}

func TestOurPaddingIsTheShortest(t *testing.T) {
	for _, word := range everyIKE {
		s := ikeSuite(t, word)
		keys := s.Keys(contribution, 1, 2)
		for n := range 33 {
			payloads := []wire.Payload{wire.VendorID(make([]byte, n))}
			b, err := s.Seal(sealHeader, payloads, keys.Initiator, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			const headers = 28 + 4
			want := headers + gcmIVLength + (4 + n) + 1 + gcmICVLength
			if !isAEAD(s.Encryption) {
				want = headers + 16 + (4+n)/16*16 + 16 + icvLength(s.Integrity)
			}
			if len(b) != want {
				t.Errorf("%s: a payload of %d octets becomes a message of %d, want %d", word, 4+n, len(b), want)
			}
		}
	}
}

func TestVectorsOfCBCAreFresh(t *testing.T) {
	s := ikeSuite(t, "aes256-sha256-ecp256")
	keys := s.Keys(contribution, 1, 2)
	seen := make(map[string]bool)
	for range 50 {
		b, err := s.Seal(sealHeader, nil, keys.Initiator, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(b[32:48])] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d initialization vectors in 50 messages", len(seen))
	}
}

// TestEveryOctetIsAuthentic changes each octet of a message in turn, the header
// too: nothing of it may be believed.
func TestEveryOctetIsAuthentic(t *testing.T) {
	for _, word := range everyIKE {
		s := ikeSuite(t, word)
		keys := s.Keys(contribution, 1, 2)
		b, err := s.Seal(sealHeader, []wire.Payload{wire.Delete{Protocol: wire.ProtocolIKE}}, keys.Initiator, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for at := range b {
			torn := bytes.Clone(b)
			torn[at] ^= 0x40
			m, err := wire.Parse(torn)
			if err != nil || m.Encrypted == nil {
				continue
			}
			if _, err := s.Open(m.Encrypted, keys.Initiator); err == nil {
				t.Errorf("%s: octet %d changed and nobody noticed", word, at)
			}
		}
	}
}
