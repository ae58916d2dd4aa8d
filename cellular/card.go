package cellular

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/sim"
)

// startPause is how often a SIM that starts is looked at: not every modem tells when
// it is done.
const startPause = 2 * time.Second

// card sees the SIM through its start and its PIN.
func (v *visit) card(ctx context.Context) (hold, error) {
	changed := v.stale&modem.SIMChanged != 0
	if !changed && v.locked.holds() {
		return v.locked, nil
	}
	v.locked = hold{}
	was := v.sim
	if err := v.readCard(ctx); err != nil {
		return hold{}, fmt.Errorf("ask for the SIM: %w", err)
	}
	if changed && slices.Contains([]modem.SIMState{modem.SIMLocked, modem.SIMBlocked, modem.SIMReady}, v.sim.State) {
		var err error
		if v.locked, err = v.unlock(ctx); err != nil || v.locked.holds() {
			return v.locked, err
		}
	}
	if v.sim != was {
		v.log.Info("SIM", "state", v.sim.State, "iccid", v.sim.ICCID)
		// What the other SIM had is none of this one's.
		v.stale |= everything &^ modem.SIMChanged
		if err := v.restoreAttach(ctx); err != nil {
			return hold{}, err
		}
	}
	switch v.sim.State {
	case modem.SIMReady:
		return hold{}, nil
	case modem.SIMStarting, modem.SIMLocked: // a PIN that was right takes a while
		v.stale |= modem.SIMChanged
		return hold{phase: Card, why: "the SIM starts", again: startPause}, nil
	}
	return hold{phase: Card, why: "the SIM is " + v.sim.State.String()}, nil
}

// readCard asks for the SIM if it may have changed, and for the slots, unless there is
// just one.
func (v *visit) readCard(ctx context.Context) error {
	if v.stale&modem.SIMChanged != 0 && len(v.slots) != 1 {
		if err := v.readSlots(ctx); err != nil {
			return err
		}
	}
	err := ask(ctx, v, modem.SIMChanged, &v.sim, v.modem.SIM)
	if errors.Is(err, modem.ErrNoSIM) {
		v.take(modem.SIMChanged)
		v.sim, err = modem.SIM{State: modem.SIMAbsent}, nil
	}
	return err
}

// unlock gives the SIM its PIN if it wants it and it is safe, and holds with the
// reason if it is not.
func (v *visit) unlock(ctx context.Context) (hold, error) {
	if v.records.pins == nil {
		if v.sim.State == modem.SIMLocked {
			return hold{phase: Card, why: "the SIM wants its PIN, and the box cannot read which ones it has tried: enter it by hand, or restart the box"}, nil
		}
		return hold{}, nil
	}
	configured := v.configured()
	var pin modem.PIN
	if configured.PIN != nil {
		pin = modem.PIN(configured.PIN.Reveal())
	}
	place := sim.Place{IMEI: v.identity.IMEI, Slot: configured.Slot}
	err := v.records.pins.Unlock(ctx, time.Now(), v.modem, place, pin)
	var withheld sim.Withheld
	switch {
	case errors.As(err, &withheld):
		if withheld.Again > 0 {
			v.stale |= modem.SIMChanged
		}
		return hold{phase: Card, why: withheld.Why, again: withheld.Again}, nil
	case errors.Is(err, modem.ErrWrongPIN), errors.Is(err, modem.ErrNoSIM), err == nil:
		if err != nil || v.sim.State != modem.SIMReady {
			v.stale |= modem.SIMChanged
			return hold{}, v.readCard(ctx)
		}
		return hold{}, nil
	}
	v.stale |= modem.SIMChanged
	return hold{}, err
}

// configured returns what the configuration has for the SIM in use.
func (v *visit) configured() SIM {
	slot := v.inUse()
	for _, s := range v.cfg.sims() {
		if s.Slot == slot {
			return s
		}
	}
	return SIM{Slot: slot}
}
