package sim

import (
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// reserve is how many attempts a SIM must have for one of them to be used: one is
// left for a person.
const reserve = 2

// settle is how long a SIM's count of attempts is watched after a result that did
// not come. No modem takes as long for a PIN.
const settle = 2 * time.Minute

// past is what became of an earlier attempt.
type past uint8

const (
	// never: there was none.
	never past = iota
	// failed: the SIM said no, or counted one attempt less afterwards.
	failed
	// doubtful: it is not known yet.
	doubtful
	// unspent: the SIM has counted no attempt, so it never got the PIN, or it was
	// right.
	unspent
)

// Withheld is why a SIM was not given its PIN.
type Withheld struct {
	// Why is a sentence for the operator of the box.
	Why string
	// Again is when to ask anew; 0 means when something has changed.
	Again time.Duration
}

// Error says why.
func (w Withheld) Error() string { return w.Why }

// withhold says why a SIM that is not ready is not given the PIN, nil if it may be.
func withhold(sim modem.SIM, pin modem.PIN, past past) error {
	no := func(format string, args ...any) error { return Withheld{Why: fmt.Sprintf(format, args...)} }
	switch sim.State {
	case modem.SIMLocked:
	case modem.SIMAbsent:
		return modem.ErrNoSIM
	case modem.SIMStarting:
		return no("the modem has not read the SIM yet")
	case modem.SIMBlocked:
		return no("the SIM is blocked and wants its PUK, which is never sent from here: put the SIM into a phone and enter the PUK there, or ask the operator for another SIM")
	case modem.SIMNetworkLocked:
		return no("the modem takes the SIMs of another operator alone: have it unlocked, or use such a SIM")
	default:
		return no("the SIM does not work, or is blocked for good: replace it")
	}
	switch {
	case pin == "":
		return no("the SIM wants its PIN and none is configured")
	case !wellFormed(pin):
		return no("the configured PIN is not sent, as a PIN has four to eight digits")
	case past == failed:
		return no("the configured PIN is not sent, as this SIM has refused it (%s left): configure the right one", attempts(sim.Attempts))
	case sim.Attempts < 0:
		return no("the configured PIN is not sent, as the modem does not say how many attempts the SIM has left: switch the PIN off in a phone")
	case sim.Attempts < reserve:
		return no("the configured PIN is not sent, as the SIM has %s left, which is kept for a person: enter the right PIN in a phone", attempts(sim.Attempts))
	case past == doubtful:
		return Withheld{Why: "the configured PIN is not sent yet, as it is not known what became of the last attempt: the SIM's count is watched", Again: settle}
	}
	return nil
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

func wellFormed(pin modem.PIN) bool {
	if len(pin) < 4 || len(pin) > 8 {
		return false
	}
	for _, digit := range []byte(pin) {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	return true
}
