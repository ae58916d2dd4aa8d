package suite

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// IKE is the set of algorithms of an IKE SA. Integrity is zero with an AEAD.
type IKE struct {
	Encryption, Integrity, PRF, Group wire.Transform
}

// ESP is the set of algorithms of a child SA. Integrity is zero with an AEAD,
// Group is zero without perfect forward secrecy.
type ESP struct {
	Encryption, Integrity, Group wire.Transform
	ESN                          bool
}

// NewIKE returns the algorithms of a proposal that Accepted or Choose returned.
func NewIKE(chosen wire.Proposal) IKE {
	return IKE{
		Encryption: pick(chosen, wire.Encryption), Integrity: pick(chosen, wire.Integrity),
		PRF: pick(chosen, wire.PRF), Group: pick(chosen, wire.Group),
	}
}

// NewESP returns the algorithms of a proposal that Accepted or Choose returned.
func NewESP(chosen wire.Proposal) ESP {
	return ESP{
		Encryption: pick(chosen, wire.Encryption), Integrity: pick(chosen, wire.Integrity),
		Group: pick(chosen, wire.Group), ESN: pick(chosen, wire.ESN).ID == esnOn,
	}
}

func pick(p wire.Proposal, kind wire.TransformType) wire.Transform {
	for _, t := range p.Transforms {
		if t.Type == kind && (t.ID != 0 || kind == wire.ESN) {
			return t
		}
	}
	return wire.Transform{}
}

// String returns the algorithms as operators write them.
func (s IKE) String() string { return named(s.Encryption, s.Integrity, s.PRF, s.Group) }

// String returns the algorithms as operators write them.
func (s ESP) String() string {
	text := named(s.Encryption, s.Integrity, s.Group)
	if s.ESN {
		text += "-esn"
	}
	return text
}

func named(transforms ...wire.Transform) string {
	var p Proposal
	for _, t := range transforms {
		if t != (wire.Transform{}) {
			p = append(p, t)
		}
	}
	return p.String()
}

// Direction are the keys of one direction of an SA. For AES-GCM Encryption ends
// in the salt of 4 octets and Integrity is empty.
type Direction struct{ Encryption, Integrity []byte }

// String returns nothing of the keys.
func (d Direction) String() string { return fmt.Sprintf("keys of %d bits", 8*len(d.Encryption)) }

// GoString returns nothing of the keys.
func (d Direction) GoString() string { return d.String() }

// IKEKeys are the keys of an IKE SA (RFC 7296 section 2.14). Initiator and
// Responder are what each side sends with: SK_ei and SK_ai, SK_er and SK_ar.
type IKEKeys struct {
	Derive               []byte // SK_d
	Initiator, Responder Direction
	AuthInitiator        []byte // SK_pi
	AuthResponder        []byte // SK_pr
}

// String returns nothing of the keys.
func (k IKEKeys) String() string { return "IKE keys" }

// GoString returns nothing of the keys.
func (k IKEKeys) GoString() string { return k.String() }

// ChildKeys are the keys of a child SA, by who sends with them: the side that
// initiated the exchange that made the SA, or the other.
type ChildKeys struct{ Initiator, Responder Direction }

// Contribution is what both sides put into the keys.
type Contribution struct {
	// Shared is the secret of the key exchange, empty for a child SA without
	// perfect forward secrecy.
	Shared []byte
	// InitiatorNonce and ResponderNonce are of the exchange that makes the SA.
	InitiatorNonce, ResponderNonce []byte
}

// Keys derives the keys of an IKE SA that IKE_SA_INIT makes.
func (s IKE) Keys(c Contribution, spiI, spiR uint64) IKEKeys {
	return s.expand(s.Pseudo(join(c.InitiatorNonce, c.ResponderNonce), c.Shared), c, spiI, spiR)
}

