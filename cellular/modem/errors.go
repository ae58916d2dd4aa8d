package modem

import (
	"errors"
	"fmt"
)

// What may be wrong with a modem.
var (
	// ErrGone: it has left the bus; there is nothing more to be had from it.
	ErrGone = errors.New("the modem is gone")
	// ErrSilent: it has not answered in time. The implementation has discarded the
	// question, and the next one may be answered.
	ErrSilent = errors.New("the modem does not answer")
	// ErrUnsupported: it cannot do that.
	ErrUnsupported = errors.New("the modem does not support it")
	// ErrNoSIM: there is no SIM, or it is not ready.
	ErrNoSIM = errors.New("there is no SIM that is ready")
	// ErrWrongPIN: the SIM does not take the PIN.
	ErrWrongPIN = errors.New("the SIM says that the PIN is wrong")
	// ErrNotConnected: there is no such connection.
	ErrNotConnected = errors.New("not connected")
)

// Refusal is a network's or a modem's no to a connection.
type Refusal struct {
	// Cause is the network's, 0 where it gave none.
	Cause SessionCause
	// Reason is the modem's own, in words.
	Reason string
}

// Error says who refused and why.
func (r Refusal) Error() string {
	switch {
	case r.Cause != 0:
		return fmt.Sprintf("the network refused the connection: %v", r.Cause)
	case r.Reason != "":
		return "the connection was refused: " + r.Reason
	}
	return "the connection was refused without a reason"
}
