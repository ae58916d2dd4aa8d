package modem

import (
	"strings"
	"sync"
)

// Event is a set of things that changed; what they are now, the methods of Modem
// tell.
type Event uint8

// The events.
const (
	// SIMChanged: a SIM was put in, drawn, initialised, locked or unlocked.
	SIMChanged Event = 1 << iota
	// RadioChanged: the modem may send, or no longer.
	RadioChanged
	// RegistrationChanged: another network or cell serves the modem, or none.
	RegistrationChanged
	// ConnectionChanged: a connection came or went, or has another address or MTU.
	ConnectionChanged
	// SignalChanged: the network is heard better or worse.
	SignalChanged
)

// String lists the events.
func (e Event) String() string {
	var words []string
	for i, word := range []string{"SIM", "radio", "registration", "connection", "signal"} {
		if e&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ") + " changed"
}

// Bell is the sending end of a Modem's Events: it never waits for who listens, and
// merges what nobody has taken. The zero Bell is not usable, see [NewBell].
type Bell struct {
	mu     sync.Mutex
	events chan Event
	closed bool
}

// NewBell returns a Bell that has not rung.
func NewBell() *Bell { return &Bell{events: make(chan Event, 1)} }

// Events is the listener's end.
func (b *Bell) Events() <-chan Event { return b.events }

// Ring tells of e.
func (b *Bell) Ring(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	select {
	case untaken := <-b.events:
		e |= untaken
	default:
	}
	b.events <- e // there is room: nobody else sends
}

// Close closes the channel, behind what nobody has taken yet.
func (b *Bell) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.events)
	}
}
