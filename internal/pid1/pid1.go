// Package pid1 is the first process of the box: small, boring and without
// network code. It mounts, arms the watchdog, loads modules, names the ports,
// sets the kernel's parameters and the clock's floor, and then keeps two
// processes running, both from its own file: the router, which has given up
// all capabilities but those of the network, and the session on the console,
// which needs nothing of the router. It has one way out, leave.
//
// Invariants:
//   - The watchdog is armed before anything else that can hang, fed because of
//     the router's proofs of life alone (pulse), and never disarmed.
//   - No failure on the way up stops it: what can be done without the failed
//     step is done, so that somebody at the console can read what is wrong.
//   - A panic in any goroutine ends the box through leave and leaves its text
//     where the next run finds it (crash.go).
//   - Its first act makes the file system, and the last of that the root read-only:
//     nothing that can be written can be run.
//   - It raises no link. They are down until the router has its firewall in
//     place.
package pid1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/bootlog"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/settle"
)

const (
	// modulesDir holds the kernel's modules, by release.
	modulesDir = "/lib/modules"
	// routerDelay is how long what can wait, the console among it, leaves the box
	// to the router.
	routerDelay = 10 * time.Second
)

// box is what PID 1 looks after. Its fields are set in the order of the boot
// and only read once a goroutine knows them.
type box struct {
	log      *slog.Logger
	kmsg     io.Writer
	end      func(ending)
	timeline *timeline
	tasks    sync.WaitGroup // that run until the end
	reaper   *reaper
	pulse    *pulse
	board    board.Board
	modules  *kmod.Loader
	late     []string
	watchdog *watchdog
	clock    *clock
	slot     *slot       // nil if the box has not started from one
	forget   atomic.Bool // what is kept of the run before
}

// Run is PID 1. It loads the named modules besides the board's: each list in
// its order, the lists at the same time, and the late ones when the router has
// started. It does not return.
func Run(version string, late []string, modules ...[]string) {
	ctx, cancel := context.WithCancelCause(context.Background())
	b := &box{
		end:      func(e ending) { cancel(e) },
		late:     late,
		timeline: newTimeline(),
		reaper:   newReaper(),
		pulse:    newPulse(time.Now()),
	}
	mounted := b.timeline.do("mounts", mountAll)
	log := bootlog.Open("init")
	b.log, b.kmsg = log.Logger, log.Kmsg
	b.report("a crash of PID 1 will leave no text", keepPanics(log.Kmsg))
	b.report("the file system is incomplete", mounted)
	// A task, so that a step that hangs does not bar the way out.
	b.spawn(func() { b.boot(ctx, version, modules) })
	<-ctx.Done()
	cause, ok := errors.AsType[ending](context.Cause(ctx))
	if !ok {
		cause = ending{how: restart, why: context.Cause(ctx).Error()}
	}
	leave(b.log, cause, &b.tasks, b.watchdog)
}

// mountAll makes the file system.
func mountAll() error {
	var errs []error
	for _, s := range fileSystem {
		errs = append(errs, s.Create())
	}
	return errors.Join(errs...)
}

// boot brings the box up and leaves goroutines that keep it up. Steps that do
// not need each other run at the same time.
func (b *box) boot(ctx context.Context, version string, modules [][]string) {
	var err error
	b.board, err = board.Detect(os.DirFS("/proc"))
	b.report("the ports keep the kernel's names, and there is no watchdog", err)
	b.log.Info("PID 1 runs", "version", version, "board", b.board.Name, bootlog.MilestoneKey, "init")
	if b.board.Untried {
		b.log.Warn("the firmware has not run on such a board before: tell whether it does", "board", b.board.Name)
	}
	b.modules, err = kmod.Open(modulesDir)
	b.report("no module can be loaded", err)

	b.report("a hang will not end by itself", b.timeline.do("watchdog", b.armWatchdog))
	b.spawn(func() { guard(ctx, b.log, b.watchdog, b.pulse, b.end) })
	b.spawn(func() { b.handleSignals(ctx) })
	b.spawn(func() { b.report("ended processes stay", b.reaper.run(ctx)) })
	b.report("certificates and logs may be wrong about the time", b.timeline.do("clock", b.startClock))
	// The router process comes to life while the rest is made ready for it.
	booted := make(chan struct{})
	process := &router{log: b.log.With("component", "router"), kmsg: b.kmsg, reaper: b.reaper, pulse: b.pulse, end: b.end, clock: b.clock, booted: booted, reset: b.factoryReset}
	b.spawn(func() { respawn(ctx, process.log, process.life) })
	names := ports{board: b.board, rename: renameLink, log: b.log}
	b.spawn(func() { b.afterRouter(ctx, names) })
	b.prepare(ctx, modules, names)
	close(booted)
	if b.slot != nil {
		b.spawn(func() { b.slot.prove(ctx, b.pulse.living, b.end) })
	}
	b.log.Info("the box is ready for the router", "boot", b.timeline, bootlog.MilestoneKey, "router")
}

