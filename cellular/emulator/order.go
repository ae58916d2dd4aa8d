package emulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// order is one line on the control socket. Which of the fields an order has, the
// methods of Client show; slots count from 0, an empty PLMN is the first network.
type order struct {
	Do       string           `json:"do"`
	On       bool             `json:"on,omitempty"`
	Slot     int              `json:"slot,omitempty"`
	Session  int              `json:"session,omitempty"`
	Count    int              `json:"count,omitempty"`
	MTU      int              `json:"mtu,omitempty"`
	Cause    uint8            `json:"cause,omitempty"`
	PLMN     string           `json:"plmn,omitempty"`
	APN      string           `json:"apn,omitempty"`
	PIN      string           `json:"pin,omitempty"`
	Names    []string         `json:"names,omitempty"`
	Families modem.Families   `json:"families,omitempty"`
	Signal   modem.Signal     `json:"signal,omitzero"`
	Spoils   []Spoil          `json:"spoils,omitempty"`
	For      virtual.Duration `json:"for,omitempty"`
	Cure     Cure             `json:"cure,omitempty"`
}

// orders are what can be ordered. They are carried out inside of the modem's Do.
var orders = map[string]func(e *Emulator, o order) error{
	"state": func(*Emulator, order) error { return nil },

	"hang":       func(e *Emulator, o order) error { e.control.hung, e.cure = o.On, 0; return nil },
	"hang-until": func(e *Emulator, o order) error { e.HangUntil(o.Cure); return nil },
	"spoil": func(e *Emulator, o order) error {
		e.control.spoils = append(e.control.spoils, o.Spoils...)
		return nil
	},
	"busy-opens": func(e *Emulator, o order) error {
		if e.mbim == nil {
			return errors.New("only MBIM has OPEN")
		}
		e.mbim.BusyOpens(o.Count)
		return nil
	},

	"draw-sim":   func(e *Emulator, o order) error { return e.drawSIM(o.Slot) },
	"insert-sim": func(e *Emulator, o order) error { return e.insertSIM(o.Slot) },
	"lock-sim":   func(e *Emulator, o order) error { return e.lockSIM(o.Slot, o.PIN, o.Count) },

	"deny": func(e *Emulator, o order) error {
		return e.Modem.Change(o.PLMN, func(n *virtual.Network) error { n.Deny = modem.RejectCause(o.Cause); return nil })
	},
	"accept-attach": func(e *Emulator, o order) error {
		return e.Modem.Change(o.PLMN, func(n *virtual.Network) error { n.Attach = o.Names; return nil })
	},
	"cover":  func(e *Emulator, o order) error { return e.Modem.Cover(o.PLMN, o.On) },
	"signal": func(e *Emulator, o order) error { return e.Modem.SetSignal(o.PLMN, o.Signal) },
	"refuse": func(e *Emulator, o order) error {
		return e.Modem.ChangeAPN(o.PLMN, o.APN, func(a *virtual.APN) { a.Refuse = modem.SessionCause(o.Cause) })
	},
	"families": func(e *Emulator, o order) error {
		return e.Modem.ChangeAPN(o.PLMN, o.APN, func(a *virtual.APN) { a.Families = o.Families })
	},

	"drop":      func(e *Emulator, o order) error { return e.Modem.Drop(o.Session, modem.SessionCause(o.Cause)) },
	"readdress": func(e *Emulator, o order) error { return e.Modem.Readdress(o.Session) },
	"mtu":       func(e *Emulator, o order) error { return e.Modem.SetMTU(o.Session, o.MTU) },
	"lose-data": func(e *Emulator, o order) error { e.Modem.LoseData(o.On); return nil },

	"radio-switch": func(e *Emulator, o order) error { e.Modem.SetHardwareRadio(o.On); return nil },
	"bounce":       func(e *Emulator, o order) error { e.Modem.Bounce(o.For); return nil },
	"move":         func(e *Emulator, o order) error { return e.move(o) },
	"hang-up":      func(e *Emulator, o order) error { e.Modem.HangUp(); return nil },
	"power":        func(e *Emulator, o order) error { e.Modem.SetPower(o.On); return nil },
	"restart":      func(e *Emulator, o order) error { e.Modem.Restart(); return nil },
}

// carryOut does what is ordered.
func (e *Emulator) carryOut(o order) error {
	do, ok := orders[o.Do]
	if !ok {
		return fmt.Errorf("there is no order %q but %s", o.Do, strings.Join(slices.Sorted(maps.Keys(orders)), ", "))
	}
	if _, cards := e.Modem.Slot(); o.Slot < 0 || o.Slot >= len(cards) {
		return fmt.Errorf("there is no slot %d", o.Slot)
	}
	return do(e, o)
}

func (e *Emulator) drawSIM(slot int) error {
	if card := e.Modem.DrawSIM(slot); card != nil {
		e.drawn[slot] = card
	}
	return nil
}

func (e *Emulator) insertSIM(slot int) error {
	card := e.drawn[slot]
	if card == nil {
		return errors.New("no SIM was drawn from this slot")
	}
	delete(e.drawn, slot)
	e.Modem.InsertSIM(slot, card)
	return nil
}

// lockSIM has a SIM ask for its PIN, of which it takes a number of wrong ones: 0 of
// them is a SIM that wants its PUK. It starts anew.
func (e *Emulator) lockSIM(slot int, pin string, attempts int) error {
	card := e.Modem.DrawSIM(slot)
	if card == nil {
		return errors.New("there is no SIM in this slot")
	}
	card.Enabled, card.PIN, card.PINAttempts = true, pin, attempts
	e.Modem.InsertSIM(slot, card)
	return nil
}

// move has the modem come back in another place, where it has other names.
func (e *Emulator) move(o order) error {
	b, ok := e.bus.(interface{ moveTo(place int) })
	if !ok {
		return errors.New("only on a bus there is another place")
	}
	b.moveTo(o.Count)
	e.Modem.Bounce(o.For)
	return nil
}
