package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/farspoke/farspoke/internal/privileged"
)

// router runs the components until ctx is cancelled.
func router(ctx context.Context, log *slog.Logger, pid1 *privileged.Client) error {
	tick := time.NewTicker(privileged.AlivePeriod)
	defer tick.Stop()
	for {
		if err := pid1.Alive(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log.Info("router ends")
			return nil
		}
	}
}
