package suite

import (
	"bytes"
	"testing"
)

// TestKeysOfAnIKESA uses a vector that NIST published for the key derivation of
// IKEv2 (CAVP, HMAC-SHA-1). Its 132 octets are what AES-128 with HMAC-SHA-1
// needs.
func TestKeysOfAnIKESA(t *testing.T) {
	s := ikeSuite(t, "aes128-sha1-ecp256")
	c := Contribution{
		Shared:         unhex(t, "4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52"),
		InitiatorNonce: unhex(t, "32b50d5f4a3763f3"), ResponderNonce: unhex(t, "9206a04b26564cb1"),
	}
	const spiI, spiR = 0x34c9e7c188868785, 0x3ff77d760d2b2199
	keys := s.Keys(c, spiI, spiR)
	for _, key := range []struct {
		name      string
		got       []byte
		wantOctet string
	}{
		{"SK_d", keys.Derive, "a14293677cc80ff8f9cc0eee30d895da9d8f4056"},
		{"SK_ai", keys.Initiator.Integrity, "66e30ef0dfcb63c634a46002a2a63080e514a062"},
		{"SK_ar", keys.Responder.Integrity, "768b76606f9fa5e992204fc5a670bde3f10d6b02"},
		{"SK_ei", keys.Initiator.Encryption, "7113936a5c55b648a194ae587b0088d5"},
		{"SK_er", keys.Responder.Encryption, "2204b702c979fa280870d2ed41efa9c5"},
		{"SK_pi", keys.AuthInitiator, "49fd11198af1670b143d384bd275c5f594cf266b"},
		{"SK_pr", keys.AuthResponder, "05ebadca855e4249520a441a81157435a7a56cc4"},
	} {
		if want := unhex(t, key.wantOctet); !bytes.Equal(key.got, want) {
			t.Errorf("%s = %x, want %x", key.name, key.got, want)
		}
	}

	// The same vector gives the seed of the IKE SA that replaces this one.
	c.Shared = unhex(t, "863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330")
	seed := unhex(t, "63e81194946ebd05df7df5ebf5d8750056bf1f1d")
	want := s.expand(seed, c, spiI, spiR)
	if got := s.RekeyKeys(s, keys.Derive, c, spiI, spiR); !bytes.Equal(got.Derive, want.Derive) || !bytes.Equal(got.AuthResponder, want.AuthResponder) {
		t.Errorf("rekeying gives SK_d %x, want %x", got.Derive, want.Derive)
	}
}

// TestRekeyUsesTheOldFunction rekeys to another pseudo-random function: the seed
// is still made by the old one.
func TestRekeyUsesTheOldFunction(t *testing.T) {
	old, fresh := ikeSuite(t, "aes128-sha1-ecp256"), ikeSuite(t, "aes256gcm16-prfsha384-ecp384")
	derive := bytes.Repeat([]byte{7}, 20)
	want := fresh.expand(old.Pseudo(derive, contribution.Shared, contribution.InitiatorNonce, contribution.ResponderNonce), contribution, 1, 2)
	if got := fresh.RekeyKeys(old, derive, contribution, 1, 2); !bytes.Equal(got.Derive, want.Derive) {
		t.Error("the seed is made by another function")
	}
}

// TestOrderOfChildKeys takes the keys apart by hand: what the initiator sends
// with comes first, and encryption before integrity.
func TestOrderOfChildKeys(t *testing.T) {
	ike := ikeSuite(t, "aes256-sha256-ecp256")
	derive := bytes.Repeat([]byte{7}, 32)
	for name, shared := range map[string][]byte{"without key exchange": nil, "with key exchange": contribution.Shared} {
		t.Run(name, func(t *testing.T) {
			c := contribution
			c.Shared = shared
			stream := ike.stream(derive, 2*(16+20), shared, c.InitiatorNonce, c.ResponderNonce)
			keys := ESP{Encryption: ikeSuite(t, "aes128-sha1-ecp256").Encryption, Integrity: ikeSuite(t, "aes128-sha1-ecp256").Integrity}.Keys(ike, derive, c)
			got := bytes.Join([][]byte{keys.Initiator.Encryption, keys.Initiator.Integrity, keys.Responder.Encryption, keys.Responder.Integrity}, nil)
			if !bytes.Equal(got, stream) {
				t.Errorf("keys %x, want %x", got, stream)
			}
		})
	}
}

// TestProofOfAPreSharedKey spells section 2.15 out.
func TestProofOfAPreSharedKey(t *testing.T) {
	s := ikeSuite(t, "aes256-sha256-ecp256")
	const key = "sixty-four octets are what every implementation has to accept..."
	message, nonce, authKey, identity := []byte("message 1"), []byte("nonce of the other side"), []byte("SK_p"), []byte{2, 0, 0, 0, 'h', 'u', 'b'}
	signed := bytes.Join([][]byte{message, nonce, s.Pseudo(authKey, identity)}, nil)
	want := s.Pseudo(s.Pseudo([]byte(key), []byte("Key Pad for IKEv2")), signed)
	if got := s.PSKAuth(key, message, nonce, authKey, identity); !bytes.Equal(got, want) {
		t.Errorf("PSKAuth = %x, want %x", got, want)
	}
	if got := s.PSKAuth(key+"\x00", message, nonce, authKey, identity); bytes.Equal(got, want) {
		t.Error("a final zero octet makes no difference")
	}
}
