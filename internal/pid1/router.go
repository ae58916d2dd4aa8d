package pid1

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/pid1/pstore"
	"github.com/farspoke/farspoke/internal/privileged"
)

const (
	// firstWord is how long a new router process may take until its first
	// proof of life.
	firstWord = time.Minute
	// lastWords is what a silent one gets to write down its stacks.
	lastWords = 2 * time.Second
	// goodbye is what it gets to tell its peers that the box goes down.
	goodbye = 5 * time.Second

	// startMemory is what a router process may allocate before it collects
	// garbage for the first time, until it has started (package settle).
	startMemory = "32MiB"

	cgroupRoot = "/sys/fs/cgroup"
	stderrFile = runDir + "/router.stderr"
)

// router runs the router process.
type router struct {
	log    *slog.Logger
	kmsg   io.Writer
	reaper *reaper
	pulse  *pulse
	end    func(ending)
	clock  *clock
	// booted is closed when all that the router relies on is there.
	booted <-chan struct{}
	// reset orders a factory reset and ends the box. It is called after booted.
	reset func() error
	// files are the sockets that outlive the process.
	files privileged.Files
}

// life starts the process and returns when it has ended, with the reason. When
// ctx is cancelled it asks the process to say good-bye and end.
func (r *router) life(ctx context.Context) error {
	ours, theirs, err := privileged.Pair()
	if err != nil {
		return err
	}
	defer ours.Close()
	defer theirs.Close()
	group, err := cgroup("router")
	if err != nil {
		return err
	}
	defer group.Close()

	words := &stderr{kmsg: r.kmsg}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{"router"}
	cmd.Env = []string{"GOTRACEBACK=all", "GOGC=off", "GOMEMLIMIT=" + startMemory}
	cmd.ExtraFiles = []*os.File{theirs} // privileged.FD
	r.files.Pass(cmd)
	cmd.Stderr = words
	cmd.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd()), Setsid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = goodbye
	err = r.reaper.start(cmd, func() error { return startConfined(cmd, routerCapabilities) })
	if err != nil {
		return fmt.Errorf("start router process: %w", err)
	}
	theirs.Close()

	alive, exited := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		defer crashOn(r.end)
		if err := privileged.Serve(ctx, r.log, ours, acts{r, ctx, alive}); err != nil {
			r.log.Warn("requests of the router fail", "err", err)
		}
	}()
	go func() {
		defer crashOn(r.end)
		exited <- r.reaper.wait(cmd)
	}()
	err = watch(cmd.Process, alive, exited)
	r.pulse.ended()
	if err := os.WriteFile(stderrFile, words.last(), 0o600); err != nil {
		r.log.Warn("router's last words are lost", "err", err)
	}
	if headline := pstore.Headline(string(words.last())); headline != "" {
		return fmt.Errorf("%s (%w; the rest is in %s)", headline, err, stderrFile)
	}
	return err
}

// cgroup returns the control group of the given name, made if need be.
func cgroup(name string) (*os.File, error) {
	path := filepath.Join(cgroupRoot, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("create control group: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open control group: %w", err)
	}
	return dir, nil
}

// watch waits for the process to exit and returns how. One that is silent for
// too long is made to write its stacks, and killed.
func watch(process interface{ Signal(os.Signal) error }, alive <-chan struct{}, exited <-chan error) error {
	limit := firstWord
	silent := time.NewTimer(limit)
	defer silent.Stop()
	for {
		select {
		case err := <-exited:
			if err == nil {
				return fmt.Errorf("it returned although nobody asked it to")
			}
			return err
		case <-alive:
			limit = silence
			silent.Reset(limit)
		case <-silent.C:
			// The process may be gone already; then exited says so.
			_ = process.Signal(unix.SIGQUIT)
			kill := time.AfterFunc(lastWords, func() { _ = process.Signal(unix.SIGKILL) })
			err := <-exited
			kill.Stop()
			return fmt.Errorf("no sign of life for %v: %w", limit, err)
		}
	}
}

// acts is what one router process may ask for.
type acts struct {
	*router
	ctx   context.Context // of the process's life
	alive chan<- struct{}
}

func (a acts) Booted() error {
	select {
	case <-a.booted:
		return nil
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
}

func (a acts) Alive() {
	a.pulse.beat(time.Now())
	select {
	case a.alive <- struct{}{}:
	default: // the one before has not been seen yet
	}
}

func (a acts) Reboot() error {
	a.end(ending{how: restart, why: "the router asks for it"})
	return nil
}

func (a acts) PowerOff() error {
	a.end(ending{how: powerOff, why: "the router asks for it"})
	return nil
}

func (a acts) FactoryReset() error {
	if err := a.Booted(); err != nil {
		return err
	}
	return a.reset()
}

func (a acts) SetTime(t time.Time) error { return a.clock.SetTime(t) }

func (a acts) Keep(name string, file *os.File) error { return a.files.Keep(name, file) }

func (a acts) Drop(name string) { a.files.Drop(name) }
