package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reaper collects the processes that PID 1 inherits when their parents end. It
// never takes the exit status of a process that PID 1 started itself: it peeks
// with WNOWAIT, and leaves those to whoever waits for them.
type reaper struct {
	mu  sync.Mutex // held while a child is started, so that none is unknown
	own map[int]bool
	// again wakes the reaper after an own child was waited for: while that
	// one was first in the kernel's list, it hid those behind it.
	again chan struct{}
}

func newReaper() *reaper {
	return &reaper{own: make(map[int]bool), again: make(chan struct{}, 1)}
}

// start starts cmd by calling begin. The caller must call wait.
func (r *reaper) start(cmd *exec.Cmd, begin func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := begin(); err != nil {
		return err
	}
	r.own[cmd.Process.Pid] = true
	return nil
}

// wait waits for cmd to end.
func (r *reaper) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	r.mu.Lock()
	delete(r.own, cmd.Process.Pid)
	r.mu.Unlock()
	select {
	case r.again <- struct{}{}:
	default:
	}
	return err
}

// run reaps until ctx is cancelled.
func (r *reaper) run(ctx context.Context) error {
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	defer signal.Stop(died)
	for {
		if err := r.reap(); err != nil {
			return err
		}
		select {
		case <-died:
		case <-r.again:
		case <-ctx.Done():
			return nil
		}
	}
}

// reap collects orphans until there is none, or an own child comes first.
func (r *reaper) reap() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		pid, err := peek()
		if err != nil {
			return fmt.Errorf("look for ended processes: %w", err)
		}
		if pid == 0 || r.own[pid] {
			return nil
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil && !errors.Is(err, unix.ECHILD) {
			return fmt.Errorf("reap process %d: %w", pid, err)
		}
	}
}

// exited is siginfo_t as waitid(2) fills it in, on 64-bit systems.
type exited struct {
	signo, errno, code, _ int32
	pid                   int32
	_                     [108]byte
}

// peek returns the pid of a child that has ended, 0 if none has, and leaves it
// waitable.
func peek() (int, error) {
	var info exited
	for {
		err := unix.Waitid(unix.P_ALL, 0, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD):
			return 0, nil
		}
		return int(info.pid), err
	}
}
