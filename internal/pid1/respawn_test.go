package pid1

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRespawnBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		lives := []time.Duration{ // how long each one lasts
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			2 * time.Minute, 0,
		}
		var pauses []time.Duration
		var ended time.Time
		respawn(ctx, slog.New(slog.DiscardHandler), func(context.Context) error {
			if !ended.IsZero() {
				pauses = append(pauses, time.Since(ended))
			}
			if len(lives) == 0 {
				cancel()
				return nil
			}
			time.Sleep(lives[0])
			lives = lives[1:]
			ended = time.Now()
			return errors.New("exit status 2")
		})
		const ms = time.Millisecond
		want := []time.Duration{
			100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms,
			30 * time.Second, 30 * time.Second,
			100 * ms, 200 * ms, // after a long life
		}
		if !slices.Equal(pauses, want) {
			t.Errorf("paused\n%v, want\n%v", pauses, want)
		}
	})
}

func TestRespawnEndsWhilePausing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		respawn(ctx, slog.New(slog.DiscardHandler), func(context.Context) error { return nil })
		if ctx.Err() == nil {
			t.Error("returned although nobody asked it to")
		}
	})
}
