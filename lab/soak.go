package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// ordinarySoak is how long a soak lasts if nothing else is said.
	ordinarySoak = time.Hour
	// soakStep is how often the carrier's NAT moves in a long soak.
	soakStep = time.Minute
	// soakOutage is for how long the branch may be without a working SA.
	soakOutage = 10 * time.Second
	// soakLoss is what the carrier loses all the time.
	soakLoss = "numgen random mod 100 < 10 drop"
	// hubSteps is how many steps lie between two restarts of the hub: the scenario's
	// take longer than a lifetime, so that SAs are renewed before they are lost.
	hubSteps = 4
)

// hubFaults are the ways in which the hub restarts, by turns.
var hubFaults = []string{"hub-ike-restarts", "hub-reboots", "hub-ike-killed"}

// soak runs one box under steady trouble: lifetimes of a minute, a lossy
// carrier, a NAT that moves with every step and a hub that restarts now and
// then. It checks that traffic is never interrupted for longer than allowed and
// that nothing grows.
type soak struct {
	lab   *Lab
	spoke *Spoke
	// step is the time between two faults, allowed the longest interruption.
	step, allowed time.Duration
	progress      io.Writer

	// mark is the last packet that is known to be answered, or to have been the
	// hub's to answer.
	mark    int
	samples []sample
}

// runSoak boots a lab and a box and soaks them.
func runSoak(ctx context.Context, duration time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := openServing(ctx)
	if err != nil {
		return err
	}
	spoke, err := lab.bootSteady(ctx, testedBox(lab.images, lab.images.Box, shortLivedSite()))
	if err != nil {
		return err
	}
	s := &soak{lab: lab, spoke: spoke, step: soakStep, allowed: soakOutage, progress: os.Stdout}
	err = s.run(ctx, duration)
	if err != nil {
		spoke.dump(80)
		lab.show(ctx, os.Stderr)
	}
	return errors.Join(err, spoke.NoClearGRE(), spoke.Close())
}

// run soaks for a duration and returns everything that was wrong.
func (s *soak) run(ctx context.Context, duration time.Duration) error {
	if err := s.lab.Fault(ctx, soakLoss); err != nil {
		return err
	}
	begin := time.Now()
	s.mark = s.spoke.Ping.Mark()
	var wrong []error
	for n := 0; time.Since(begin) < duration; n++ {
		f := soakFault(n)
		outage, err := s.oneStep(ctx, f)
		if err != nil {
			return errors.Join(append(wrong, err)...)
		}
		elapsed := time.Since(begin).Round(time.Second)
		fmt.Fprintf(s.progress, "%9v  %-68s longest interruption %4.1f s; %v\n", elapsed, f.summary, outage.Seconds(), s.samples[n])
		if outage > s.allowed {
			wrong = append(wrong, fmt.Errorf("%v after the start no traffic for %.1f s: %s", elapsed, outage.Seconds(), f.summary))
		}
	}
	return errors.Join(append(wrong, leaks(s.samples)...)...)
}

// soakFault returns the fault of a step, beside which the NAT moves with every
// step.
func soakFault(n int) fault {
	name := "nat-moves"
	if n%hubSteps == hubSteps-1 {
		name = hubFaults[n/hubSteps%len(hubFaults)]
	}
	for _, f := range faults {
		if f.name == name {
			return f
		}
	}
	panic("there is no fault " + name)
}

// oneStep causes a fault, lets the spoke run for a step and takes a sample. It
// returns the longest interruption of traffic, to which the hub's own absence
// does not count.
func (s *soak) oneStep(ctx context.Context, f fault) (outage time.Duration, err error) {
	if f.imposed {
		outage = s.judge()
	}
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := f.inflict(limited, s.lab, s.spoke); err != nil {
		return 0, fmt.Errorf("cause %s: %w", f.name, err)
	}
	if f.imposed {
		s.mark = s.spoke.Ping.Mark()
		if err := s.lab.FlushNAT(); err != nil {
			return 0, err
		}
	}
	if err := pause(ctx, s.step); err != nil {
		return 0, err
	}
	now, err := takeSample(ctx, s.lab, s.spoke)
	s.samples = append(s.samples, now)
	return max(outage, s.judge()), err
}

// answerTime is how long a packet's answer may take.
const answerTime = time.Second

// judge returns the longest interruption of traffic since the last judgement,
// with one that has not ended yet.
func (s *soak) judge() time.Duration {
	end := max(s.mark, s.spoke.Ping.Mark()-int(answerTime/pingInterval))
	outage := s.spoke.Ping.Outage(s.mark, end)
	if last, ok := s.spoke.Ping.Last(s.mark, end); ok {
		s.mark = last
	}
	return outage
}
