package pid1

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/farspoke/farspoke/internal/bootlog"
)

// timeline records how long each step of the boot took. It is safe for
// concurrent use.
type timeline struct {
	uptime func() time.Duration

	mu    sync.Mutex
	steps []timed
}

type timed struct {
	name       string
	start, end time.Duration // since the kernel started
}

func newTimeline() *timeline { return &timeline{uptime: bootlog.Uptime} }

// do runs a step and returns its error.
func (t *timeline) do(name string, step func() error) error {
	start := t.uptime()
	err := step()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, timed{name, start, t.uptime()})
	return err
}

// LogValue is the steps in the order in which they began, each with when and
// how long: "mounts=1.902s+3ms".
func (t *timeline) LogValue() slog.Value {
	t.mu.Lock()
	defer t.mu.Unlock()
	steps := slices.SortedStableFunc(slices.Values(t.steps), func(a, b timed) int { return cmp.Compare(a.start, b.start) })
	var attrs []slog.Attr
	for _, s := range steps {
		took := (s.end - s.start).Round(time.Millisecond)
		attrs = append(attrs, slog.String(s.name, s.start.Round(time.Millisecond).String()+"+"+took.String()))
	}
	return slog.GroupValue(attrs...)
}
