package qmihost

import (
	"errors"
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// known adds to err which of the errors common to all modems it is, if it is one.
func known(err error) error {
	code, _ := qmi.Refused(err)
	switch code {
	case qmi.ErrInvalidCommand, qmi.ErrNotSupported, qmi.ErrDeviceUnsupported, qmi.ErrInvalidServiceType:
		return fmt.Errorf("%w: %w", modem.ErrUnsupported, err)
	case qmi.ErrNoSIM, qmi.ErrUIMUninitialised, qmi.ErrPINRestriction, qmi.ErrPUKRestriction:
		return fmt.Errorf("%w: %w", modem.ErrNoSIM, err)
	}
	return err
}

// saidNo reports whether err is an answer: the modem has heard the question, but
// does not do it.
func saidNo(err error) bool {
	_, refused := qmi.Refused(err)
	return refused || errors.Is(err, modem.ErrUnsupported)
}

// exceptNo is err unless the modem said no, for what it need not do.
func exceptNo(err error) error {
	if saidNo(err) {
		return nil
	}
	return err
}

// exceptDone is err unless it says that there was nothing to do.
func exceptDone(err error) error {
	if code, refused := qmi.Refused(err); refused && code == qmi.ErrNoEffect {
		return nil
	}
	return err
}
