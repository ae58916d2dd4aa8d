package pid1

import (
	"context"
	"log/slog"
	"time"
)

const (
	// minDelay is the pause before the first restart of a process, short so
	// that a single crash costs little. Each further one doubles it, up to
	// maxDelay. A process that ran for longLife starts afresh.
	minDelay = 100 * time.Millisecond
	maxDelay = 30 * time.Second
	longLife = time.Minute
)

// respawn calls life, which runs a process until it ends, again and again
// until ctx is cancelled. A life that returns an error has failed; one that
// returns nil, such as a session that was left, is followed by the next
// without ado.
func respawn(ctx context.Context, log *slog.Logger, life func(context.Context) error) {
	delay := minDelay
	for {
		started := time.Now()
		err := life(ctx)
		if ctx.Err() != nil {
			return
		}
		lived := time.Since(started)
		if lived >= longLife || err == nil {
			delay = minDelay
		}
		if err != nil {
			log.Error("process failed and starts again", "why", err, "lived", lived.Round(time.Millisecond), "in", delay)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
		delay = min(2*delay, maxDelay)
	}
}
