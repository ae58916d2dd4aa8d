package athost

import (
	"context"
	"errors"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// SIM says how the SIM in the slot in use is.
func (h *Host) SIM(ctx context.Context) (modem.SIM, error) {
	state, err := h.simState(ctx)
	if err != nil {
		return modem.SIM{}, err
	}
	sim := modem.SIM{State: state, Attempts: -1}
	switch state {
	case modem.SIMAbsent, modem.SIMStarting, modem.SIMFailed:
		h.card = card{}
		return sim, nil
	}
	if sim.Attempts, err = h.attemptsLeft(ctx, state == modem.SIMBlocked); err != nil {
		return modem.SIM{}, err
	}
	if state == modem.SIMLocked && sim.Attempts == 0 {
		sim.State = modem.SIMStarting // it would be blocked: the modem has not read it yet
		return sim, nil
	}
	if sim.ICCID, err = h.iccid(ctx); fatal(err) {
		return modem.SIM{}, err
	}
	if state != modem.SIMReady {
		return sim, nil
	}
	if h.card.iccid != sim.ICCID || sim.ICCID == "" || h.card.imsi == "" {
		h.card, err = h.readCard(ctx, sim.ICCID)
		switch {
		case errors.Is(err, modem.ErrNoSIM):
			sim.State = modem.SIMStarting // ready for a PIN it may be, for questions it is not
			return sim, nil
		case err != nil:
			return modem.SIM{}, err
		}
	}
	sim.IMSI, sim.MNCDigits, sim.Provider, sim.GID1 = h.card.imsi, h.card.mncDigits, h.card.provider, h.card.gid1
	return sim, nil
}

// simStates are the answers to +CPIN? (27.007, 8.3). SIM PIN2 and SIM PUK2 guard
// nothing that a router does.
var simStates = map[string]modem.SIMState{
	"READY": modem.SIMReady, "SIM PIN2": modem.SIMReady, "SIM PUK2": modem.SIMReady,
	"SIM PIN": modem.SIMLocked, "SIM PUK": modem.SIMBlocked,
	"NOT INSERTED": modem.SIMAbsent, "SIM REMOVED": modem.SIMAbsent, "NOT READY": modem.SIMStarting, "SIM FAILURE": modem.SIMFailed,
}

func (h *Host) simState(ctx context.Context) (modem.SIMState, error) {
	p, err := h.readOne(ctx, "+CPIN?", "+CPIN")
	var code at.CME
	if errors.As(err, &code) {
		switch code {
		case at.ErrSIMNotInserted:
			return modem.SIMAbsent, nil
		case at.ErrSIMPIN:
			return modem.SIMLocked, nil
		case at.ErrSIMPUK:
			return modem.SIMBlocked, nil
		case at.ErrSIMFailure, at.ErrSIMWrong:
			return modem.SIMFailed, nil
		case at.ErrSIMBusy:
			return modem.SIMStarting, nil
		}
	}
	if err != nil {
		return 0, err
	}
	text := p.Text(0)
	if state, ok := simStates[text]; ok {
		return state, nil
	}
	if strings.HasPrefix(text, "PH-") {
		return modem.SIMNetworkLocked, nil
	}
	return modem.SIMStarting, nil
}

// attemptsLeft returns how many wrong PINs the SIM still takes, or PUKs if it is
// blocked, and -1 if the modem does not tell.
func (h *Host) attemptsLeft(ctx context.Context, blocked bool) (int, error) {
	if question := h.maker.attempts; question.command != "" {
		index := question.pin
		if blocked {
			index = question.puk
		}
		p, err := h.readOne(ctx, question.command, question.name)
		if n, ok := p.Int(index); ok {
			return n, nil
		}
		if err != nil && ctx.Err() != nil {
			return 0, err
		}
	}
	code := "SIM PIN"
	if blocked {
		code = "SIM PUK"
	}
	lines, err := h.read(ctx, "+CPINR", "+CPINR") // 27.007, 8.65
	for _, p := range lines {
		if n, ok := p.Int(1); ok && p.Text(0) == code {
			return n, nil
		}
	}
	if fatal(err) {
		return 0, err
	}
	return -1, nil
}

// EnterPIN gives the SIM its PIN. While the SIM wants anything else, or may, nothing
// is sent.
func (h *Host) EnterPIN(ctx context.Context, pin modem.PIN) error {
	if !digits(string(pin)) || len(pin) < 4 || len(pin) > 8 {
		return errors.New("a PIN has four to eight digits")
	}
	state, err := h.simState(ctx)
	if err != nil {
		return err
	}
	switch state {
	case modem.SIMLocked:
	case modem.SIMReady:
		return nil
	default:
		return modem.ErrNoSIM
	}
	before, err := h.attemptsLeft(ctx, false)
	if err != nil {
		return err
	}
	err = h.tellSlowly(ctx, cardLimit, "+CPIN", at.Text(string(pin)))
	var code at.CME
	switch {
	case errors.As(err, &code) && (code == at.ErrPassword || code == at.ErrSIMPUK || code == at.ErrSIMPIN):
		return errors.Join(modem.ErrWrongPIN, err)
	case at.Refused(err):
		return h.verdict(ctx, before, err)
	}
	return err
}

// verdict finds out what a refusal of the PIN meant that does not say so, such as
// ERROR. In doubt the PIN is taken for wrong: an attempt may be spent.
func (h *Host) verdict(ctx context.Context, before int, refusal error) error {
	state, err := h.simState(ctx)
	if err == nil && state == modem.SIMReady {
		return nil
	}
	after, err := h.attemptsLeft(ctx, false)
	if err == nil && state == modem.SIMLocked && before > 0 && after == before {
		return refusal
	}
	return errors.Join(modem.ErrWrongPIN, refusal)
}
