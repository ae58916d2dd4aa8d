// Package value carries the latest state of something from its one owner to
// any number of readers. It is not a queue: a reader that is late sees the
// newest value and none of those in between, so a slow reader can never hold
// up the owner and nothing needs a buffer size.
package value

import (
	"context"
	"sync"
)

// Value holds the latest T. The zero Value holds the zero T and is ready for
// use. It is safe for concurrent use and must not be copied.
type Value[T any] struct {
	mu      sync.Mutex
	current T
	changed chan struct{}
}

// Set makes v the latest value and wakes all who wait for a change.
func (v *Value[T]) Set(current T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current = current
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

// Load returns the latest value and a channel that is closed by the next Set.
// A reader that loops over Load and the channel never misses the newest value:
//
//	for {
//		state, changed := v.Load()
//		apply(state)
//		select {
//		case <-changed:
//		case <-ctx.Done():
//			return nil
//		}
//	}
func (v *Value[T]) Load() (current T, changed <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return v.current, v.changed
}

// Follow puts something into changes at once and after every Set, until ctx is
// cancelled. With room for one, changes tells a reader of many values that it has
// to load them anew, and of which it need not know.
func (v *Value[T]) Follow(ctx context.Context, changes chan<- struct{}) {
	for {
		_, changed := v.Load()
		select {
		case changes <- struct{}{}:
		default:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
