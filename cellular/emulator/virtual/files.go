package virtual

import (
	"bytes"
	"encoding/hex"
)

// The files of a card (ETSI TS 102 221, 3GPP TS 31.102).
const (
	FileICCID = 0x2fe2
	FileIMSI  = 0x6f07
	FileGID1  = 0x6f3e
	FileSPN   = 0x6f46
	FileAD    = 0x6fad
)

// File reads a file of the card. Only the ICCID can be read before the PIN.
func (c *Card) File(id uint16) (content []byte, exists bool) {
	switch id {
	case FileICCID:
		return swapped(c.ICCID, 10), true
	case FileIMSI:
		parity := "1"
		if len(c.IMSI)%2 != 0 {
			parity = "9"
		}
		digits := swapped(parity+c.IMSI, 8)
		return append([]byte{byte(len(c.IMSI)/2 + 1)}, digits...), true
	case FileAD:
		return []byte{0, 0, 0, byte(c.MNCDigits)}, true
	case FileSPN:
		const nameLen = 16
		name := append([]byte(c.Provider), bytes.Repeat([]byte{0xff}, nameLen)...)
		return append([]byte{0}, name[:nameLen]...), c.Provider != ""
	case FileGID1:
		group, err := hex.DecodeString(c.GID1)
		return group, err == nil && c.GID1 != ""
	}
	return nil, false
}

// swapped is decimal digits in n octets, the first of two low, filled with ones.
func swapped(digits string, n int) []byte {
	b := bytes.Repeat([]byte{0xff}, n)
	for i := range min(len(digits), 2*n) {
		shift := i % 2 * 4
		b[i/2] = b[i/2]&^(0xf<<shift) | (digits[i]-'0')<<shift
	}
	return b
}
