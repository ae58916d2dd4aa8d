package simfile

import (
	"strings"
	"unicode/utf16"
)

// The ways to write text in UCS-2 instead of the alphabet of GSM (TS 102 221,
// annex A), by their first octet.
const (
	ucs2        = 0x80 // two octets a character
	ucs2Half    = 0x81 // one octet a character, a base of 15 bits in one octet
	ucs2Offset  = 0x82 // the same with a base of two octets
	replacement = '\ufffd'
)

// alphabet is the default alphabet of 3GPP TS 23.038, 6.2.1. The escape to the
// extension is a space, as that document says of whoever does not know it.
var alphabet = []rune("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")

// text reads a text with the filling behind it.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	switch {
	case b[0] == ucs2:
		return ucs2Text(b[1:])
	case b[0] == ucs2Half && len(b) > 3:
		return basedText(b[3:], int(b[1]), rune(b[2])<<7)
	case b[0] == ucs2Offset && len(b) > 4:
		return basedText(b[4:], int(b[1]), rune(b[2])<<8|rune(b[3]))
	}
	return basedText(b, len(b), 0)
}

// ucs2Text reads characters of two octets.
func ucs2Text(b []byte) string {
	var units []uint16
	for ; len(b) >= 2 && (b[0] != filling || b[1] != filling); b = b[2:] {
		units = append(units, uint16(b[0])<<8|uint16(b[1]))
	}
	return strings.TrimSpace(string(utf16.Decode(units)))
}

// basedText reads up to n characters of one octet: those of the alphabet, and
// behind base those with the high bit.
func basedText(b []byte, n int, base rune) string {
	var s strings.Builder
	for _, c := range b[:min(n, len(b))] {
		switch {
		case c < 0x80:
			s.WriteRune(alphabet[c])
		case c == filling && base == 0:
			return strings.TrimSpace(s.String())
		case base == 0:
			s.WriteRune(replacement)
		default:
			s.WriteRune(base + rune(c&0x7f))
		}
	}
	return strings.TrimSpace(s.String())
}
