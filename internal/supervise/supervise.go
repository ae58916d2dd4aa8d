// Package supervise runs the goroutines a process is made of. A task runs until
// its context is cancelled; returning earlier, or panicking, is a failure that
// is logged and followed by a new start with back-off. Failure of one task
// leaves the others alone.
package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Task is something that runs for as long as its context lives.
type Task interface {
	// Run returns nil once ctx is cancelled, or else the reason for failure.
	Run(ctx context.Context) error
	// String is the name in the logs.
	String() string
}

const (
	// minDelay is the pause before the first restart; each failure doubles it
	// up to maxDelay. A task that ran for maxDelay starts afresh.
	minDelay = 250 * time.Millisecond
	maxDelay = 30 * time.Second
)

// Run runs all tasks until ctx is cancelled and each has returned.
func Run(ctx context.Context, log *slog.Logger, tasks ...Task) {
	var running sync.WaitGroup
	for _, task := range tasks {
		running.Go(func() { keepRunning(ctx, log.With("component", task.String()), task) })
	}
	running.Wait()
}

func keepRunning(ctx context.Context, log *slog.Logger, task Task) {
	delay := minDelay
	for {
		started := time.Now()
		err := runOnce(ctx, task)
		if ctx.Err() != nil {
			if err != nil {
				log.Warn("component stopped with an error", "err", err)
			}
			return
		}
		if time.Since(started) > maxDelay {
			delay = minDelay
		}
		log.Error("component failed and starts again", "err", err, "in", delay)
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay + rand.N(delay/4)):
		}
		delay = min(2*delay, maxDelay)
	}
}

func runOnce(ctx context.Context, task Task) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := task.Run(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%s returned although nobody asked it to stop", task)
}
