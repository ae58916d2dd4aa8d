package uplink

import (
	"context"
	"sync"

	"github.com/farspoke/farspoke/internal/value"
)

// Best follows all underlays of one VRF and offers the one to use: of those
// that are up, that of the lowest metric, and of equal ones the first in the
// list. While none is up it offers the zero State.
type Best struct {
	sources []*value.Value[State]
	best    value.Value[State]
}

// NewBest returns a Best of the given underlays.
func NewBest(sources ...*value.Value[State]) *Best {
	return &Best{sources: sources}
}

// State is the underlay to use.
func (b *Best) State() *value.Value[State] { return &b.best }

// String names the task.
func (b *Best) String() string { return "uplink choice" }

// Run follows the underlays until ctx is cancelled.
func (b *Best) Run(ctx context.Context) error {
	var choosing sync.Mutex
	var following sync.WaitGroup
	for _, source := range b.sources {
		following.Go(func() {
			for {
				_, changed := source.Load()
				choosing.Lock()
				b.choose()
				choosing.Unlock()
				select {
				case <-changed:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	following.Wait()
	<-ctx.Done()
	return nil
}

func (b *Best) choose() {
	var best State
	for _, source := range b.sources {
		state, _ := source.Load()
		if state.Up && (!best.Up || state.Metric < best.Metric) {
			best = state
		}
	}
	if current, _ := b.best.Load(); !current.Equal(best) {
		b.best.Set(best)
	}
}
