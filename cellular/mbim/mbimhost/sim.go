package mbimhost

import (
	"context"
	"fmt"
	"strings"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// SIM says how the SIM in use is. What the modem says of PINs counts only when it
// says that the SIM is locked, not while it starts.
func (m *Modem) SIM(ctx context.Context) (modem.SIM, error) {
	var ready mbim.SubscriberReady
	if err := m.query(ctx, mbim.CmdSubscriberReadyStatus, &ready); err != nil {
		return modem.SIM{}, err
	}
	// Some modems show the filling behind the digits.
	sim := modem.SIM{ICCID: strings.TrimRight(ready.SIMICCID, "Ff"), IMSI: ready.SubscriberID, Attempts: -1}
	switch ready.State {
	case mbim.ReadyStateInitialized, mbim.ReadyStateNotActivated:
		sim.State = modem.SIMReady
		if err := m.describe(ctx, &sim); err != nil {
			return modem.SIM{}, err
		}
	case mbim.ReadyStateSIMNotInserted, mbim.ReadyStateNoESIMProfile:
		sim.State = modem.SIMAbsent
	case mbim.ReadyStateBadSIM, mbim.ReadyStateFailure:
		sim.State = modem.SIMFailed
	case mbim.ReadyStateDeviceLocked:
		var pin mbim.PINStatus
		if err := m.query(ctx, mbim.CmdPIN, &pin); err != nil {
			return modem.SIM{}, err
		}
		sim.State, sim.Attempts = locked(pin)
	}
	return sim, nil
}

// locked returns what a locked SIM wants, and how often it may be told something
// wrong. The modem shows one PIN: what it says of PIN2, which nothing here needs,
// does not say that PIN1 is wanted.
func locked(pin mbim.PINStatus) (modem.SIMState, int) {
	attempts := -1
	if pin.RemainingAttempts != mbim.UnknownAttempts {
		attempts = int(pin.RemainingAttempts)
	}
	if pin.State != mbim.PINStateLocked {
		return modem.SIMStarting, -1
	}
	switch pin.Type {
	case mbim.PINTypePIN1:
		return modem.SIMLocked, attempts
	case mbim.PINTypePUK1:
		if attempts == 0 {
			return modem.SIMFailed, 0
		}
		return modem.SIMBlocked, attempts
	case mbim.PINTypeUnknown, mbim.PINTypePIN2, mbim.PINTypePUK2:
		return modem.SIMStarting, -1
	}
	return modem.SIMNetworkLocked, attempts
}

// EnterPIN gives the SIM its PIN, if that is what the SIM wants.
func (m *Modem) EnterPIN(ctx context.Context, pin modem.PIN) error {
	sim, err := m.SIM(ctx)
	if err != nil {
		return err
	}
	if sim.State != modem.SIMLocked {
		return fmt.Errorf("the PIN was not entered: %w: the SIM is %v", modem.ErrNoSIM, sim.State)
	}
	var answer mbim.PINStatus
	err = m.do(ctx, mbim.Set, &mbim.PINRequest{Type: mbim.PINTypePIN1, Operation: mbim.PINOperationEnter, PIN: mbim.PIN(pin)}, &answer)
	status, refused := mbim.Refused(err)
	state, _ := locked(answer)
	switch {
	case err != nil && !refused, untried[status]:
		return err
	case state == modem.SIMLocked || state == modem.SIMBlocked || state == modem.SIMFailed:
		return fmt.Errorf("%w: now it is %v", modem.ErrWrongPIN, state)
	case status == mbim.StatusFailure || status == mbim.StatusPINRequired || status == mbim.StatusInvalidParameters:
		return fmt.Errorf("%w: %w", modem.ErrWrongPIN, status) // nothing else that err may mean
	}
	return err
}

// untried are the statuses of a modem that has not given the SIM its PIN at all.
var untried = map[mbim.Status]bool{
	mbim.StatusBusy: true, mbim.StatusNotInitialized: true, mbim.StatusSIMNotInserted: true, mbim.StatusBadSIM: true,
}
