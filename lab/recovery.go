package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	// recoveryRounds is how often a fault is caused; the median counts. One that
	// takes its time is caused once.
	recoveryRounds = 3
	// recoveryCap is where waiting for a spoke's recovery is given up.
	recoveryCap = 45 * time.Second
	// recoveryLimit is what no fault may cost us.
	recoveryLimit = 10 * time.Second
	// recoverySlack is what emulation and the interval of the ping make of equal
	// recoveries.
	recoverySlack = 500 * time.Millisecond
)

// faultRecovery returns the measurement of all faults, or of the one that an id
// such as "fault-recovery/nat-moves" names.
func faultRecovery(id string) func(context.Context, images) ([]Figure, error) {
	return func(ctx context.Context, built images) ([]Figure, error) {
		_, name, _ := strings.Cut(id, "/")
		var chosen []fault
		for _, f := range faults {
			if name == "" || name == f.name {
				chosen = append(chosen, f)
			}
		}
		if len(chosen) == 0 {
			return nil, fmt.Errorf("there is no fault %q", name)
		}
		return measureFaults(ctx, built, chosen)
	}
}

// measureFaults causes the faults to our box and to the peer by turns, in one
// lab.
func measureFaults(ctx context.Context, built images, chosen []fault) ([]Figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := openServing(ctx)
	if err != nil {
		return nil, err
	}
	ours := patient{lab: lab, kind: testedBox(built, built.Release, ordinarySite())}
	peers := patient{lab: lab, kind: peer(built)}
	for round := range recoveryRounds {
		if err := errors.Join(ours.suffer(ctx, chosen, round), peers.suffer(ctx, chosen, round)); err != nil {
			return nil, err
		}
	}
	var figures []Figure
	for _, f := range chosen {
		figure := Figure{
			ID: "fault-recovery/" + f.name, Ours: median(ours.seconds[f.name]), Unit: "s", Target: 1,
			Limit: recoveryLimit.Seconds(), Slack: recoverySlack.Seconds(), Cap: recoveryCap.Seconds(),
			Method: recoveryMethod(),
		}
		if f.boxOnly == "" {
			figure.Peer = median(peers.seconds[f.name])
		} else {
			figure.Target = recoveryLimit.Seconds()
		}
		figures = append(figures, figure)
	}
	return figures, nil
}

// patient is a kind of spoke to which faults are caused.
type patient struct {
	lab  *Lab
	kind kind
	// seconds are the outages by the fault's name.
	seconds map[string][]float64
}

// suffer boots the spoke, causes it the faults of a round one after another, and
// switches it off. A spoke that does not recover is booted again.
func (p *patient) suffer(ctx context.Context, chosen []fault, round int) (err error) {
	if p.seconds == nil {
		p.seconds = make(map[string][]float64)
	}
	var spoke *Spoke
	defer func() {
		if spoke != nil {
			err = errors.Join(err, spoke.Close())
		}
	}()
	for _, f := range chosen {
		if !p.wants(f, round) {
			continue
		}
		if spoke == nil {
			if spoke, err = p.lab.bootSteady(ctx, p.kind); err != nil {
				return err
			}
		}
		outage, err := f.survive(ctx, p.lab, spoke, recoveryCap)
		failed := errors.Is(err, errStillDown)
		if err != nil && !failed {
			return fmt.Errorf("the %s: %w", p.kind.name, err)
		}
		if failed {
			outage = recoveryCap
			spoke.dump(40)
			p.lab.show(ctx, os.Stderr)
		}
		fmt.Fprintf(os.Stderr, "round %d: %s %s %.2f s\n", round+1, f.name, p.kind.name, outage.Seconds())
		p.seconds[f.name] = append(p.seconds[f.name], outage.Seconds())
		if f.mend != nil {
			if err := f.mend(ctx, p.lab, spoke); err != nil {
				return fmt.Errorf("take back %s: %w", f.name, err)
			}
		}
		if failed || f.mend != nil && !well(ctx, spoke) {
			if err := spoke.Close(); err != nil {
				return err
			}
			spoke = nil
		}
	}
	return nil
}

// wants reports whether the fault is to be caused in this round.
func (p *patient) wants(f fault, round int) bool {
	suffered := p.seconds[f.name]
	switch {
	case f.boxOnly != "" && p.kind.name != "box":
		return false
	case len(suffered) > 0 && suffered[len(suffered)-1] >= recoveryCap.Seconds():
		return false // it would not recover another time
	}
	return round == 0 || !f.slow
}

// well reports whether the spoke carries traffic again before long.
func well(ctx context.Context, spoke *Spoke) bool {
	ctx, cancel := context.WithTimeout(ctx, recoveryCap)
	defer cancel()
	_, err := spoke.Ping.Steady(ctx, spoke.Ping.Mark(), steadyPackets)
	return err == nil
}

func recoveryMethod() string {
	var table strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&table, "\n- `%s`: %s", f.name, f.summary)
		if f.boxOnly != "" {
			fmt.Fprintf(&table, " (ours alone: the peer cannot, %s)", f.boxOnly)
		}
	}
	return fmt.Sprintf("The longest time without an answer that a fault costs a host in the branch which pings headquarters every %v; median of %d, of one where the fault itself takes half a minute. A fault that nothing the spoke does could help against, such as a hub that boots, counts from when the outside is whole again. Waiting is given up after %v. Target: never above %v, and never slower than the peer, where differences below %v count as none. Both in one lab with one hub. The peer's strongSwan is tuned for it: `dpd_delay = 10s`, `dpd_action = restart`, `close_action = start`, `start_action = trap|start`, `keyingtries = 0`, a request is given up after 12 s, and FRR registers every 10 s (see its [configuration](../lab/guest/peer/etc)).\n%s",
		pingInterval, recoveryRounds, recoveryCap, recoveryLimit, recoverySlack, table.String())
}
