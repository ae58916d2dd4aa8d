package cellular

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/sim"
)

// readSlots asks for the SIM slots. A modem that cannot tell has one.
func (v *visit) readSlots(ctx context.Context) error {
	slots, err := v.modem.Slots(ctx)
	if errors.Is(err, modem.ErrUnsupported) || err == nil && len(slots) == 0 {
		slots, err = []modem.Slot{{Number: defaultSlot, Active: true, Filled: true}}, nil
	}
	if err != nil {
		return fmt.Errorf("ask for the SIM slots: %w", err)
	}
	v.slots = slots
	return nil
}

// inUse is the number of the slot in use.
func (v *visit) inUse() int {
	for _, slot := range v.slots {
		if slot.Active {
			return slot.Number
		}
	}
	return defaultSlot
}

// choose has the modem use the slot that the configuration prefers, or another while
// that one does not serve, and returns when the choice may be another. It reports
// whether the slot was changed: then everything begins anew.
func (v *visit) choose(ctx context.Context, service sim.Service) (again time.Duration, changed bool, err error) {
	if len(v.slots) < 2 {
		return 0, false, nil
	}
	now := time.Now()
	if v.between == nil {
		var order []int
		for _, s := range v.cfg.sims() {
			order = append(order, s.Slot)
		}
		v.between = sim.NewSwitch(now, sim.Policy{Order: order}, v.inUse(), service)
	}
	decision := v.between.Decide(now, v.slots, service)
	if decision.Slot == v.inUse() {
		if decision.Again.IsZero() {
			return 0, false, nil
		}
		return max(time.Until(decision.Again), time.Millisecond), false, nil
	}
	v.log.Warn("another SIM is used", "slot", decision.Slot, "why", decision.Why)
	v.report(hold{phase: Card, why: decision.Why}, v)
	if err := errors.Join(v.withdraw(), v.restoreAttach(ctx)); err != nil {
		return 0, false, err
	}
	if err := v.modem.UseSlot(ctx, decision.Slot); err != nil {
		return 0, false, fmt.Errorf("use slot %d: %w", decision.Slot, err)
	}
	v.sim, v.registration, v.stale = modem.SIM{}, modem.Registration{}, everything
	return 0, true, nil
}

// service is what the SIM in use gives, told by what is waited for.
func (v *visit) service(h hold) sim.Service {
	switch h.phase {
	case Card:
		if v.sim.State == modem.SIMStarting || v.sim.State == modem.SIMReady {
			return sim.Starting
		}
		return sim.Unusable
	case Registering:
		if v.registration.State == modem.Denied && !v.attach.unsupported && v.attachSituation().Next().Hopeless {
			return sim.Refused
		}
		return sim.NoNetwork
	case Connecting:
		if v.underlays[0].choice.Hopeless {
			return sim.Refused
		}
		return sim.NoData
	case Up:
		if demoted, _ := v.underlays[0].demoted.Load(); demoted {
			return sim.Unreached
		}
		return sim.Serving
	}
	return sim.Starting
}