// RekeyKeys derives the keys of an IKE SA that replaces one whose algorithms
// are old and whose SK_d is derive (RFC 7296 section 2.18).
func (s IKE) RekeyKeys(old IKE, derive []byte, c Contribution, spiI, spiR uint64) IKEKeys {
	return s.expand(old.Pseudo(derive, c.Shared, c.InitiatorNonce, c.ResponderNonce), c, spiI, spiR)
}

func (s IKE) expand(seed []byte, c Contribution, spiI, spiR uint64) IKEKeys {
	spis := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, spiI), spiR)
	prf := newHash(s.PRF)().Size()
	integrity, encryption := integrityKeyLength(s.Integrity), encryptionKeyLength(s.Encryption)
	stream := s.stream(seed, 3*prf+2*integrity+2*encryption, c.InitiatorNonce, c.ResponderNonce, spis)
	take := func(n int) []byte {
		taken := stream[:n:n]
		stream = stream[n:]
		return taken
	}
	var k IKEKeys
	k.Derive = take(prf)
	k.Initiator.Integrity, k.Responder.Integrity = take(integrity), take(integrity)
	k.Initiator.Encryption, k.Responder.Encryption = take(encryption), take(encryption)
	k.AuthInitiator, k.AuthResponder = take(prf), take(prf)
	return k
}

// Keys derives the keys of a child SA of an IKE SA with the given algorithms
// and SK_d (RFC 7296 section 2.17).
func (s ESP) Keys(ike IKE, derive []byte, c Contribution) ChildKeys {
	integrity, encryption := integrityKeyLength(s.Integrity), encryptionKeyLength(s.Encryption)
	stream := ike.stream(derive, 2*(integrity+encryption), c.Shared, c.InitiatorNonce, c.ResponderNonce)
	next := func() Direction {
		d := Direction{Encryption: stream[:encryption:encryption], Integrity: stream[encryption : encryption+integrity]}
		stream = stream[encryption+integrity:]
		return d
	}
	return ChildKeys{Initiator: next(), Responder: next()}
}

// Pseudo is the negotiated pseudo-random function, prf(key, data).
func (s IKE) Pseudo(key []byte, data ...[]byte) []byte {
	mac := hmac.New(newHash(s.PRF), key)
	for _, d := range data {
		mac.Write(d)
	}
	return mac.Sum(nil)
}

// stream is prf+ (RFC 7296 section 2.13), cut to length octets.
func (s IKE) stream(key []byte, length int, seed ...[]byte) []byte {
	var out, block []byte
	for i := byte(1); len(out) < length; i++ {
		block = s.Pseudo(key, append(append([][]byte{block}, seed...), []byte{i})...)
		out = append(out, block...)
	}
	return out[:length]
}

// PSKAuth returns the AUTH data of a side that proves knowledge of a pre-shared
// key (RFC 7296 section 2.15): message is the first it sent, nonce the peer's,
// authKey its SK_p and identity the body of its ID payload.
func (s IKE) PSKAuth(psk string, message, nonce, authKey, identity []byte) []byte {
	return s.Pseudo(s.Pseudo([]byte(psk), []byte("Key Pad for IKEv2")), message, nonce, s.Pseudo(authKey, identity))
}

// newHash returns the hash of a pseudo-random function or integrity algorithm
// that the suite holds, and so one that is in the table.
func newHash(t wire.Transform) func() hash.Hash {
	a, ok := byTransform(t)
	if !ok || a.hash == nil {
		panic("suite: " + Name(t) + " has no hash")
	}
	return a.hash
}

func integrityKeyLength(t wire.Transform) int {
	if t == (wire.Transform{}) {
		return 0
	}
	return newHash(t)().Size()
}

const saltLength = 4

func encryptionKeyLength(t wire.Transform) int {
	n := int(t.KeyBits) / 8
	if isAEAD(t) {
		n += saltLength
	}
	return n
}

func join(a, b []byte) []byte { return append(a[:len(a):len(a)], b...) }
