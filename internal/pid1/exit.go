package pid1

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// exitLimit is how long the way out may take before the box restarts
	// without it. It is less than any watchdog's timeout.
	exitLimit = 15 * time.Second
	syncLimit = 4 * time.Second
)

// outcome is how the box goes down.
type outcome string

const (
	restart  outcome = "restart"
	powerOff outcome = "power off"
	// crash lets the kernel panic, which keeps its log in pstore and restarts
	// the box.
	crash outcome = "crash"
)

// ending is the reason for which the box goes down. It is the cause of the
// cancelled context.
type ending struct {
	how outcome
	why string
}

func (e ending) Error() string { return fmt.Sprintf("%s: %s", e.how, e.why) }

// crashOn, deferred, turns a panic of the goroutine into the end of the box, so
// that the router can still say good-bye.
func crashOn(end func(ending)) {
	if p := recover(); p != nil {
		end(ending{how: crash, why: fmt.Sprintf("panic: %v\n\n%s", p, debug.Stack())})
	}
}

// leave is the one way out. The processes of tasks have been told to end. It
// does not return.
func leave(log *slog.Logger, cause ending, tasks *sync.WaitGroup, w *watchdog) {
	log.Warn("the box goes down", "how", string(cause.how), "why", firstLine(cause.why))
	for line := range strings.Lines(cause.why) {
		log.Info(strings.TrimRight(line, "\n"))
	}
	final(cause.how, exitLimit, func() {
		if err := w.feed(); err != nil {
			log.Warn("watchdog may end this early", "err", err)
		}
		tasks.Wait()
		if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			log.Warn("processes are left", "err", err)
		}
		within(syncLimit, unix.Sync)
		if err := unmountDisks("/proc/self/mounts"); err != nil {
			log.Warn("disk may need a check", "err", err)
		}
	})
}

// final runs orderly within limit and then stops the machine, whatever became
// of it.
func final(how outcome, limit time.Duration, orderly func()) {
	within(limit, orderly)
	switch how {
	case crash:
		os.Exit(2)
	case powerOff:
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	// The kernel refused. Its panic restarts the box as well.
	os.Exit(2)
}

// within runs f and returns when it has, or after limit.
func within(limit time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// unmountDisks unmounts the file systems that live on a block device, the last
// mounted first. What is busy is at least made read-only.
func unmountDisks(mounts string) error {
	data, err := os.ReadFile(mounts)
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var errs []error
	for _, target := range slices.Backward(diskMounts(string(data))) {
		if err := unix.Unmount(target, 0); err == nil {
			continue
		}
		if err := unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			errs = append(errs, fmt.Errorf("remount %s read-only: %w", target, err))
		}
	}
	return errors.Join(errs...)
}

// diskMounts returns the mount points of block devices in /proc/mounts.
func diskMounts(mounts string) []string {
	var targets []string
	lines := bufio.NewScanner(strings.NewReader(mounts))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && strings.HasPrefix(fields[0], "/dev/") {
			targets = append(targets, unescape.Replace(fields[1]))
		}
	}
	return targets
}

// unescape undoes what /proc/mounts does to white space.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
