package cellular

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/apn"
	"github.com/farspoke/farspoke/cellular/modem"
)

// steady is how long a connection must last to be counted as one that works.
const steady = time.Minute

// connect sees to it that every connection is there, and returns the first hold of
// those that are not.
func (v *visit) connect(ctx context.Context) (hold, error) {
	changed := v.take(modem.ConnectionChanged)
	var first hold
	for _, u := range v.underlays {
		h, err := v.connectOne(ctx, u, changed)
		if err != nil {
			v.stale |= modem.ConnectionChanged
			return hold{}, err
		}
		if h.holds() && (!first.holds() || h.again < first.again) {
			first = h
		}
	}
	return first, nil
}

// connectOne sees to one connection. changed says that the modem has to be asked
// whether it is as it was.
func (v *visit) connectOne(ctx context.Context, u *Underlay, changed bool) (hold, error) {
	if u.solicitor.failed() {
		return v.abandon(ctx, u)
	}
	if u.connected {
		stalled, err := u.stalled(time.Now())
		if err != nil {
			return hold{}, err
		}
		if stalled {
			return v.revive(ctx, u)
		}
	}
	if u.connected && !changed && u.placed == u.metric() && !u.news() {
		return u.hold(), nil
	}
	c, err := v.modem.Connection(ctx, u.session)
	if err == nil {
		err := u.offer(c)
		return u.hold(), err
	}
	if !errors.Is(err, modem.ErrNotConnected) {
		return hold{}, fmt.Errorf("ask for the connection of %s: %w", u.Name, err)
	}
	if h, err := v.lost(ctx, u, err); err != nil || h.holds() {
		return h, err
	}
	choice := v.situation(u).Next()
	u.choice = choice
	if wait := time.Until(choice.NotBefore); wait > 0 {
		return hold{phase: Connecting, why: choice.Why, again: wait}, nil
	}
	v.report(hold{phase: Connecting, why: "asks for " + choice.Why}, v)
	err = v.modem.Connect(ctx, u.session, choice.APN)
	if ctx.Err() != nil {
		return hold{}, ctx.Err()
	}
	if err != nil {
		return v.refused(ctx, u, choice, err)
	}
	u.since = time.Now()
	if c, err = v.modem.Connection(ctx, u.session); err != nil {
		return hold{}, fmt.Errorf("ask for the connection of %s: %w", u.Name, err)
	}
	v.log.Info("connected", "interface", u.Name, "apn", choice.APN, "why", choice.Why, "address", c.Address4, "address6", c.Address6, "mtu", c.MTU, "milestone", "online")
	if u.PDN == "" {
		if err := v.records.apns.Remember(v.sim.ICCID, apn.Data, choice); err != nil {
			v.log.Warn("APN that works is not kept for the next start", "err", err)
		}
	}
	err = u.offer(c)
	return u.hold(), err
}

// refused notes that a connection did not come about. What the network or the modem
// said no to is not asked for again at once; the error of anything else is returned.
func (v *visit) refused(ctx context.Context, u *Underlay, choice apn.Choice, err error) (hold, error) {
	var refusal modem.Refusal
	if !errors.As(err, &refusal) {
		return hold{}, fmt.Errorf("connect %s: %w", u.Name, err)
	}
	if refusal.Cause == 0 { // perhaps it was no fault of the APN
		if h, err := v.served(ctx); err != nil || h.holds() {
			return h, err
		}
	}
	v.log.Warn("connection refused", "interface", u.Name, "apn", choice.APN, "why", choice.Why, "err", err)
	v.note(u, choice.Failed(v.registration.PLMN, time.Now(), err))
	u.choice = v.situation(u).Next()
	return hold{phase: Connecting, why: u.choice.Why, again: max(time.Until(u.choice.NotBefore), time.Millisecond)}, nil
}

// served asks whether the network is what it was, and has register look at it first if
// it is not.
func (v *visit) served(ctx context.Context) (hold, error) {
	now, err := v.modem.Registration(ctx)
	if err != nil {
		return hold{}, fmt.Errorf("ask for the network: %w", err)
	}
	if now.State == v.registration.State && now.PLMN == v.registration.PLMN {
		return hold{}, nil
	}
	v.stale |= modem.RegistrationChanged | modem.ConnectionChanged
	return hold{phase: Registering, why: "the network has changed", again: time.Millisecond}, nil
}

// lost withdraws a connection that is no more, for the reason that the modem gives. It
// is asked for again at once; but if that has not lasted either, it counts as an
// attempt that came to nothing, so that nobody is pestered. What has gone with the
// network is none of the APN's fault.
func (v *visit) lost(ctx context.Context, u *Underlay, reason error) (hold, error) {
	since := u.since
	connected := u.connected || !since.IsZero() // it may have waited for its address
	if err := u.withdraw(); err != nil || !connected {
		return hold{}, err
	}
	v.log.Warn("connection lost", "interface", u.Name, "err", reason)
	if h, err := v.served(ctx); err != nil || h.holds() || since.IsZero() {
		return h, err
	}
	switch lasted := time.Since(since).Round(time.Millisecond); {
	case lasted >= steady:
		u.brief = 0
		delete(v.histories, v.purpose(u))
	case u.brief == 0:
		u.brief++
	default:
		var refusal modem.Refusal
		if !errors.As(reason, &refusal) {
			reason = fmt.Errorf("the network ended the connection after %v", lasted)
		}
		v.note(u, u.choice.Failed(v.registration.PLMN, time.Now(), reason))
	}
	return hold{}, nil
}

// abandon ends a connection without IPv4 whose network names no prefix of IPv6. It
// counts as an attempt that came to nothing.
func (v *visit) abandon(ctx context.Context, u *Underlay) (hold, error) {
	if err := v.modem.Disconnect(ctx, u.session); err != nil {
		return hold{}, fmt.Errorf("end the connection of %s, which has no address: %w", u.Name, err)
	}
	if !u.since.IsZero() {
		v.note(u, u.choice.Failed(v.registration.PLMN, time.Now(), errNoRouter))
	}
	return hold{phase: Connecting, why: errNoRouter.Error(), again: time.Millisecond}, u.withdraw()
}

// note adds an attempt to those of the connection.
func (v *visit) note(u *Underlay, a apn.Attempt) {
	p := v.purpose(u)
	v.histories[p] = v.histories[p].With(a)
}

func (v *visit) purpose(u *Underlay) purpose {
	return purpose{iccid: v.sim.ICCID, use: apn.Data, session: u.session}
}

// situation is that of a connection's APN.
func (v *visit) situation(u *Underlay) apn.Situation {
	s := apn.Situation{
		Use: apn.Data, SIM: v.sim, Network: v.registration.PLMN,
		Configured: v.pdn(u, v.configured()), History: v.histories[v.purpose(u)],
	}
	if s.Configured != nil {
		s.Families = s.Configured.Families
	}
	if u.PDN == "" {
		s.Known = v.records.apns.Known(v.sim.ICCID, apn.Data)
	}
	return s
}
