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
	generate(random io.Reader) (private, public []byte, err error)
	shared(private, peer []byte) ([]byte, error)
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
	e, ok := exchanges[g]
	if !ok {
		return KeyShare{}, fmt.Errorf("generate key share: unknown group %d", uint16(g))
	}
	private, public, err := e.generate(random)
	if err != nil {
		return KeyShare{}, fmt.Errorf("generate key share in group %s: %w", g, err)
	}
	return KeyShare{Group: g, Private: private, Public: public}, nil
}

// Shared returns the secret that k and the peer's public value make. It fails
// if that value is none of the group's, or one that would give the secret away.
func (k KeyShare) Shared(peer []byte) ([]byte, error) {
	shared, err := exchanges[k.Group].shared(k.Private, peer)
	if err != nil {
		return nil, fmt.Errorf("peer's public value in group %s: %w", k.Group, err)
	}
	return shared, nil
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
func (c curve) generate(random io.Reader) (private, public []byte, err error) {
	for {
		private := make([]byte, c.size)
		if _, err := io.ReadFull(random, private); err != nil {
			return nil, nil, err
		}
		if c.Curve == ecdh.P521() {
			private[0] &= 1
		}
		if key, err := c.NewPrivateKey(private); err == nil {
			return private, key.PublicKey().Bytes()[len(c.prefix):], nil
		}
	}
}

func (c curve) shared(private, peer []byte) ([]byte, error) {
	key, err := c.NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	public, err := c.NewPublicKey(append(c.prefix[:len(c.prefix):len(c.prefix)], peer...))
	if err != nil {
		return nil, err
	}
	return key.ECDH(public)
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

func (m modp) generate(random io.Reader) (private, public []byte, err error) {
	private = make([]byte, m.bits/8)
	if _, err := io.ReadFull(random, private); err != nil {
		return nil, nil, err
	}
	private[0] |= 0x80 // the full length, so that the exponent is never tiny
	generator, err := bigmod.NewNat().SetBytes([]byte{2}, m.modulus)
	if err != nil {
		return nil, nil, err
	}
	return private, bigmod.NewNat().Exp(generator, private, m.modulus).Bytes(m.modulus), nil
}

func (m modp) shared(private, peer []byte) ([]byte, error) {
	if len(peer) != m.modulus.Size() {
		return nil, fmt.Errorf("%d octets instead of %d", len(peer), m.modulus.Size())
	}
	y, err := bigmod.NewNat().SetBytes(peer, m.modulus)
	if err != nil {
		return nil, fmt.Errorf("not below the modulus")
	}
	if y.IsZero()|y.IsOne()|y.IsMinusOne(m.modulus) != 0 {
		return nil, fmt.Errorf("one of 0, 1 and -1, which give the secret away")
	}
	return bigmod.NewNat().Exp(y, private, m.modulus).Bytes(m.modulus), nil
}
