// Package virtual is a cellular modem that has no radio and speaks no protocol:
// SIMs with PINs that really block, networks that really refuse, registration
// that takes its time, connections with addresses, and whatever may go wrong
// with all that. The packages beside it let hosts direct it by MBIM, QMI and AT
// commands, and put it on a bus. What it keeps and answers is what a modem would;
// time passes by the clock of package time, so that a test may run it in a bubble
// of testing/synctest.
//
// A modem does one thing at a time. All methods of [Modem] but New and Do are
// to be called inside of Do, and what they call back is called inside of it too.
package virtual

import (
	"context"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Modem is a virtual modem.
type Modem struct {
	mu  sync.Mutex
	ctx context.Context

	device   Device
	timing   Timing
	slots    []*Card // nil is an empty slot
	networks []*Network

	// What the modem remembers without power.
	slot      int // the one in use, from 0
	attachAPN modem.APN
	selection modem.Selection

	// What is so until the modem restarts.
	onBus       bool
	simStarting bool
	radio       modem.Radio
	locked      bool // until the host has made itself known
	detached    bool // the host wants no packet service
	serving     *Network
	register    modem.Registration
	attempt     *task // registration under way, or to be tried again
	sessions    map[int]*Session

	// What is outside of the modem.
	powered  bool
	hungUp   bool // until the power has been off
	dataLost bool
	carrier  func(packet []byte)

	listeners []*listener
	receivers []*receiver
	tasks     map[*task]bool
}

// New returns a modem that has just been plugged in. Its timers end with ctx.
func New(ctx context.Context, s Scenario) (*Modem, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	m := &Modem{
		ctx: ctx, device: s.Device, timing: s.Timing, attachAPN: s.AttachAPN.apn(),
		radio:   modem.Radio{Hardware: true, Software: true},
		carrier: func([]byte) {}, tasks: map[*task]bool{}, sessions: map[int]*Session{},
	}
	for _, slot := range s.Slots {
		if slot.SIM == nil {
			m.slots = append(m.slots, nil)
		} else {
			m.slots = append(m.slots, NewCard(slot.SIM))
		}
	}
	for _, n := range s.Networks {
		m.networks = append(m.networks, n.clone())
	}
	context.AfterFunc(ctx, func() { m.Do(m.cancelTasks) })
	m.Do(func() {
		m.powered = true
		m.boot()
	})
	return m, nil
}

// Do calls f with the modem standing still: nothing changes but by f.
func (m *Modem) Do(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// Device is what the modem is.
func (m *Modem) Device() Device { return m.device }

// task is something that the modem will do.
type task struct {
	timer *time.Timer
	done  bool
}

// after has the modem do f after d, unless it restarts or the task is cancelled
// before.
func (m *Modem) after(d Duration, f func()) *task {
	t := &task{}
	m.tasks[t] = true
	t.timer = time.AfterFunc(time.Duration(d), func() {
		m.Do(func() {
			if !t.done && m.ctx.Err() == nil {
				m.cancel(t)
				f()
			}
		})
	})
	return t
}

// After has f called inside of Do after d, unless the modem restarts or cancel is
// called before.
func (m *Modem) After(d time.Duration, f func()) (cancel func()) {
	t := m.after(Duration(d), f)
	return func() { m.cancel(t) }
}

// cancel makes sure that t does not happen, or not again.
func (m *Modem) cancel(t *task) {
	if t != nil {
		t.done = true
		t.timer.Stop()
		delete(m.tasks, t)
	}
}

func (m *Modem) cancelTasks() {
	for t := range m.tasks {
		m.cancel(t)
	}
}
