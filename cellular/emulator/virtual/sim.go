package virtual

import (
	"errors"

	"github.com/farspoke/farspoke/cellular/modem"
)

// What a SIM may say to a PIN or a PUK.
var (
	ErrWrongPIN   = errors.New("the PIN or PUK is wrong")
	ErrPINBlocked = errors.New("the PIN is blocked: the PUK is needed")
	ErrPUKBlocked = errors.New("the SIM is blocked for ever")
	// ErrPINDisabled: the SIM does not ask for a PIN.
	ErrPINDisabled = errors.New("the SIM asks for no PIN")
	// ErrNoSIM: there is none, or it is not as far as that.
	ErrNoSIM = errors.New("there is no SIM that is ready for this")
)

// How many attempts a fresh card gives (3GPP TS 31.101, 9.3).
const (
	pinAttempts = 3
	pukAttempts = 10
)

// Card is a SIM card with what it remembers.
type Card struct {
	SIM
	// Enabled: it asks for its PIN. Verified: it has had it since it was reset.
	Enabled, Verified bool
}

// NewCard returns the card as s describes it.
func NewCard(s *SIM) *Card {
	c := &Card{SIM: *s, Enabled: s.PIN != ""}
	if c.PIN == "" {
		c.PIN = "0000"
	}
	if c.PUK == "" {
		c.PUK = "12345678"
	}
	if s.PINAttempts == 0 {
		c.PINAttempts = pinAttempts
	}
	if s.PUKAttempts == 0 {
		c.PUKAttempts = pukAttempts
	}
	return c
}

// State is how far the card itself is.
func (c *Card) State() modem.SIMState {
	switch {
	case c == nil:
		return modem.SIMAbsent
	case c.PUKAttempts == 0:
		return modem.SIMFailed
	case c.PINAttempts == 0:
		return modem.SIMBlocked
	case c.Enabled && !c.Verified:
		return modem.SIMLocked
	}
	return modem.SIMReady
}

// check compares a PIN, which costs an attempt if it is wrong.
func (c *Card) check(pin string) error {
	switch {
	case c.PUKAttempts == 0:
		return ErrPUKBlocked
	case c.PINAttempts == 0:
		return ErrPINBlocked
	case pin != c.PIN:
		if c.PINAttempts--; c.PINAttempts == 0 {
			c.Verified = false
			return ErrPINBlocked
		}
		return ErrWrongPIN
	}
	c.PINAttempts = pinAttempts
	return nil
}

// unblock sets a new PIN by the PUK, which costs an attempt of its own if it is
// wrong.
func (c *Card) unblock(puk, pin string) error {
	if c.PUKAttempts == 0 {
		return ErrPUKBlocked
	}
	if puk != c.PUK {
		if c.PUKAttempts--; c.PUKAttempts == 0 {
			return ErrPUKBlocked
		}
		return ErrWrongPIN
	}
	c.PIN, c.PINAttempts, c.PUKAttempts, c.Verified = pin, pinAttempts, pukAttempts, true
	return nil
}

// Slot returns which slot is in use, from 0, and the cards in all of them, nil
// where there is none.
func (m *Modem) Slot() (active int, cards []*Card) { return m.slot, m.slots }

// Card returns the card in use, nil if there is none. While it starts nothing of
// it can be read.
func (m *Modem) Card() *Card { return m.slots[m.slot] }

// SIMState says how far the SIM in use is.
func (m *Modem) SIMState() modem.SIMState {
	if m.simStarting && m.Card() != nil {
		return modem.SIMStarting
	}
	return m.Card().State()
}

// startSIM resets the card in use: it will want its PIN.
func (m *Modem) startSIM() {
	m.simStarting = true
	if c := m.Card(); c != nil {
		c.Verified = false
		m.after(m.timing.SIM, func() {
			if m.Card() == c && m.simStarting {
				m.simStarting = false
				m.simChanged()
			}
		})
	}
	m.simChanged()
}

func (m *Modem) simChanged() {
	m.tell(Event{Change: SIMChanged})
	m.reconsider()
}

// UseSlot makes another slot the one in use.
func (m *Modem) UseSlot(slot int) error {
	if slot < 0 || slot >= len(m.slots) {
		return errors.New("there is no such slot")
	}
	if slot != m.slot {
		m.slot = slot
		m.tell(Event{Change: SlotsChanged})
		m.startSIM()
	}
	return nil
}

// VerifyPIN gives the card its PIN.
func (m *Modem) VerifyPIN(pin string) error {
	return m.onCard(func(c *Card) error {
		if !c.Enabled {
			return ErrPINDisabled
		}
		if err := c.check(pin); err != nil {
			return err
		}
		c.Verified = true
		return nil
	})
}

// UnblockPIN gives a blocked card its PUK and a new PIN.
func (m *Modem) UnblockPIN(puk, pin string) error {
	return m.onCard(func(c *Card) error { return c.unblock(puk, pin) })
}

// EnablePIN has the card ask for its PIN, or no longer.
func (m *Modem) EnablePIN(on bool, pin string) error {
	return m.onCard(func(c *Card) error {
		if err := c.check(pin); err != nil {
			return err
		}
		c.Enabled, c.Verified = on, true
		return nil
	})
}

// ChangePIN gives the card another PIN.
func (m *Modem) ChangePIN(old, pin string) error {
	return m.onCard(func(c *Card) error {
		if !c.Enabled {
			return ErrPINDisabled
		}
		if err := c.check(old); err != nil {
			return err
		}
		c.PIN, c.Verified = pin, true
		return nil
	})
}

// onCard does something with the card in use, which may change its state.
func (m *Modem) onCard(f func(c *Card) error) error {
	c := m.Card()
	if c == nil || m.simStarting {
		return ErrNoSIM
	}
	before := c.State()
	err := f(c)
	if c.State() != before {
		m.simChanged()
	}
	return err
}

// DrawSIM draws the SIM out of a slot, from 0, and returns it, nil if it was empty.
func (m *Modem) DrawSIM(slot int) *Card {
	c := m.slots[slot]
	m.put(slot, nil)
	return c
}

// InsertSIM puts a card into a slot, from 0. It still knows of wrong PINs.
func (m *Modem) InsertSIM(slot int, c *Card) { m.put(slot, c) }

func (m *Modem) put(slot int, c *Card) {
	m.slots[slot] = c
	m.tell(Event{Change: SlotsChanged})
	if slot == m.slot {
		m.startSIM()
	}
}
