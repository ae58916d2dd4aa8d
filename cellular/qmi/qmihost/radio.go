package qmihost

import (
	"context"
	"errors"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Radio says whether the modem may send.
func (m *Modem) Radio(ctx context.Context) (modem.Radio, error) {
	var mode qmi.GetOperatingModeResponse
	if err := m.ask(ctx, answerLimit, &qmi.GetOperatingModeRequest{}, &mode); err != nil {
		return modem.Radio{}, err
	}
	return modem.Radio{
		Hardware: mode.HardwareRestricted == nil || !*mode.HardwareRestricted,
		Software: mode.Mode == qmi.ModeOnline,
	}, nil
}

// SetRadio lets the modem send or not. A modem that refuses may be one that its
// maker has tied to a make of host; it is asked once more when that is undone.
func (m *Modem) SetRadio(ctx context.Context, on bool) error {
	mode := qmi.ModeLowPower
	if on {
		mode = qmi.ModeOnline
	}
	err := m.setMode(ctx, mode)
	if !on || m.authenticated || !errors.Is(err, qmi.ErrInvalidTransition) {
		return err
	}
	m.authenticated = true
	switch no := m.ask(ctx, answerLimit, &qmi.AuthenticateRequest{}, &qmi.AuthenticateResponse{}); {
	case saidNo(no):
		return err
	case no != nil:
		return no
	}
	return m.setMode(ctx, mode)
}

func (m *Modem) setMode(ctx context.Context, mode qmi.OperatingMode) error {
	return exceptDone(m.ask(ctx, modeLimit, &qmi.SetOperatingModeRequest{Mode: mode}, &qmi.SetOperatingModeResponse{}))
}

// Restart makes the modem start again.
func (m *Modem) Restart(ctx context.Context) error {
	// Only an offline modem takes the command. Some are never offline, and take it
	// all the same.
	if err := exceptNo(m.setMode(ctx, qmi.ModeOffline)); err != nil {
		return err
	}
	if err := m.setMode(ctx, qmi.ModeResetting); !errors.Is(err, modem.ErrGone) {
		return err
	}
	return nil // so quick that there was no time for an answer
}
