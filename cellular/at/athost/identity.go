package athost

import (
	"context"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Identity says what the modem is.
func (h *Host) Identity(context.Context) (modem.Identity, error) { return h.identity, nil }

// identify finds out what the modem is and which maker's ways it has.
func (h *Host) identify(ctx context.Context) error {
	h.identity = modem.Identity{Protocol: "AT", Sessions: 1}
	for _, question := range []struct {
		line   string
		fits   func(string) bool
		answer *string
	}{
		{"+CGMI", some, &h.identity.Manufacturer}, {"+CGMM", some, &h.identity.Model},
		{"+CGMR", some, &h.identity.Firmware}, {"+CGSN", digits, &h.identity.IMEI},
	} {
		text, err := h.plain(ctx, question.line, question.fits)
		if fatal(err) {
			return err
		}
		*question.answer = strings.TrimPrefix(text, "Revision: ")
	}
	h.maker = makerOf(h.identity.Manufacturer)
	if h.identity.Manufacturer == "" {
		lines, err := h.ask(ctx, "I")
		if fatal(err) {
			return err
		}
		h.maker = makerOf(strings.Join(lines, " "))
		if len(lines) > 0 {
			h.identity.Manufacturer = strings.TrimPrefix(lines[0], "Manufacturer: ")
		}
	}
	return nil
}

func some(s string) bool { return s != "" }

// digits reports whether s is digits alone, and some.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
