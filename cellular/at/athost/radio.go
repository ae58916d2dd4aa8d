package athost

import (
	"context"
	"errors"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Values of +CFUN (27.007, 8.2). 0 is never used to turn the radio off: it takes the
// SIM down too, and some modems with it.
const (
	fullFunction = 1
	radioOff     = 4
)

// Radio says whether the modem may send. Of a switch of the board AT commands do
// not tell.
func (h *Host) Radio(ctx context.Context) (modem.Radio, error) {
	p, err := h.readOne(ctx, "+CFUN?", "+CFUN")
	if err != nil {
		return modem.Radio{}, err
	}
	n, ok := p.Int(0)
	return modem.Radio{Hardware: true, Software: ok && n != 0 && n != radioOff}, nil
}

// SetRadio lets the modem send or not.
func (h *Host) SetRadio(ctx context.Context, on bool) error {
	radio, err := h.Radio(ctx)
	if err != nil {
		return err
	}
	if radio.Software == on {
		return nil
	}
	function := radioOff
	if on {
		function = fullFunction
	}
	return h.tellSlowly(ctx, radioLimit, "+CFUN", at.Int(function))
}

// Restart makes the modem start again. It may be gone before it answers.
func (h *Host) Restart(ctx context.Context) error {
	err := h.tellSlowly(ctx, radioLimit, "+CFUN", at.Int(fullFunction), at.Int(1))
	if errors.Is(err, modem.ErrGone) || errors.Is(err, modem.ErrSilent) {
		return nil
	}
	h.restarted.Store(true) // if it does not leave the bus, it has forgotten all the same
	return err
}
