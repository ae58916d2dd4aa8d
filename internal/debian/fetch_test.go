package debian

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatiently(t *testing.T) {
	away := errors.New("nobody answers")
	for name, c := range map[string]struct {
		outage, cancelled time.Duration
		want              error
		took              time.Duration
	}{
		"at once":          {0, time.Hour, nil, 0},
		"after a while":    {time.Minute, time.Hour, nil, time.Minute},
		"never":            {time.Hour, 2 * time.Hour, away, fetchLimit},
		"somebody gave up": {time.Hour, time.Second, away, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), c.cancelled)
				defer cancel()
				err := patiently(ctx, func() error {
					if time.Since(begin) < c.outage {
						return away
					}
					return nil
				})
				if took := time.Since(begin); err != c.want || took != c.took {
					t.Errorf("%v after %v, want %v after %v", err, took, c.want, c.took)
				}
			})
		})
	}
}
