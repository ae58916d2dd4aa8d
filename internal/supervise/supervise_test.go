package supervise

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type task struct {
	runs int
	run  func(ctx context.Context, n int) error
}

func (t *task) Run(ctx context.Context) error { t.runs++; return t.run(ctx, t.runs) }
func (t *task) String() string                { return "test" }

func TestFailedTaskStartsAgainAndOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		failing := &task{run: func(ctx context.Context, n int) error {
			switch n {
			case 1:
				return errors.New("broken")
			case 2:
				panic("out of range")
			case 3:
				return nil
			}
			<-ctx.Done()
			return nil
		}}
		steady := &task{run: func(ctx context.Context, _ int) error { <-ctx.Done(); return nil }}
		done := make(chan struct{})
		go func() {
			Run(ctx, slog.New(slog.DiscardHandler), failing, steady)
			close(done)
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if failing.runs != 4 || steady.runs != 1 {
			t.Errorf("failing ran %d times, steady %d; want 4 and 1", failing.runs, steady.runs)
		}
		cancel()
		<-done
	})
}

func TestBackOffIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		failing := &task{run: func(context.Context, int) error { return errors.New("broken") }}
		Run(ctx, slog.New(slog.DiscardHandler), failing)
		if failing.runs < 90 || failing.runs > 140 {
			t.Errorf("%d starts in an hour, want about one every 30 to 38 s", failing.runs)
		}
	})
}

func TestCancelledTaskStopsQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		steady := &task{run: func(ctx context.Context, _ int) error { <-ctx.Done(); return nil }}
		Run(ctx, slog.New(slog.NewTextHandler(&log, nil)), steady)
		if log.Len() > 0 {
			t.Errorf("a task that was asked to stop logs %s", &log)
		}
	})
}
