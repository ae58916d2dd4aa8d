package virtual

import "slices"

// Change is a sort of thing that changed.
type Change int

// The changes.
const (
	// SIMChanged: the SIM in use came, went, started, or has another state.
	SIMChanged Change = iota
	// SlotsChanged: a SIM came to or left a slot, or another slot is in use.
	SlotsChanged
	RadioChanged
	RegistrationChanged
	SignalChanged
	// SessionChanged: a connection is up, ended, or has other addresses.
	SessionChanged
	// BusChanged: the modem came to the bus or left it. When it leaves all that its
	// protocols remember is lost.
	BusChanged
	// PowerChanged: somebody outside has switched the modem's supply.
	PowerChanged
)

// Event is one change.
type Event struct {
	Change Change
	// Session is the one of SessionChanged.
	Session *Session
}

type listener struct{ hear func(Event) }

// Listen has f called inside of Do with each event from now on, until stop is
// called.
func (m *Modem) Listen(f func(Event)) (stop func()) {
	l := &listener{f}
	m.listeners = append(m.listeners, l)
	return func() {
		m.listeners = slices.DeleteFunc(slices.Clone(m.listeners), func(o *listener) bool { return o == l })
	}
}

func (m *Modem) tell(e Event) {
	for _, l := range m.listeners {
		l.hear(e)
	}
}
