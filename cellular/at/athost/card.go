package athost

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// card is what a router reads of a SIM.
type card struct {
	iccid, imsi    string
	mncDigits      int
	provider, gid1 string
}

// Files of a SIM (ETSI TS 102 221, 13.2; 3GPP TS 31.102, 4.2) and how much of them
// is read; 0 is all.
var (
	fileICCID = file{0x2fe2, 10}
	fileAD    = file{0x6fad, 4}
	fileSPN   = file{0x6f46, 17}
	fileGID1  = file{0x6f3e, 0}
)

type file struct{ id, length int }

// namesOfICCID are the names under which modems answer for the number of the SIM,
// whatever they were asked.
var namesOfICCID = []string{"+CCID", "+ICCID", "+QCCID", "^ICCID", "#CCID", "+CICCID"}

// iccid returns the number of the SIM.
func (h *Host) iccid(ctx context.Context) (string, error) {
	for _, line := range []string{h.maker.iccid, "+CCID"} {
		if line == "" {
			continue
		}
		text, err := h.plain(ctx, line, func(text string) bool { _, ok := iccidOf(text); return ok }, namesOfICCID...)
		if err == nil {
			iccid, _ := iccidOf(text)
			return iccid, nil
		}
		if fatal(err) {
			return "", err
		}
	}
	octets, err := h.readFile(ctx, fileICCID)
	if err != nil {
		return "", err
	}
	iccid, ok := iccidOf(swapped(octets))
	if !ok {
		return "", errors.New("the number of the SIM is none")
	}
	return iccid, nil
}

// iccidOf cuts the filling off the number of a SIM, and says whether it is one.
func iccidOf(text string) (string, bool) {
	text = strings.TrimRight(strings.TrimSpace(text), "Ff")
	return text, digits(text) && len(text) >= 18 && len(text) <= 20
}

// swapped returns digits that are stored two in an octet, the first one low.
func swapped(octets []byte) string {
	const hexadecimal = "0123456789ABCDEF"
	var s strings.Builder
	for _, o := range octets {
		s.WriteByte(hexadecimal[o&0xf])
		s.WriteByte(hexadecimal[o>>4])
	}
	return s.String()
}

// readCard reads a SIM that is ready. What it does not have, or the modem does not
// read, stays empty.
func (h *Host) readCard(ctx context.Context, iccid string) (card, error) {
	c := card{iccid: iccid}
	var err error
	if c.imsi, err = h.plain(ctx, "+CIMI", digits, "+CIMI"); err != nil {
		return card{}, err
	}
	for _, part := range []struct {
		file file
		take func([]byte)
	}{
		{fileAD, func(b []byte) {
			if len(b) > 3 && (b[3]&0xf == 2 || b[3]&0xf == 3) {
				c.mncDigits = int(b[3] & 0xf)
			}
		}},
		{fileSPN, func(b []byte) {
			if len(b) > 1 {
				c.provider = alphaText(b[1:])
			}
		}},
		{fileGID1, func(b []byte) {
			for len(b) > 0 && b[len(b)-1] == 0xff { // filling
				b = b[:len(b)-1]
			}
			c.gid1 = strings.ToUpper(hex.EncodeToString(b))
		}},
	} {
		b, err := h.readFile(ctx, part.file)
		if err == nil {
			part.take(b)
		} else if fatal(err) {
			return card{}, err
		}
	}
	return c, nil
}

// readFile reads a file by the SIM's own command (27.007, 8.18: READ BINARY).
func (h *Host) readFile(ctx context.Context, f file) ([]byte, error) {
	length := f.length
	for range 2 {
		line := fmt.Sprintf("+CRSM=176,%d,0,0,%d", f.id, length)
		lines, err := h.do(ctx, at.Request{Line: line, Limit: cardLimit})
		if err != nil {
			return nil, err
		}
		answers, err := paramsOf(lines, "+CRSM")
		if err != nil || len(answers) == 0 {
			return nil, errNothing
		}
		p := answers[0]
		sw1, _ := p.Int(0)
		sw2, _ := p.Int(1)
		switch sw1 {
		case 0x90, 0x91:
			b, err := hex.DecodeString(p.Text(2))
			if err != nil {
				return nil, errNothing
			}
			return b, nil
		case 0x6c: // sw2 is how much there is
			length = sw2
		default:
			return nil, fmt.Errorf("the SIM says %02X%02X: %w", sw1, sw2, at.ErrNotFound)
		}
	}
	return nil, errNothing
}

