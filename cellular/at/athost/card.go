package athost

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/simfile"
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
	return simfile.ICCID(octets)
}

// iccidOf cuts the filling off the number of a SIM, and says whether it is one.
func iccidOf(text string) (string, bool) {
	text = strings.TrimRight(strings.TrimSpace(text), "Ff")
	return text, digits(text) && len(text) >= 18 && len(text) <= 20
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
		{fileAD, func(b []byte) { c.mncDigits = simfile.MNCDigits(b) }},
		{fileSPN, func(b []byte) { c.provider = simfile.Provider(b) }},
		{fileGID1, func(b []byte) { c.gid1 = simfile.Group(b) }},
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
