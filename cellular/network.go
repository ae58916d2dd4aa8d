package cellular

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/farspoke/farspoke/cellular/apn"
	"github.com/farspoke/farspoke/cellular/modem"
)

const (
	// attachPause is how long a modem that asked for packet service is given.
	attachPause = 5 * time.Second
	// attachPatience is how long after a change of the attach APN a refusal may still
	// be the answer to the one before.
	attachPatience = 30 * time.Second
	// deniedPatience is how long a modem at least is left alone that a network has
	// refused. Most try again by themselves, but not after every cause.
	deniedPatience = time.Hour
)

// attachAPN is the APN that a modem registers with.
type attachAPN struct {
	choice apn.Choice
	// since is when the modem was told, zero if it was not, and rejected says that a
	// network has refused it since.
	since    time.Time
	rejected bool
	// own is what the modem had by itself, and has what it has now.
	own, has modem.APN
	// unsupported: the modem has no such thing.
	unsupported bool
}

// holds reports whether the choice is in force.
func (a attachAPN) holds(c apn.Choice) bool {
	return !a.since.IsZero() && a.choice.Own == c.Own && a.choice.APN == c.APN
}

// radio lets the modem send.
func (v *visit) radio(ctx context.Context) (hold, error) {
	var radio modem.Radio
	if !v.take(modem.RadioChanged) {
		return hold{}, nil
	}
	radio, err := v.modem.Radio(ctx)
	if err == nil && radio.Hardware && !radio.Software {
		if err = v.prepareAttach(ctx); err == nil {
			err = v.modem.SetRadio(ctx, true)
		}
		if err == nil {
			radio, err = v.modem.Radio(ctx)
		}
	}
	if err != nil {
		v.stale |= modem.RadioChanged
		return hold{}, fmt.Errorf("switch the radio on: %w", err)
	}
	if radio.On() {
		return hold{}, nil
	}
	v.stale |= modem.RadioChanged
	if !radio.Hardware {
		return hold{phase: Radio, why: "the modem's radio is switched off in hardware: check the switch or the slot's W_DISABLE pin"}, nil
	}
	return hold{phase: Radio, why: "the modem's radio comes on", again: time.Second}, nil
}

// register waits until a network serves the modem. Whom the modem registers with and
// with which APN it is told before.
func (v *visit) register(ctx context.Context) (hold, error) {
	if err := errors.Join(v.selectNetwork(ctx), v.prepareAttach(ctx)); err != nil {
		return hold{}, err
	}
	was := v.registration
	if err := ask(ctx, v, modem.RegistrationChanged, &v.registration, v.modem.Registration); err != nil {
		return hold{}, fmt.Errorf("ask for the network: %w", err)
	}
	r := v.registration
	if r.State != was.State || r.PLMN != was.PLMN || r.Technology != was.Technology {
		level := slog.LevelInfo
		if was.Registered() && !r.Registered() {
			level = slog.LevelWarn
		}
		v.log.Log(ctx, level, "network", "state", r.State, "operator", r.Operator, "plmn", r.PLMN, "technology", r.Technology)
	}
	switch {
	case r.State == modem.Roaming && !v.cfg.mayRoam():
		return hold{phase: Registering, why: fmt.Sprintf("roaming in %s, which the configuration forbids (modems.%s.roaming)", operator(r), v.name)}, nil
	case r.Registered():
		v.registered()
		return hold{}, nil
	case r.State == modem.Denied:
		return v.denied(ctx, was)
	case r.State == modem.Searching:
		return hold{phase: Registering, why: "the modem searches a network"}, nil
	}
	return hold{phase: Registering, why: "no network serves the modem: check the antenna"}, nil
}

// operator names a network, by its number if it has no name.
func operator(r modem.Registration) string {
	switch {
	case r.Operator != "":
		return r.Operator
	case r.PLMN != "":
		return r.PLMN
	}
	return "an unnamed network"
}

// selectNetwork tells the modem which networks may be used. Where the configuration
// leaves that to the modem it is told so as well: it may remember what somebody has
// selected before.
func (v *visit) selectNetwork(ctx context.Context) error {
	if v.selected {
		return nil
	}
	selection := v.cfg.selection()
	err := v.modem.Select(ctx, selection)
	switch {
	case err == nil:
	case errors.Is(err, modem.ErrGone), errors.Is(err, modem.ErrSilent), ctx.Err() != nil:
		return fmt.Errorf("select networks: %w", err)
	case selection.Equal(modem.Selection{}):
		v.log.Info("modem does not say or hear which networks to use: it goes on as it was", "err", err)
	case errors.Is(err, modem.ErrUnsupported):
		v.log.Warn("modem cannot be told which networks to use: the configuration's operator and technologies have no effect", "err", err)
	default:
		return fmt.Errorf("select networks: %w", err)
	}
	v.selected = true
	return nil
}

// attachSituation is that of the attach APN.
func (v *visit) attachSituation() apn.Situation {
	s := apn.Situation{Use: apn.Attach, SIM: v.sim, History: v.histories[v.attachPurpose()], Known: v.records.apns.Known(v.sim.ICCID, apn.Attach)}
	if a := v.configured().Attach; a != nil {
		s.Configured = new(a.modem())
	}
	return s
}