// gsmText are the characters of the alphabet of GSM (3GPP TS 23.038, 6.2.1) that
// are others than ASCII's.
var gsmText = map[byte]rune{
	0x00: '@', 0x01: '£', 0x02: '$', 0x03: '¥', 0x04: 'è', 0x05: 'é', 0x06: 'ù', 0x07: 'ì', 0x08: 'ò', 0x09: 'Ç', 0x0b: 'Ø',
	0x0c: 'ø', 0x0e: 'Å', 0x0f: 'å', 0x10: 'Δ', 0x11: '_', 0x12: 'Φ', 0x13: 'Γ', 0x14: 'Λ', 0x15: 'Ω', 0x16: 'Π', 0x17: 'Ψ',
	0x18: 'Σ', 0x19: 'Θ', 0x1a: 'Ξ', 0x1c: 'Æ', 0x1d: 'æ', 0x1e: 'ß', 0x1f: 'É', 0x24: '¤', 0x40: '¡', 0x5b: 'Ä', 0x5c: 'Ö',
	0x5d: 'Ñ', 0x5e: 'Ü', 0x5f: '§', 0x60: '¿', 0x7b: 'ä', 0x7c: 'ö', 0x7d: 'ñ', 0x7e: 'ü', 0x7f: 'à',
}

// alphaText reads a text of a SIM: in GSM's alphabet, or behind 0x80 in UCS-2 (ETSI
// TS 102 221, annex A). The rarer codings of UCS-2 yield nothing.
func alphaText(b []byte) string {
	var s strings.Builder
	if len(b) > 0 && b[0] == 0x80 {
		for b = b[1:]; len(b) > 1 && b[0] != 0xff; b = b[2:] {
			s.WriteRune(rune(b[0])<<8 | rune(b[1]))
		}
		return printable(s.String())
	}
	for _, c := range b {
		if c == 0xff {
			break
		}
		if c >= 0x80 {
			return ""
		}
		if r, other := gsmText[c]; other {
			s.WriteRune(r)
		} else {
			s.WriteByte(c)
		}
	}
	return printable(s.String())
}

// printable drops control characters and surrounding spaces.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}

// Slots lists the SIM slots. Of one that is not in use the modem does not tell
// whether there is a SIM in it: it may be.
func (h *Host) Slots(ctx context.Context) ([]modem.Slot, error) {
	state, err := h.simState(ctx)
	if err != nil {
		return nil, err
	}
	filled := state != modem.SIMAbsent
	var number []at.Value
	active := 1
	if h.maker.slot != "" {
		p, err := h.readOne(ctx, h.maker.slot+"?", h.maker.slot)
		if n, ok := p.Int(0); ok {
			active = n
			number, err = h.readOne(ctx, h.maker.slot+"=?", h.maker.slot)
		}
		if fatal(err) {
			return nil, err
		}
	}
	var slots []modem.Slot
	for n := 1; n <= maxSlots; n++ {
		if n == active || len(number) > 0 && number[0].Includes(n) {
			slots = append(slots, modem.Slot{Number: n, Active: n == active, Filled: filled || n != active})
		}
	}
	return slots, nil
}

// maxSlots is how many slots a modem may have.
const maxSlots = 4

// UseSlot makes the slot of the given number the one in use.
func (h *Host) UseSlot(ctx context.Context, slot int) error {
	slots, err := h.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		switch {
		case s.Number == slot && s.Active:
			return nil
		case s.Number == slot:
			return h.tellSlowly(ctx, radioLimit, h.maker.slot, at.Int(slot))
		}
	}
	return fmt.Errorf("SIM slot %d: %w", slot, modem.ErrUnsupported)
}
