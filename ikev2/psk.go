package ikev2

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"unicode"
)

const (
	// minPSK is the shortest pre-shared key, in octets, wantedPSKBits is what none
	// should have less of.
	minPSK        = 8
	wantedPSKBits = 128
	hexPrefix     = "0x"
)

// presharedKey returns the octets of a pre-shared key: those of its text, or
// those whose hexadecimal digits follow 0x (RFC 7296 section 2.15 wants both).
func presharedKey(text string) (string, error) {
	digits, isHex := strings.CutPrefix(text, hexPrefix)
	if !isHex {
		return text, nil
	}
	octets, err := hex.DecodeString(digits)
	if err != nil {
		return "", errors.New("begins with 0x and is not hexadecimal") // err would show a digit of it
	}
	return string(octets), nil
}

// strength returns the bits of a key if its characters were drawn at random from
// the kinds it shows. The truth is at most that.
func strength(key string) int {
	if octets, err := presharedKey(key); err == nil && octets != key {
		return 8 * len(octets)
	}
	var alphabet float64
	for _, kind := range []struct {
		size float64
		has  func(rune) bool
	}{
		{26, unicode.IsLower}, {26, unicode.IsUpper}, {10, unicode.IsDigit},
		{33, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }},
	} {
		if strings.ContainsFunc(key, kind.has) {
			alphabet += kind.size
		}
	}
	if alphabet == 0 {
		return 0
	}
	return int(float64(len(key)) * math.Log2(alphabet))
}
