package uplink

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/farspoke/farspoke/internal/value"
)

func TestBestFollowsMetricAndLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var wan, lte value.Value[State]
		best := NewBest(&wan, &lte)
		done := make(chan error)
		go func() { done <- best.Run(ctx) }()

		for _, step := range []struct {
			what string
			do   func()
			want string
		}{
			{"nothing is up", func() {}, ""},
			{"lte comes up", func() { lte.Set(State{Name: "lte", Up: true, Metric: 200}) }, "lte"},
			{"wan comes up and is better", func() { wan.Set(State{Name: "wan", Up: true}) }, "wan"},
			{"wan is lost", func() { wan.Set(State{Name: "wan"}) }, "lte"},
			{"lte is lost", func() { lte.Set(State{}) }, ""},
		} {
			step.do()
			synctest.Wait()
			if got, _ := best.State().Load(); got.Name != step.want {
				t.Errorf("%s: best is %q, want %q", step.what, got.Name, step.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestBestIsQuietWhenNothingChanges(t *testing.T) {
	var wan value.Value[State]
	best := NewBest(&wan)
	wan.Set(State{Name: "wan", Up: true})
	best.choose()
	_, changed := best.State().Load()
	wan.Set(State{Name: "wan", Up: true})
	best.choose()
	select {
	case <-changed:
		t.Error("the same state was announced twice")
	default:
	}
}
