package virtual

import (
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// restartDelay leaves the modem time for the answer to the command.
const restartDelay = Duration(20 * time.Millisecond)

// OnBus reports whether hosts see the modem.
func (m *Modem) OnBus() bool { return m.onBus }

// boot has the modem start: all that it remembers only with power is gone.
func (m *Modem) boot() {
	m.onBus = true
	m.locked = m.device.HostLock
	m.radio = modem.Radio{Hardware: m.radio.Hardware, Software: !m.locked}
	m.detached = false
	m.tell(Event{Change: BusChanged})
	m.startSIM()
}

// leave takes the modem off the bus, with all it was about to do.
func (m *Modem) leave() {
	m.cancelTasks()
	m.register, m.serving, m.attempt = modem.Registration{}, nil, nil
	m.sessions = map[int]*Session{}
	if m.onBus {
		m.onBus = false
		m.tell(Event{Change: BusChanged})
	}
}

// Restart has the modem start again soon, as by a command of the host.
func (m *Modem) Restart() {
	m.after(restartDelay, func() { m.Bounce(m.timing.Boot) })
}

// SetPower switches the modem's supply. It is the only thing that brings a modem
// back that has hung up.
func (m *Modem) SetPower(on bool) {
	if on == m.powered {
		return
	}
	m.powered, m.hungUp = on, false
	m.tell(Event{Change: PowerChanged})
	m.leave()
	if on {
		m.after(m.timing.Boot, m.boot)
	}
}

// HangUp takes the modem off the bus until its power has been off.
func (m *Modem) HangUp() {
	m.hungUp = true
	m.leave()
}

// Bounce takes the modem off the bus for d as a loose connector does: it starts
// anew when it is back.
func (m *Modem) Bounce(d Duration) {
	m.leave()
	if m.powered && !m.hungUp {
		m.after(d, m.boot)
	}
}
