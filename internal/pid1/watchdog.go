package pid1

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	watchdogDevice = "/dev/watchdog0"
	// feedPeriod is how often the pulse is judged, well within the timeout of
	// any board's watchdog.
	feedPeriod = time.Second
)

// watchdog is the timer that resets the board. It is never disarmed: closing
// the device without the magic 'V' leaves it running, so it also ends a
// shutdown that hangs. The nil watchdog is that of a board without one.
type watchdog struct {
	device *os.File
}

// openWatchdog opens the device, which arms it, with the given timeout.
func openWatchdog(path string, timeout time.Duration) (*watchdog, error) {
	device, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open watchdog: %w", err)
	}
	w := &watchdog{device}
	if err := unix.IoctlSetPointerInt(int(device.Fd()), unix.WDIOC_SETTIMEOUT, int(timeout.Seconds())); err != nil {
		return w, fmt.Errorf("set watchdog timeout to %v: %w", timeout, err)
	}
	return w, nil
}

// feed starts the time anew.
func (w *watchdog) feed() error {
	if w == nil {
		return nil
	}
	if err := unix.IoctlWatchdogKeepalive(int(w.device.Fd())); err != nil {
		return fmt.Errorf("feed watchdog: %w", err)
	}
	return nil
}

// guard feeds w for as long as the pulse says so, and ends the box when it is
// lost, in order as long as that is possible.
func guard(ctx context.Context, log *slog.Logger, w *watchdog, p *pulse, end func(ending)) {
	tick := time.NewTicker(feedPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			feed, lost := p.judge(now)
			if feed {
				if err := w.feed(); err != nil {
					log.Error("the box is about to be reset", "err", err)
				}
			}
			if lost {
				end(ending{how: restart, why: fmt.Sprintf("no router process has come to life for %v", grace)})
				return
			}
		}
	}
}
