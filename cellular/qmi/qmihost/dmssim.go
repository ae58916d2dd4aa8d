package qmihost

import (
	"context"
	"errors"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// dmsSIM says how the SIM is on a modem whose UIM does not tell. How many digits its MNC
// has, and its operator's name, such a modem does not tell.
func (m *Modem) dmsSIM(ctx context.Context) (modem.SIM, error) {
	var pins qmi.DMSGetPINStatusResponse
	err := m.ask(ctx, answerLimit, &qmi.DMSGetPINStatusRequest{}, &pins)
	sim := modem.SIM{State: modem.SIMStarting, Attempts: -1}
	switch {
	case errors.Is(err, qmi.ErrNoSIM):
		sim.State = modem.SIMAbsent
		return sim, nil
	case err != nil || pins.PIN1 == nil:
		return sim, exceptNo(err)
	}
	sim.State, sim.Attempts = dmsState(pins.PIN1.State), int(pins.PIN1.Retries)
	if sim.State == modem.SIMBlocked {
		sim.Attempts = int(pins.PIN1.UnblockRetries)
	}
	var iccid qmi.DMSGetICCIDResponse
	if err := exceptNo(m.ask(ctx, answerLimit, &qmi.DMSGetICCIDRequest{}, &iccid)); err != nil {
		return modem.SIM{}, err
	}
	sim.ICCID = strings.TrimRight(iccid.ICCID, "fF")
	if sim.State != modem.SIMReady {
		return sim, nil
	}
	var imsi qmi.DMSGetIMSIResponse
	if err := exceptNo(m.ask(ctx, answerLimit, &qmi.DMSGetIMSIRequest{}, &imsi)); err != nil {
		return modem.SIM{}, err
	}
	sim.IMSI = imsi.IMSI
	return sim, nil
}

// dmsState returns how far a SIM is by the state of its PIN.
func dmsState(pin qmi.PINState) modem.SIMState {
	switch pin {
	case qmi.PINEnabledNotVerified:
		return modem.SIMLocked
	case qmi.PINBlocked:
		return modem.SIMBlocked
	case qmi.PINBlockedForGood:
		return modem.SIMFailed
	case qmi.PINNotInitialised:
		return modem.SIMStarting
	}
	return modem.SIMReady
}
