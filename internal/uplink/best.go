package uplink

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/farspoke/farspoke/internal/value"
)

// Source is one underlay.
type Source interface {
	State() *value.Value[State]
	// Demote puts the underlay's routes behind those of all others, or back where
	// they belong. The Metric in its State follows.
	Demote(bool)
}

// Best follows all underlays of one VRF and offers the one to use: of those
// that are up, that of the lowest metric, and of equal ones the first in the
// list. While none is up it offers the zero State.
//
// An underlay may be up and lead nowhere. Those who use it say so by Mistrust,
// and it is demoted for a while in favour of another.
type Best struct {
	sources    []Source
	log        *slog.Logger
	best       value.Value[State]
	mistrusted chan string
}

// NewBest returns a Best of the given underlays.
func NewBest(log *slog.Logger, sources ...Source) *Best {
	return &Best{sources: sources, log: log, mistrusted: make(chan string, 1)}
}

// State is the underlay to use.
func (b *Best) State() *value.Value[State] { return &b.best }

// String names the task.
func (b *Best) String() string { return "uplink choice" }

// Mistrust says that nobody is reached over the underlay of the given name. It
// does not block.
func (b *Best) Mistrust(name string) {
	select {
	case b.mistrusted <- name:
	default: // who has not been heard yet says it again
	}
}

// Run follows the underlays until ctx is cancelled.
func (b *Best) Run(ctx context.Context) error {
	var following sync.WaitGroup
	defer following.Wait()
	// One place is enough: choose looks at all of them.
	changes := make(chan struct{}, 1)
	for _, source := range b.sources {
		following.Go(func() { source.State().Follow(ctx, changes) })
	}
	demoted := demotions{}
	for {
		b.choose()
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case name := <-b.mistrusted:
			b.demote(demoted, name, time.Now())
		case <-demoted.next():
			b.forgive(demoted, time.Now())
		}
	}
}

func (b *Best) choose() {
	var best State
	for _, source := range b.sources {
		state, _ := source.State().Load()
		if state.Up && (!best.Up || state.Metric < best.Metric) {
			best = state
		}
	}
	if current, _ := b.best.Load(); !current.Equal(best) {
		b.best.Set(best)
	}
}

// demote takes the underlay of the given name out of the first place if it has
// it and another is up. If that one is demoted too, it gets the next chance.
func (b *Best) demote(demoted demotions, name string, now time.Time) {
	current, _ := b.best.Load()
	if current.Name != name || !current.Up {
		return // it has been left already
	}
	var other Source
	for _, source := range b.sources {
		state, _ := source.State().Load()
		if state.Up && state.Name != name && (other == nil || demoted[source].until.Before(demoted[other].until)) {
			other = source
		}
	}
	if other == nil {
		return
	}
	i := slices.IndexFunc(b.sources, func(s Source) bool { state, _ := s.State().Load(); return state.Name == name })
	last := b.sources[i]
	next, _ := other.State().Load()
	pause := demoted.begin(last, now)
	b.log.Warn("the uplink is up, but nobody is reached over it: using another", "uplink", name, "instead", next.Name, "for", pause)
	last.Demote(true)
	if demoted.end(other) {
		other.Demote(false)
	}
}

// forgive gives those their place back whose time is over.
func (b *Best) forgive(demoted demotions, now time.Time) {
	for _, source := range b.sources {
		if d := demoted[source]; d.active && !d.until.After(now) {
			demoted.end(source)
			source.Demote(false)
			state, _ := source.State().Load()
			b.log.Info("the uplink gets another chance", "uplink", state.Name)
		}
	}
}
