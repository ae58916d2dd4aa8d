package main

import (
	"context"
	"fmt"
	"time"

	"github.com/farspoke/farspoke/internal/privileged"
)

// turnTime is how long a component may take to come round.
const turnTime = 10 * time.Second

// pulse is the task that proves to PID 1 that the router is alive: each time,
// every component has to answer first. A component that hangs silences it, and
// in the end the watchdog resets the box. What happens outside of the box, such
// as an outage of the provider, has no say in it.
type pulse struct {
	box  *box
	pid1 *privileged.Client
}

func (p *pulse) String() string { return "pulse" }

// Run implements supervise.Task.
func (p *pulse) Run(ctx context.Context) error {
	tick := time.NewTicker(privileged.AlivePeriod)
	defer tick.Stop()
	for {
		if err := p.beat(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *pulse) beat(ctx context.Context) error {
	answered := make(chan struct{})
	go func() {
		p.box.answer()
		close(answered)
	}()
	ctx, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	select {
	case <-answered:
		return p.pid1.Alive()
	case <-ctx.Done():
		return fmt.Errorf("wait for the components to answer: %w", ctx.Err())
	}
}