// afterRouter starts what nobody waits for once the router has started, which has
// the CPU for itself until then, or after a while: a step of the boot that hangs
// must not keep the console away.
func (b *box) afterRouter(ctx context.Context, names ports) {
	select {
	case <-b.pulse.calmed():
	case <-time.After(routerDelay):
	case <-ctx.Done():
		return
	}
	session := console{device: b.board.Console, reaper: b.reaper}
	b.spawn(func() { respawn(ctx, b.log.With("component", "console"), session.life) })
	b.report("the router will lack functions", b.modules.Load(b.late...))
	if b.board.LED != "" {
		b.report("the LED does not blink", b.modules.Load(board.LEDModule))
	}
	events := devices{modules: b.modules, ports: names, end: b.end, log: b.log}
	b.spawn(func() { respawn(ctx, b.log.With("component", "devices"), events.life) })
	b.spawn(func() {
		b.report("a crash may leave no text", b.readyForCrash())
		// The start is over, and PID 1 does next to nothing from here on.
		settle.Now()
	})
}

// prepare does what the router relies on, at the same time where one step does
// not need the other, and returns when all is done.
func (b *box) prepare(ctx context.Context, modules [][]string, names ports) {
	var ready sync.WaitGroup
	step := func(name, otherwise string, f func() error) {
		ready.Go(func() {
			defer crashOn(b.end)
			b.report(otherwise, b.timeline.do(name, f))
		})
	}
	// A link takes its parameters from what is set when it appears.
	set := make(chan struct{})
	step("sysctls", "the kernel keeps some of its defaults", func() error {
		defer close(set)
		return setSysctls("/proc/sys", sysctls)
	})
	for _, list := range modules {
		step("modules", "the router will lack functions", func() error { return b.modules.Load(list...) })
	}
	step("ports", "some ports may be missing", func() error {
		<-set
		return errors.Join(b.modules.Load(b.board.Drivers()...), names.nameAll(os.DirFS("/sys")))
	})
	step("disk", "the box runs without its disk, or without a part of it", func() (err error) {
		b.slot, err = b.openDisk(ctx)
		return err
	})
	ready.Wait()
	b.report("the tunnel may lose packets that come at once after a silence", setSysctls("/proc/sys", moduleSysctls))
}

// spawn runs a task until the box goes down.
func (b *box) spawn(task func()) {
	b.tasks.Go(func() {
		defer crashOn(b.end)
		task()
	})
}

// report logs what it means that a step failed.
func (b *box) report(consequence string, err error) {
	if err != nil {
		b.log.Error(consequence, "err", err)
	}
}

// armWatchdog loads the watchdog's driver, before all others, and arms it.
func (b *box) armWatchdog() error {
	if b.board.Watchdog.Timeout == 0 {
		return nil // an unknown board, which has been reported
	}
	if driver := b.board.Watchdog.Module; driver != "" {
		if err := b.modules.Load(driver); err != nil {
			return err
		}
	}
	var err error
	b.watchdog, err = openWatchdog(watchdogDevice, b.board.Watchdog.Timeout)
	return err
}

// startClock puts the floor under the clock.
func (b *box) startClock() error {
	c, err := systemClock()
	b.clock = c
	return errors.Join(err, c.start(b.log))
}

// readyForCrash keeps the text of the last crash and makes room for the next.
func (b *box) readyForCrash() error {
	if b.board.Ramoops == (board.Ramoops{}) {
		return nil
	}
	params, err := ramoopsParams(b.board.Ramoops, os.DirFS("/proc"))
	if err != nil {
		return err
	}
	if err := b.modules.LoadParams(board.RamoopsModule, params); err != nil {
		return err
	}
	kept := keepCrash(b.log, pstoreDir, crashDir)
	if b.forget.Load() {
		kept = errors.Join(kept, b.forgetCrash())
	}
	return errors.Join(kept, b.keepPanicsInLines())
}

// keepPanicsInLines sends panics to the terminal of board.LinesModule.
func (b *box) keepPanicsInLines() error {
	if err := b.modules.Load(board.LinesModule); err != nil {
		return err
	}
	terminal, err := os.OpenFile("/dev/"+board.LinesModule, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open kernel log for lines: %w", err)
	}
	defer terminal.Close() // the runtime has a duplicate
	return keepPanics(terminal)
}

// handleSignals ends the box on Ctrl-Alt-Del and on SIGTERM.
func (b *box) handleSignals(ctx context.Context) {
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF); err != nil {
		b.log.Warn("Ctrl-Alt-Del will restart the box at once", "err", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	defer signal.Stop(signals)
	select {
	case s := <-signals:
		why := "SIGTERM"
		if s == unix.SIGINT {
			why = "Ctrl-Alt-Del"
		}
		b.end(ending{how: restart, why: why})
	case <-ctx.Done():
	}
}
