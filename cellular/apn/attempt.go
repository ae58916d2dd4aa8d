package apn

import (
	"errors"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Attempt is a registration or a connection that a network refused, that did not
// come about, or that the network ended.
type Attempt struct {
	// APN is what was asked for; Own means that the modem's own attach APN was.
	APN modem.APN `json:"apn"`
	Own bool      `json:"own,omitempty"`
	// Network is the PLMN that was asked, as in the [Situation].
	Network string    `json:"network,omitempty"`
	At      time.Time `json:"at"`
	// Reject and Session are the causes that the network gave, 0 where it gave none.
	Reject  modem.RejectCause  `json:"reject,omitempty"`
	Session modem.SessionCause `json:"session,omitempty"`
	// Reason is what is known besides, in words.
	Reason string `json:"reason,omitempty"`
}

// Failed is the Attempt in which c came to nothing in the given network with err, of
// which a [modem.Refusal] gives its cause.
func (c Choice) Failed(network string, at time.Time, err error) Attempt {
	a := Attempt{APN: c.APN, Own: c.Own, Network: network, At: at}
	var refusal modem.Refusal
	if errors.As(err, &refusal) && refusal.Cause != 0 {
		a.Session = refusal.Cause
	} else {
		a.Reason = err.Error()
	}
	return a
}

// Rejected is the Attempt in which a network did not let the modem register with c.
func (c Choice) Rejected(at time.Time, cause modem.RejectCause) Attempt {
	return Attempt{APN: c.APN, Own: c.Own, At: at, Reject: cause}
}

// Cause says in words why the attempt came to nothing.
func (a Attempt) Cause() string {
	switch {
	case a.Session != 0:
		return a.Session.String()
	case a.Reject != 0:
		return a.Reject.String()
	case a.Reason != "":
		return a.Reason
	}
	return "no reason given"
}

// maxAttempts is how many attempts a History holds: several rounds even where a
// network has dozens of virtual operators.
const maxAttempts = 256

// History is the attempts for one use of one SIM since one last succeeded, the
// oldest first.
type History []Attempt

// With returns the history with one attempt more, less the oldest if they are too
// many.
func (h History) With(a Attempt) History {
	h = append(h, a)
	return h[max(0, len(h)-maxAttempts):]
}

// in returns the attempts in a network.
func (h History) in(network string) History {
	var part History
	for _, a := range h {
		if a.Network == network {
			part = append(part, a)
		}
	}
	return part
}
