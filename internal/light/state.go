package light

import "time"

// State is what the LED shows.
type State int

// The states, as the package's comment explains them.
const (
	Searching State = iota
	Connecting
	Up
	Trouble
	Reset
)

func (s State) String() string {
	return [...]string{"searching", "connecting", "up", "trouble", "reset"}[s]
}

// Condition is the box as far as the light is concerned.
type Condition struct {
	// Faulty means that the configuration cannot be used.
	Faulty bool
	// Uplink means that some uplink has an address.
	Uplink bool
	// Reached means that every tunnel has a hub that it is registered with.
	Reached bool
	// Reset means that letting go of the button resets the box, or has done so.
	Reset bool
}

// patience is for how long a box with an uplink may take to reach headquarters, or
// to reach them again.
const patience = 2 * time.Minute

// judge tells the state from conditions, one after the other.
type judge struct {
	// since is when headquarters could have been reached and was not, zero if it is
	// not so.
	since time.Time
}

func (j *judge) of(c Condition, now time.Time) State {
	waiting := !c.Faulty && c.Uplink && !c.Reached
	if !waiting {
		j.since = time.Time{}
	} else if j.since.IsZero() {
		j.since = now
	}
	switch {
	case c.Reset:
		return Reset
	case c.Faulty:
		return Trouble
	case !c.Uplink:
		return Searching
	case c.Reached:
		return Up
	case now.Sub(j.since) < patience:
		return Connecting
	}
	return Trouble
}
