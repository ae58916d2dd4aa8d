package port

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/farspoke/farspoke/internal/uevent"
	"github.com/farspoke/farspoke/internal/value"
)

const (
	// settleTime is how long a modem that has nothing but serial ports must have
	// been without change: they come one by one, nothing says which is the last, and
	// all of them are needed to find the one that answers.
	settleTime = time.Second
	// lookPeriod is how often to look without being told, in case the kernel has
	// failed to tell.
	lookPeriod = 5 * time.Minute
)

// Watch keeps modems at the list of those that are complete, until ctx is
// cancelled. After an error it is to be called again.
//
// The list is set as soon as the kernel tells of a change, and also when it is the
// same as before, for a modem may have left and come back under its old names
// meanwhile: who has lost its port and found no other tries again at every Set.
func Watch(ctx context.Context, modems *value.Value[[]Found]) error {
	socket, err := uevent.Listen()
	if err != nil {
		return err
	}
	defer socket.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	changes := make(chan struct{}, 1)
	received := make(chan struct{})
	go func() {
		defer close(received)
		cancel(receive(ctx, socket, changes))
	}()
	w := watch{sys: os.DirFS("/sys"), modems: modems, seen: make(map[string]sighting)}
	err = w.run(ctx, changes)
	cancel(nil)
	<-received
	return err
}

// receive puts something into changes when a device came or went that may be part
// of a modem.
func receive(ctx context.Context, socket *uevent.Socket, changes chan<- struct{}) error {
	for {
		e, err := socket.Receive(ctx)
		lost := errors.Is(err, uevent.ErrOverrun)
		if err != nil && !lost {
			return err
		}
		if lost || concerns(e) {
			select {
			case changes <- struct{}{}:
			default: // the look that is due will see this too
			}
		}
	}
}

// concerns reports whether an event may be about a part of a modem.
func concerns(e uevent.Event) bool {
	switch e.Vars["SUBSYSTEM"] {
	case "usb", "usbmisc", "tty", "net", "wwan":
		return !strings.HasPrefix(e.Path, "/devices/virtual/")
	}
	return false
}

// watch is the state of Watch.
type watch struct {
	sys    fs.FS
	modems *value.Value[[]Found]
	seen   map[string]sighting // by Found.ID
}

// sighting is a modem and since when it has been as it is.
type sighting struct {
	Found
	since time.Time
}

// run looks after each change, and now and then.
func (w *watch) run(ctx context.Context, changes <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	reported, told := []Found(nil), true
	for {
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, ctx.Err()) {
				return err // receive's
			}
			return nil
		case <-changes:
			told = true
		case <-timer.C:
		}
		ready, next, err := w.look(time.Now())
		if err != nil {
			return fmt.Errorf("look for modems: %w", err)
		}
		if told || !slices.EqualFunc(ready, reported, Found.Equal) {
			w.modems.Set(ready)
		}
		reported, told = ready, false
		timer.Reset(next)
	}
}

// look returns the modems that are ready, and when to look again.
func (w *watch) look(now time.Time) (ready []Found, next time.Duration, err error) {
	all, err := Discover(w.sys)
	if err != nil {
		return nil, 0, err
	}
	next = lookPeriod
	seen := make(map[string]sighting, len(all))
	for _, f := range all {
		s, known := w.seen[f.ID]
		if !known || !s.Equal(f) {
			s = sighting{f, now}
		}
		seen[f.ID] = s
		if !f.Complete() {
			continue
		}
		if wait := s.since.Add(settleTime).Sub(now); f.Controls[0].Protocol == AT && wait > 0 {
			next = min(next, wait)
			continue
		}
		ready = append(ready, f)
	}
	w.seen = seen
	return ready, next, nil
}
