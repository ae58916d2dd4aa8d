package suite

import (
	"crypto/ecdh"
	"encoding/hex"
	"fmt"
	"io"

	"filippo.io/bigmod"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// GroupID is a key exchange group (IANA transform type 4).
type GroupID uint16

// The groups of RFC 3526, RFC 5903 and RFC 8031.
const (
	MODP1536   GroupID = 5
	MODP2048   GroupID = 14
	MODP3072   GroupID = 15
	MODP4096   GroupID = 16
	ECP256     GroupID = 19
	ECP384     GroupID = 20
	ECP521     GroupID = 21
	Curve25519 GroupID = 31
)

// String returns the name operators use.
func (g GroupID) String() string {
	return Name(wire.Transform{Type: wire.Group, ID: uint16(g)})
}

// exchange is the arithmetic of one group.
type exchange interface {
	generate(random io.Reader) (half, error)
	parse(private []byte) (half, error)
}

// half is a private value of a group, ready for use.
type half interface {
	private() []byte
	public() []byte
	shared(peer []byte) ([]byte, error)
}

// Exponents are twice the strength that RFC 3526 section 8 gives the group:
// longer ones cost time and add nothing.
var exchanges = map[GroupID]exchange{
	MODP1536:   newMODP(modp1536, 256),
	MODP2048:   newMODP(modp2048, 256),
	MODP3072:   newMODP(modp3072, 320),
	MODP4096:   newMODP(modp4096, 384),
	ECP256:     curve{ecdh.P256(), 32, uncompressed},
	ECP384:     curve{ecdh.P384(), 48, uncompressed},
	ECP521:     curve{ecdh.P521(), 66, uncompressed},
	Curve25519: curve{ecdh.X25519(), 32, nil},
}

// KeyShare is our half of one key exchange. It is used once.
type KeyShare struct {
	Group GroupID
	// Private must be kept as secret as the keys that come of it.
	Private []byte
	// Public is what the KE payload carries.
	Public []byte
}

// String returns nothing of the private half.
func (k KeyShare) String() string { return "key share in group " + k.Group.String() }

// GoString returns nothing of the private half.
func (k KeyShare) GoString() string { return k.String() }

// NewKeyShare returns a fresh half of an exchange in the given group.
func NewKeyShare(g GroupID, random io.Reader) (KeyShare, error) {
	own, err := g.generate(random)
	if err != nil {
		return KeyShare{}, err
	}
	return KeyShare{Group: g, Private: own.private(), Public: own.public()}, nil
}

func (g GroupID) generate(random io.Reader) (half, error) {
	e, ok := exchanges[g]
	if !ok {
		return nil, fmt.Errorf("generate key share: unknown group %d", uint16(g))
	}
	own, err := e.generate(random)
	if err != nil {
		return nil, fmt.Errorf("generate key share in group %s: %w", g, err)
	}
	return own, nil
}

// Shared returns the secret that k and the peer's public value make. It fails
// if that value is none of the group's, or one that would give the secret away.
func (k KeyShare) Shared(peer []byte) ([]byte, error) {
	own, err := exchanges[k.Group].parse(k.Private)
	if err != nil {
		return nil, fmt.Errorf("own private value in group %s: %w", k.Group, err)
	}
	return k.Group.shared(own, peer)
}

func (g GroupID) shared(own half, peer []byte) ([]byte, error) {
	secret, err := own.shared(peer)
	if err != nil {
		return nil, fmt.Errorf("peer's public value in group %s: %w", g, err)
	}
	return secret, nil
}

// Answer is the responder's whole part of an exchange: it returns a fresh public
// value and the secret that it and the peer's make. It fails as Shared does. It
// costs less than a KeyShare, which crypto/ecdh completes by the public value
// each time it is parsed.
func Answer(g GroupID, peer []byte, random io.Reader) (public, secret []byte, err error) {
	own, err := g.generate(random)
	if err != nil {
		return nil, nil, err
	}
	if secret, err = g.shared(own, peer); err != nil {
		return nil, nil, err
	}
	return own.public(), secret, nil
}

// uncompressed is what SEC 1 puts before a point and IKE does not send.
var uncompressed = []byte{4}

type curve struct {
	ecdh.Curve
	size   int
	prefix []byte
}

// generate draws until the number is a private key of the curve, so that tests
// can choose it. Each draw but one in 2^32 is.
func (c curve) generate(random io.Reader) (half, error) {
	for {
		private := make([]byte, c.size)
		if _, err := io.ReadFull(random, private); err != nil {
			return nil, err
		}
		if c.Curve == ecdh.P521() {
			private[0] &= 1
		}
		if own, err := c.parse(private); err == nil {
			return own, nil
		}
	}
}

func (c curve) parse(private []byte) (half, error) {
	key, err := c.NewPrivateKey(private)
	return curveHalf{c, key}, err
}

type curveHalf struct {
	curve
	key *ecdh.PrivateKey
}

func (h curveHalf) private() []byte { return h.key.Bytes() }

func (h curveHalf) public() []byte { return h.key.PublicKey().Bytes()[len(h.prefix):] }

func (h curveHalf) shared(peer []byte) ([]byte, error) {
	public, err := h.NewPublicKey(append(h.prefix[:len(h.prefix):len(h.prefix)], peer...))
	if err != nil {
		return nil, err
	}
	return h.key.ECDH(public)
}

type modp struct {
	modulus *bigmod.Modulus
	bits    int
}

func newMODP(prime string, bits int) modp {
	b, err := hex.DecodeString(prime)
	if err != nil {
		panic(err)
	}
	modulus, err := bigmod.NewModulus(b)
	if err != nil {
		panic(err)
	}
	return modp{modulus, bits}
}

func (m modp) generate(random io.Reader) (half, error) {
	exponent := make([]byte, m.bits/8)
	if _, err := io.ReadFull(random, exponent); err != nil {
		return nil, err
	}
	exponent[0] |= 0x80 // the full length, so that it is never tiny
	return m.parse(exponent)
}

func (m modp) parse(private []byte) (half, error) { return modpHalf{m, private}, nil }

type modpHalf struct {
	modp
	exponent []byte
}

func (h modpHalf) private() []byte { return h.exponent }

func (h modpHalf) public() []byte {
	generator, err := bigmod.NewNat().SetBytes([]byte{2}, h.modulus)
	if err != nil {
		panic(err) // 2 is below every modulus
	}
	return h.power(generator)
}

func (h modpHalf) power(base *bigmod.Nat) []byte {
	return bigmod.NewNat().Exp(base, h.exponent, h.modulus).Bytes(h.modulus)
}

func (h modpHalf) shared(peer []byte) ([]byte, error) {
	if len(peer) != h.modulus.Size() {
		return nil, fmt.Errorf("%d octets instead of %d", len(peer), h.modulus.Size())
	}
	y, err := bigmod.NewNat().SetBytes(peer, h.modulus)
	if err != nil {
		return nil, fmt.Errorf("not below the modulus")
	}
	if y.IsZero()|y.IsOne()|y.IsMinusOne(h.modulus) != 0 {
		return nil, fmt.Errorf("one of 0, 1 and -1, which give the secret away")
	}
	return h.power(y), nil
}
