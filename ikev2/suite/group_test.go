package suite

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	for name, v := range map[string]struct {
		group                              GroupID
		i, publicI, r, publicR, wantShared string
	}{
		"RFC 5903 section 8.1": {
			ECP256,
			"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
			"dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
			"c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
			"d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
			"d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
		},
		"RFC 7748 section 6.1": {
			Curve25519,
			"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
			"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
			"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
			"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
		},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := NewKeyShare(v.group, bytes.NewReader(unhex(t, v.i)))
			if err != nil {
				t.Fatal(err)
			}
			r, err := NewKeyShare(v.group, bytes.NewReader(unhex(t, v.r)))
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(i.Public); got != v.publicI {
				t.Errorf("initiator's public value\n got %s\nwant %s", got, v.publicI)
			}
			if got := hex.EncodeToString(r.Public); got != v.publicR {
				t.Errorf("responder's public value\n got %s\nwant %s", got, v.publicR)
			}
			for _, side := range []struct {
				own  KeyShare
				peer []byte
			}{{i, r.Public}, {r, i.Public}} {
				shared, err := side.own.Shared(side.peer)
				if got := hex.EncodeToString(shared); err != nil || got != v.wantShared {
					t.Errorf("Shared = %s, %v\nwant %s", got, err, v.wantShared)
				}
			}
		})
	}
}

func TestBothSidesAgreeInEveryGroup(t *testing.T) {
	sizes := map[GroupID]int{MODP1536: 192, MODP2048: 256, MODP3072: 384, MODP4096: 512, ECP256: 64, ECP384: 96, ECP521: 132, Curve25519: 32}
	for g := range exchanges {
		t.Run(g.String(), func(t *testing.T) {
			i, err := NewKeyShare(g, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			r, err := NewKeyShare(g, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if len(i.Public) != sizes[g] {
				t.Errorf("public value of %d octets, want %d", len(i.Public), sizes[g])
			}
			a, errA := i.Shared(r.Public)
			b, errB := r.Shared(i.Public)
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("shared secrets differ: %v, %v", errA, errB)
			}
			public, answered, err := Answer(g, i.Public, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := i.Shared(public); err != nil || !bytes.Equal(c, answered) {
				t.Errorf("shared secrets differ from an answer's: %v", err)
			}
		})
	}
}

func TestSharedRefusesWeakValues(t *testing.T) {
	p, _ := new(big.Int).SetString(modp2048, 16)
	pad := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 256)) }
	minusOne := new(big.Int).Sub(p, big.NewInt(1))
	for name, test := range map[string]struct {
		group GroupID
		value []byte
	}{
		"zero":          {MODP2048, pad(big.NewInt(0))},
		"one":           {MODP2048, pad(big.NewInt(1))},
		"minus one":     {MODP2048, pad(minusOne)},
		"the modulus":   {MODP2048, pad(p)},
		"too short":     {MODP2048, make([]byte, 255)},
		"empty":         {MODP2048, nil},
		"off the curve": {ECP256, bytes.Repeat([]byte{1}, 64)},
		"torn point":    {ECP384, make([]byte, 95)},
		"all zero":      {Curve25519, make([]byte, 32)},
	} {
		own, err := NewKeyShare(test.group, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Shared(test.value); err == nil {
			t.Errorf("%s in group %s is accepted", name, test.group)
		}
		if _, _, err := Answer(test.group, test.value, rand.Reader); err == nil {
			t.Errorf("%s in group %s is answered", name, test.group)
		}
	}
}

// TestPrimes computes 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) pi) + c), the
// definition of RFC 3526.
func TestPrimes(t *testing.T) {
	for n, prime := range map[uint]struct {
		text string
		c    int64
	}{1536: {modp1536, 741804}, 2048: {modp2048, 124476}, 3072: {modp3072, 1690314}, 4096: {modp4096, 240904}} {
		power := func(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }
		want := new(big.Int).Sub(power(n), power(n-64))
		want.Sub(want, big.NewInt(1))
		middle := new(big.Int).Add(pi(n-130), big.NewInt(prime.c))
		want.Add(want, middle.Lsh(middle, 64))
		got, ok := new(big.Int).SetString(prime.text, 16)
		if !ok || got.Cmp(want) != 0 {
			t.Errorf("prime of %d bits is not that of RFC 3526", n)
		}
	}
}

// pi returns floor(pi * 2^bits) by Machin's formula.
func pi(bits uint) *big.Int {
	const guard = 64
	one := new(big.Int).Lsh(big.NewInt(1), bits+guard)
	arctan := func(x int64) *big.Int { // of 1/x
		term := new(big.Int).Quo(one, big.NewInt(x))
		sum := new(big.Int).Set(term)
		for k, sign := int64(3), -1; term.Sign() != 0; k, sign = k+2, -sign {
			term.Quo(term, big.NewInt(x*x))
			part := new(big.Int).Quo(term, big.NewInt(k))
			if sign < 0 {
				part.Neg(part)
			}
			sum.Add(sum, part)
		}
		return sum
	}
	sum := new(big.Int).Mul(arctan(5), big.NewInt(4))
	sum.Sub(sum, arctan(239))
	sum.Mul(sum, big.NewInt(4))
	return sum.Rsh(sum, guard)
}
