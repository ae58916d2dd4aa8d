// Package light shows on one LED of the case how the box is, to a person who has
// nothing else to look at:
//
//	searching    slow, even blinking      no uplink has an address
//	connecting   fast blinking            an uplink, and headquarters not reached yet
//	up           steady                   headquarters reached in every tunnel
//	trouble      a short flash, a pause   it will not come up by itself, or not for long
//	reset        flickering               letting go of the button means a factory reset
//
// The kernel blinks (Documentation/leds/leds-class.rst, trigger "timer"), so nothing
// here runs while the state stays.
package light

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// period is how often the box is looked at.
const period = time.Second

// Box is what is shown.
type Box interface {
	Condition() Condition
}

// Light is one LED. It is a supervise.Task.
type Light struct {
	dir   string
	box   Box
	log   *slog.Logger
	judge judge
	// shown is what the LED shows as far as we know, valid if known.
	shown State
	known bool
	// problem was logged already.
	problem string
}

// New returns the light with the given directory of the kernel's, such as
// /sys/class/leds/led2, which need not exist yet: its driver may come later.
func New(dir string, box Box, log *slog.Logger) *Light {
	return &Light{dir: dir, box: box, log: log}
}

func (l *Light) String() string { return "light" }

// Run shows the state of the box until ctx is cancelled, and leaves the LED as it is.
func (l *Light) Run(ctx context.Context) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		l.update(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// update shows the state if the LED does not show it yet.
func (l *Light) update(now time.Time) {
	state := l.judge.of(l.box.Condition(), now)
	if l.known && state == l.shown {
		return
	}
	err := l.show(patterns[state])
	l.shown, l.known = state, err == nil
	if err == nil {
		l.problem = ""
		l.log.Debug("the light has changed", "state", state)
	} else if !errors.Is(err, fs.ErrNotExist) && err.Error() != l.problem {
		l.problem = err.Error()
		l.log.Warn("the light does not show how the box is", "err", err)
	}
}

// pattern is for how long the LED is on and off in turns; without off it is on.
type pattern struct{ on, off time.Duration }

var patterns = map[State]pattern{
	Searching:  {on: time.Second, off: time.Second},
	Connecting: {on: 100 * time.Millisecond, off: 100 * time.Millisecond},
	Up:         {},
	Trouble:    {on: 100 * time.Millisecond, off: 1900 * time.Millisecond},
	Reset:      {on: 30 * time.Millisecond, off: 30 * time.Millisecond},
}

// show makes the LED follow a pattern.
func (l *Light) show(p pattern) error {
	if p.off == 0 {
		brightest, err := os.ReadFile(filepath.Join(l.dir, "max_brightness"))
		if err != nil {
			return fmt.Errorf("light the LED: %w", err)
		}
		return errors.Join(l.write("trigger", "none"), l.write("brightness", strings.TrimSpace(string(brightest))))
	}
	// The delays are there only once the trigger is.
	if err := l.write("trigger", "timer"); err != nil {
		return err
	}
	return errors.Join(l.write("delay_on", milliseconds(p.on)), l.write("delay_off", milliseconds(p.off)))
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// write sets one attribute, which the kernel has made.
func (l *Light) write(attribute, value string) error {
	file, err := os.OpenFile(filepath.Join(l.dir, attribute), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set the LED's %s: %w", attribute, err)
	}
	_, err = file.WriteString(value)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("set the LED's %s to %s: %w", attribute, value, err)
	}
	return nil
}
