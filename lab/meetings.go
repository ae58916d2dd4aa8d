package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// meetingRounds is how often each pair of spokes meets in each case; the median
	// counts.
	meetingRounds = 3
	// meetingTime is for how long packets are counted from the first one on.
	meetingTime = 15 * time.Second
)

// meetings compares how two boxes find the direct path to each other with how two
// spokes of FRR and strongSwan do.
func meetings(ctx context.Context, built images) ([]Figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := openServing(ctx)
	if err != nil {
		return nil, err
	}
	ours, peers := testedBox(built, built.Release, openSite()), peer(built, "spokes")
	var setups, losses []Figure
	for _, c := range natCases {
		var seen [2]outcomes
		for round := range meetingRounds {
			for i, kind := range []kind{ours, peers} {
				o, err := lab.measureMeeting(ctx, c, kind)
				if err != nil {
					return nil, fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
				}
				fmt.Fprintf(os.Stderr, "round %d: %s %s: direct after %.2f s, %.0f packets lost\n", round+1, c.name, kind.name, o.setup, o.lost)
				seen[i].setup = append(seen[i].setup, o.setup)
				seen[i].lost = append(seen[i].lost, o.lost)
			}
		}
		if c.direct() {
			setups = append(setups, Figure{
				ID: "shortcut-setup/" + c.name, Ours: median(seen[0].setup), Peer: median(seen[1].setup), Unit: "s",
				Target: 0.5, Cap: directLimit.Seconds(), Method: setupMethod(),
			})
		}
		losses = append(losses, Figure{
			ID: "shortcut-loss/" + c.name, Ours: median(seen[0].lost), Peer: median(seen[1].lost), Unit: "packets",
			Target: 1, Absolute: true, Method: lossMethod(),
		})
	}
	return append(setups, losses...), nil
}

// outcomes are those of several meetings: seconds from the redirect to the first
// packet on the direct path, and packets lost.
type outcomes struct{ setup, lost []float64 }

type outcome struct{ setup, lost float64 }

// measureMeeting lets two spokes of a kind meet.
func (l *Lab) measureMeeting(ctx context.Context, c natCase, kind kind) (o outcome, err error) {
	p, err := l.bootPair(ctx, c, kind, kind)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	m, err := p.meet(ctx)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	if err := pause(ctx, meetingTime); err != nil {
		return o, err
	}
	lost, _ := m.lost()
	o.lost = float64(lost)
	if !c.direct() {
		return o, nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, directLimit-meetingTime, errStillDown)
	defer cancel()
	after, err := m.direct(limited)
	if o.setup = after.Seconds(); errors.Is(err, errStillDown) {
		o.setup = directLimit.Seconds()
		return o, nil
	}
	return o, err
}

func setupMethod() string {
	return fmt.Sprintf("From the hub's first word of a shorter way (the line in FRR's log) to the first packet that arrives by it, of a ping every %v from a host in one branch to a host in the other, which tells by its time to live which way it came. Two boxes beside two spokes of FRR and strongSwan, freshly started, in one lab with one hub; %s. The same ciphers for both. Median of %d; waiting is given up after %v.",
		directPing, natCasesText, meetingRounds, directLimit)
}

func lossMethod() string {
	return fmt.Sprintf("Packets without an answer in the first %v of that ping, %d packets; median of %d. Both hosts' packets have to find the direct path. Target: at most 1.",
		meetingTime, meetingTime/directPing, meetingRounds)
}

const natCasesText = "behind a carrier's NAT with random ports is neither, the spoke whose host asks (the caller), the other one (the called), or both, which leaves only the way by the hub"