func (v *visit) attachPurpose() purpose { return purpose{iccid: v.sim.ICCID, use: apn.Attach} }

// prepareAttach tells the modem which APN to register with, unless it is to decide
// that by itself.
func (v *visit) prepareAttach(ctx context.Context) error {
	if v.attach.unsupported || v.sim.State != modem.SIMReady {
		return nil
	}
	choice := v.attachSituation().Next()
	if !v.attach.since.IsZero() && (v.attach.holds(choice) || time.Until(choice.NotBefore) > 0) {
		return nil
	}
	if err := v.setAttach(ctx, choice); errors.Is(err, modem.ErrUnsupported) {
		v.attach.unsupported = true
	} else if err != nil {
		return fmt.Errorf("set the attach APN: %w", err)
	}
	return nil
}

// setAttach has the modem register with a choice. What it had by itself is kept for
// when that is the choice again.
func (v *visit) setAttach(ctx context.Context, choice apn.Choice) error {
	a := &v.attach
	if a.since.IsZero() {
		own, err := v.modem.AttachAPN(ctx)
		if err != nil {
			return err
		}
		a.own, a.has = own, own
	}
	want := choice.APN
	if choice.Own {
		want = a.own
	}
	if want != a.has {
		v.log.Info("attach APN is changed", "apn", want, "why", choice.Why)
		if err := v.modem.SetAttachAPN(ctx, want); err != nil {
			return err
		}
		a.has = want
		v.stale |= modem.RegistrationChanged
	}
	a.choice, a.since, a.rejected = choice, time.Now(), false
	return nil
}

// restoreAttach gives the modem its own attach APN back, for another SIM.
func (v *visit) restoreAttach(ctx context.Context) error {
	a := v.attach
	v.attach = attachAPN{unsupported: a.unsupported}
	if a.own == a.has {
		return nil
	}
	if err := v.modem.SetAttachAPN(ctx, a.own); err != nil {
		return fmt.Errorf("restore the modem's attach APN: %w", err)
	}
	return nil
}

// denied notes that a network has said no, and has another attach APN tried if that
// may be the reason. If there is none the modem goes on searching by itself; what has
// made it give up for good, such as a SIM that is not known yet, may have an end too.
func (v *visit) denied(ctx context.Context, was modem.Registration) (hold, error) {
	r := v.registration
	h := hold{phase: Registering, why: fmt.Sprintf("refused by %s: %v", operator(r), r.Cause)}
	if v.attach.unsupported {
		return h, nil
	}
	if !v.attach.rejected {
		if was == r && time.Since(v.attach.since) < attachPatience {
			// It may be the answer to what was before.
			h.again = attachPatience - time.Since(v.attach.since)
			return h, nil
		}
		v.log.Warn("network refuses the modem", "operator", operator(r), "cause", r.Cause)
		p := v.attachPurpose()
		v.histories[p] = v.histories[p].With(v.attach.choice.Rejected(time.Now(), r.Cause))
		v.attach.rejected = true
	}
	next := v.attachSituation().Next()
	if !v.attach.holds(next) {
		h.again = max(time.Until(next.NotBefore), time.Millisecond)
		return h, nil
	}
	if time.Until(next.NotBefore) > 0 || time.Since(v.attach.since) < deniedPatience {
		return h, nil
	}
	v.log.Info("modem is to register anew: its radio is switched off and on")
	v.attach.since, v.attach.rejected = time.Now(), false
	v.stale |= modem.RadioChanged | modem.RegistrationChanged
	h.again = time.Second
	return h, v.modem.SetRadio(ctx, false)
}

// registered notes that the attach APN has worked.
func (v *visit) registered() {
	p := v.attachPurpose()
	if v.attach.unsupported || len(v.histories[p]) == 0 {
		return
	}
	delete(v.histories, p)
	if err := v.records.apns.Remember(v.sim.ICCID, apn.Attach, v.attach.choice); err != nil {
		v.log.Warn("attach APN that works is not kept for the next start", "err", err)
	}
}

// serve asks for packet service where the modem does not by itself.
func (v *visit) serve(ctx context.Context) (hold, error) {
	if v.registration.Attached {
		return hold{}, nil
	}
	err := v.modem.Attach(ctx)
	if errors.Is(err, modem.ErrUnsupported) {
		return hold{}, nil
	}
	if err != nil {
		return hold{}, fmt.Errorf("ask for packet service: %w", err)
	}
	v.stale |= modem.RegistrationChanged
	if err := ask(ctx, v, modem.RegistrationChanged, &v.registration, v.modem.Registration); err != nil {
		return hold{}, fmt.Errorf("ask for the network: %w", err)
	}
	if v.registration.Attached {
		return hold{}, nil
	}
	v.stale |= modem.RegistrationChanged
	return hold{phase: Registering, why: fmt.Sprintf("%s has no packet service for the modem yet", operator(v.registration)), again: attachPause}, nil
}
