package mbimside

import (
	"errors"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

func (s *Side) subscriber() *mbim.SubscriberReady {
	card := s.modem.Card()
	switch s.modem.SIMState() {
	case modem.SIMReady:
		return &mbim.SubscriberReady{State: mbim.ReadyStateInitialized, SubscriberID: card.IMSI, SIMICCID: card.ICCID}
	case modem.SIMLocked, modem.SIMBlocked:
		return &mbim.SubscriberReady{State: mbim.ReadyStateDeviceLocked, SIMICCID: card.ICCID}
	case modem.SIMAbsent:
		return &mbim.SubscriberReady{State: mbim.ReadyStateSIMNotInserted}
	case modem.SIMFailed:
		return &mbim.SubscriberReady{State: mbim.ReadyStateBadSIM}
	}
	return &mbim.SubscriberReady{State: mbim.ReadyStateNotInitialized}
}

// simStatus is why something that needs the SIM cannot be done.
func (s *Side) simStatus() mbim.Status {
	switch s.modem.SIMState() {
	case modem.SIMReady:
		return mbim.StatusOK
	case modem.SIMAbsent:
		return mbim.StatusSIMNotInserted
	case modem.SIMLocked, modem.SIMBlocked:
		return mbim.StatusPINRequired
	case modem.SIMFailed:
		return mbim.StatusBadSIM
	}
	return mbim.StatusNotInitialized
}

func (s *Side) pin(request mbim.Body) *reply {
	card := s.modem.Card()
	if card == nil {
		return no(mbim.StatusSIMNotInserted)
	}
	r, set := request.(*mbim.PINRequest)
	if !set {
		return ok(s.pinStatus())
	}
	if s.modem.SIMState() == modem.SIMStarting {
		return no(mbim.StatusBusy)
	}
	err := s.enterPIN(r)
	switch {
	case err == nil:
		return ok(&mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateUnlocked, RemainingAttempts: uint32(card.PINAttempts)})
	case errors.Is(err, errNotSupported):
		return no(mbim.StatusNoDeviceSupport)
	case errors.Is(err, errMalformedPIN):
		return no(mbim.StatusInvalidParameters)
	case errors.Is(err, virtual.ErrPINDisabled):
		return no(mbim.StatusPINDisabled)
	case errors.Is(err, virtual.ErrPUKBlocked):
		return no(mbim.StatusBadSIM)
	}
	return &reply{mbim.StatusFailure, s.attemptsLeft(card)}
}

var (
	errNotSupported = errors.New("the modem has no such PIN or operation")
	errMalformedPIN = errors.New("a PIN is four to eight digits")
)

// enterPIN does what the host wants with a PIN.
func (s *Side) enterPIN(r *mbim.PINRequest) error {
	pin, other := string(r.PIN), string(r.New)
	if !wellFormed(pin) || other != "" && !wellFormed(other) {
		return errMalformedPIN
	}
	switch {
	case r.Type == mbim.PINTypePUK1 && r.Operation == mbim.PINOperationEnter:
		if other == "" {
			return errMalformedPIN
		}
		return s.modem.UnblockPIN(pin, other)
	case r.Type != mbim.PINTypePIN1:
		return errNotSupported
	case r.Operation == mbim.PINOperationEnter:
		return s.modem.VerifyPIN(pin)
	case r.Operation == mbim.PINOperationEnable || r.Operation == mbim.PINOperationDisable:
		return s.modem.EnablePIN(r.Operation == mbim.PINOperationEnable, pin)
	case r.Operation == mbim.PINOperationChange && other != "":
		return s.modem.ChangePIN(pin, other)
	}
	return errNotSupported
}

func wellFormed(pin string) bool {
	for _, digit := range pin {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	return len(pin) >= 4 && len(pin) <= 8
}

// attemptsLeft is what a modem says of a wrong PIN or PUK.
func (s *Side) attemptsLeft(card *virtual.Card) *mbim.PINStatus {
	if card.PINAttempts == 0 {
		return &mbim.PINStatus{Type: mbim.PINTypePUK1, State: mbim.PINStateLocked, RemainingAttempts: uint32(card.PUKAttempts)}
	}
	return &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: uint32(card.PINAttempts)}
}

// pinStatus is the one PIN that the modem shows. While the SIM starts it is PIN1,
// locked, which means nothing; and when nothing is asked for it is PIN2.
func (s *Side) pinStatus() *mbim.PINStatus {
	const pin2Attempts = 3
	switch s.modem.SIMState() {
	case modem.SIMReady:
		return &mbim.PINStatus{Type: mbim.PINTypePIN2, State: mbim.PINStateLocked, RemainingAttempts: pin2Attempts}
	case modem.SIMStarting:
		return &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 0}
	}
	return s.attemptsLeft(s.modem.Card())
}

func (s *Side) pinList() *reply {
	card := s.modem.Card()
	if card == nil || s.modem.SIMState() == modem.SIMStarting {
		return no(s.simStatus())
	}
	list := &mbim.PINList{
		PIN1: mbim.PINDescription{Mode: mbim.PINModeDisabled, Format: mbim.PINFormatNumeric, MinLength: 4, MaxLength: 8},
		PIN2: mbim.PINDescription{Mode: mbim.PINModeEnabled, Format: mbim.PINFormatNumeric, MinLength: 4, MaxLength: 8},
	}
	if card.Enabled {
		list.PIN1.Mode = mbim.PINModeEnabled
	}
	return ok(list)
}
