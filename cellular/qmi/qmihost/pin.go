package qmihost

import (
	"context"
	"errors"
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// EnterPIN gives the SIM its PIN, once.
func (m *Modem) EnterPIN(ctx context.Context, pin modem.PIN) error {
	info := qmi.PINInfo{ID: qmi.PIN1, PIN: qmi.PIN(pin)}
	status, err := m.cardStatus(ctx)
	if errors.Is(err, modem.ErrUnsupported) {
		return pinVerdict(m.ask(ctx, answerLimit, &qmi.DMSVerifyPINRequest{PIN: info}, &qmi.DMSVerifyPINResponse{}), nil)
	}
	if err != nil {
		return err
	}
	if card, app := placeInUse(status); app >= 0 && status.Cards[card].Applications[app].UniversalPIN {
		info.ID = qmi.UniversalPIN
	}
	var got qmi.VerifyPINResponse
	err = m.ask(ctx, answerLimit, &qmi.VerifyPINRequest{Session: qmi.Session{Type: qmi.SessionPrimary}, PIN: info}, &got)
	return pinVerdict(err, got.CardResult)
}

// cardWrongPIN is a card's word (ISO 7816-4) for a wrong PIN, before an octet with
// the attempts left. cardPINBlocked says that there are none.
const cardWrongPIN = 0x63

var cardPINBlocked = qmi.CardResult{SW1: 0x69, SW2: 0x83}

// pinVerdict returns the SIM's no as modem.ErrWrongPIN. result is what the card
// said, nil where the modem does not tell.
func pinVerdict(err error, result *qmi.CardResult) error {
	no := errors.Is(err, qmi.ErrIncorrectPIN) || errors.Is(err, qmi.ErrPINBlocked) || errors.Is(err, qmi.ErrPINAlwaysBlocked)
	if err != nil && result != nil {
		no = no || result.SW1 == cardWrongPIN || *result == cardPINBlocked
	}
	if no {
		return fmt.Errorf("%w: %w", modem.ErrWrongPIN, err)
	}
	return exceptDone(err)
}
