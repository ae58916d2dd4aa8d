package sim

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// powerCut is thrown where the box loses its power.
type powerCut struct{}

// model is a modem with a SIM that counts attempts, a clock, and the disk of the
// box. Every fault that a test wants happens at a point where fault is asked.
type model struct {
	right      modem.PIN
	iccid      string
	attempts   int
	unlocked   bool
	blocked    bool
	starting   bool // the modem is reading the SIM
	deliveries map[modem.PIN]int

	now time.Time
	// late is a PIN that the modem has taken and not yet given to the SIM.
	late    modem.PIN
	lateDue time.Time

	disk map[string][]byte

	// fault says whether what is named happens now.
	fault func(what string) bool
}

func newModel(right modem.PIN) *model {
	return &model{
		right: right, iccid: "8949020000000000001", attempts: 3, deliveries: make(map[modem.PIN]int),
		now: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC), disk: make(map[string][]byte),
		fault: func(string) bool { return false },
	}
}

func (m *model) cut(where string) {
	if m.fault("power cut " + where) {
		panic(powerCut{})
	}
}

// verify is the SIM's own check of a PIN.
func (m *model) verify(pin modem.PIN) bool {
	m.deliveries[pin]++
	switch {
	case m.blocked:
	case pin == m.right:
		m.attempts, m.unlocked = 3, true
		return true
	default:
		m.attempts--
		m.blocked = m.attempts == 0
	}
	return false
}

// pass lets time go by.
func (m *model) pass(d time.Duration) {
	m.now = m.now.Add(d)
	if m.late != "" && !m.now.Before(m.lateDue) {
		m.verify(m.late)
		m.late = ""
	}
}

// powerUp is what a new supply of power does to the SIM and the modem.
func (m *model) powerUp() { m.unlocked, m.late = false, "" }

func (m *model) SIM(context.Context) (modem.SIM, error) {
	if m.fault("SIM unread") {
		return modem.SIM{}, modem.ErrSilent
	}
	s := modem.SIM{State: modem.SIMLocked, ICCID: m.iccid, Attempts: m.attempts}
	switch {
	case m.starting:
		// What else it says then is wrong.
		return modem.SIM{State: modem.SIMStarting, Attempts: 3}, nil
	case m.blocked:
		s.State, s.Attempts = modem.SIMBlocked, 10
	case m.unlocked:
		s.State, s.Attempts = modem.SIMReady, -1
	}
	return s, nil
}

func (m *model) EnterPIN(_ context.Context, pin modem.PIN) error {
	m.cut("before the PIN")
	switch {
	case m.fault("PIN lost"):
		return modem.ErrSilent
	case m.fault("PIN late"):
		m.late, m.lateDue = pin, m.now.Add(settle/2)
		return modem.ErrSilent
	}
	right := m.verify(pin)
	m.cut("after the PIN")
	switch {
	case m.fault("no answer"):
		return modem.ErrSilent
	case m.fault("answers that all is well"):
		return nil
	case right:
		return nil
	case m.fault("answers something else"):
		return errors.New("SIM failure")
	}
	return modem.ErrWrongPIN
}

func (m *model) Save(name string, v any) error {
	m.cut("before the disk")
	if m.fault("disk full") {
		return errors.New("no space left on device")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	m.disk[name] = text
	m.cut("after the disk")
	return nil
}

func (m *model) Load(name string, v any) (bool, error) {
	text, ok := m.disk[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(text, v)
}

// box is a router process at the model.
type box struct {
	*model
	ledger *Ledger
}

// start starts the process, anew if there was one.
func (b *box) start() {
	ledger, err := Open(b.model)
	if err != nil {
		panic(err)
	}
	b.ledger = ledger
}

// unlock is one call of Unlock. It reports whether the power was cut, after which
// the power is back and the process runs.
func (b *box) unlock(pin modem.PIN) (cut bool, err error) {
	defer func() {
		if what := recover(); what != nil {
			if _, expected := what.(powerCut); !expected {
				panic(what)
			}
			if cut = true; !b.fault("only the process dies") {
				b.powerUp()
			}
			b.start()
		}
	}()
	return false, b.ledger.Unlock(context.Background(), b.now, b.model, Place{IMEI: "350000000000006", Slot: 1}, pin)
}
