package cellular

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

const (
	// everything is all that can change.
	everything = modem.SIMChanged | modem.RadioChanged | modem.RegistrationChanged | modem.ConnectionChanged | modem.SignalChanged
	// pollInterval is how often a modem is asked about all of it even if it tells of
	// nothing: indications get lost.
	pollInterval = time.Minute
	// patience is how many questions in a row may stay unanswered, and leniency how
	// many times in a row the modem may refuse what it is to do.
	patience = 3
	leniency = 8
)

// visit is one stay with a modem, from its opening until it is gone.
type visit struct {
	*Station
	device Device
	modem  modem.Modem
	// stale is what may have changed since it was asked for.
	stale modem.Event

	identity     modem.Identity
	slots        []modem.Slot
	sim          modem.SIM
	locked       hold // why the SIM has not got its PIN, until it may have changed
	registration modem.Registration
	signal       modem.Signal
	attach       attachAPN
	// selected: the modem has been told which networks to use.
	selected bool
	// silences are the questions in a row that stayed unanswered, and mishaps those
	// that the modem refused.
	silences, mishaps int
}

// hold is what a visit waits for. The zero hold waits for nothing.
type hold struct {
	phase Phase
	// why is for the operator.
	why string
	// again is when to look again although the modem tells of nothing, if it is sooner
	// than the ordinary interval; 0 is never.
	again time.Duration
}

// holds reports whether there is something to wait for.
func (h hold) holds() bool { return h.phase != 0 }

// run stays until ctx is cancelled, which leaves everything as it is, or the modem
// is gone or does not answer.
func (v *visit) run(ctx context.Context) error {
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	var waiting []chan struct{} // for a fresh status
	for {
		h, err := v.converge(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if h, err = v.weigh(h, err); err != nil {
			return err
		}
		v.report(h, v)
		for _, asker := range waiting {
			close(asker)
		}
		waiting = nil
		timer.Reset(min(cmp.Or(h.again, pollInterval), pollInterval))
		select {
		case <-ctx.Done():
			return nil
		case what, ok := <-v.modem.Events():
			if !ok {
				return modem.ErrGone
			}
			v.stale |= what
		case <-v.nudged:
		case asker := <-v.asked:
			v.stale |= modem.SignalChanged | modem.RegistrationChanged
			waiting = append(waiting, asker)
		case <-timer.C:
			v.stale = everything
		}
	}
}

// converge goes over all that a connection takes, in order, up to the first that has
// to be waited for, and over what follows from that.
func (v *visit) converge(ctx context.Context) (hold, error) {
	h, err := v.advance(ctx)
	if err != nil {
		return hold{}, err
	}
	again, changed, err := v.choose(ctx, v.service(h))
	switch {
	case err != nil:
		return hold{}, err
	case changed:
		return hold{phase: Card, why: "the other SIM starts", again: startPause}, nil
	case again > 0 && (h.again == 0 || again < h.again):
		h.again = again
	}
	return h, v.measure(ctx)
}

// advance goes over the steps, and withdraws what the network gave at the first that
// holds.
func (v *visit) advance(ctx context.Context) (hold, error) {
	for _, step := range []func(context.Context) (hold, error){v.identify, v.card, v.radio, v.register, v.serve} {
		h, err := step(ctx)
		if err != nil {
			return hold{}, err
		}
		if h.holds() {
			return h, v.withdraw()
		}
	}
	h, err := v.connect(ctx)
	if err == nil && !h.holds() {
		h.phase = Up
	}
	return h, err
}

// weigh decides what an error means: the end of the visit, or another try soon. A
// modem that goes on refusing needs the same remedies as one that does not answer.
func (v *visit) weigh(h hold, err error) (hold, error) {
	switch {
	case err == nil:
		v.silences, v.mishaps, v.rung = 0, 0, 0
		return h, nil
	case errors.Is(err, modem.ErrGone):
		return hold{}, err
	case errors.Is(err, modem.ErrSilent):
		if v.silences++; v.silences >= patience {
			return hold{}, err
		}
		v.log.Warn("modem did not answer in time", "err", err)
		return hold{phase: Recovering, why: err.Error(), again: time.Second}, nil
	}
	if v.mishaps++; v.mishaps > leniency {
		return hold{}, err
	}
	again := min(time.Second<<min(v.mishaps, 6), pollInterval)
	v.log.Warn("modem refuses", "err", err, "again", again)
	return hold{phase: Recovering, why: err.Error(), again: again}, nil
}

// take reports whether what may have changed, and notes that it is being asked for.
func (v *visit) take(what modem.Event) bool {
	changed := v.stale&what != 0
	v.stale &^= what
	return changed
}

// ask asks for what may have changed; if the answer does not come, it is asked
// again next time.
func ask[T any](ctx context.Context, v *visit, what modem.Event, answer *T, question func(context.Context) (T, error)) error {
	if !v.take(what) {
		return nil
	}
	got, err := question(ctx)
	if err != nil {
		v.stale |= what
		return err
	}
	*answer = got
	return nil
}

// identify asks what the modem is.
func (v *visit) identify(ctx context.Context) (hold, error) {
	if v.identity != (modem.Identity{}) {
		return hold{}, nil
	}
	identity, err := v.modem.Identity(ctx)
	if err != nil {
		return hold{}, fmt.Errorf("ask what the modem is: %w", err)
	}
	var names []string
	for _, u := range v.underlays {
		names = append(names, u.Name)
	}
	if err := v.device.Links(names); err != nil {
		return hold{}, fmt.Errorf("make the modem's network devices: %w", err)
	}
	v.identity = identity
	v.log.Info("modem is there", "device", v.device, "model", identity.Model, "firmware", identity.Firmware, "protocol", identity.Protocol, "milestone", "modem")
	return hold{}, nil
}

// measure asks how well the network is heard and what it has carried. A modem that
// cannot tell is as good as another.
func (v *visit) measure(ctx context.Context) error {
	if !v.take(modem.SignalChanged) {
		return nil
	}
	signal, err := v.modem.Signal(ctx)
	v.signal = signal
	if dead(err) {
		return fmt.Errorf("ask for the signal: %w", err)
	}
	for _, u := range v.underlays {
		if u.counters = nil; !u.connected {
			continue
		}
		counters, err := v.modem.Counters(ctx, u.session)
		if dead(err) {
			return fmt.Errorf("ask for the counters of %s: %w", u.Name, err)
		}
		if err == nil {
			u.counters = &counters
		}
	}
	return nil
}

// dead reports whether an error is about the modem as such.
func dead(err error) bool { return errors.Is(err, modem.ErrGone) || errors.Is(err, modem.ErrSilent) }
