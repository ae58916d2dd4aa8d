// Package sandbox gives the lab a machine's network of its own: user, network,
// mount and process namespaces in which it is root, whoever started it.
//
// What runs inside has no way to the network or the files' owners outside, and
// ends with it: the process that enters is number 1 of the new process
// namespace, so the kernel kills everything inside when it ends, and it is itself killed
// when the process that started it ends, however that came about.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// entered is set in the environment of the process inside.
const entered = "FARSPOKE_LAB_SANDBOX"

// Inside reports whether this process was started inside the sandbox.
func Inside() bool { return os.Getenv(entered) != "" }

// Enter starts this program again, with the same arguments, inside a new
// sandbox and waits for it. In the program outside it returns inside = false and
// the exit status to leave with; inside it returns true, and the caller goes
// on.
func Enter(ctx context.Context) (inside bool, status int, err error) {
	if Inside() {
		if err := settle(); err != nil {
			return true, 0, fmt.Errorf("settle in the sandbox: %w", err)
		}
		return true, 0, nil
	}

	status, err = Run(ctx, os.Stdout, os.Stderr, os.Args[1:])
	return false, status, err
}

// Run starts this program again, with other arguments and further lines of the
// environment, inside a new sandbox, waits for it and returns its exit status. In
// there it calls [Enter].
func Run(ctx context.Context, stdout, stderr io.Writer, args []string, env ...string) (status int, err error) {
	// The death signal follows the thread that starts the process: it must not
	// end before the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = slices.Concat(os.Environ(), env, []string{entered + "=1"})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  unix.SIGKILL,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	// A Ctrl-C reaches the process inside through the terminal; this one waits
	// for it to clean up.
	signal.Ignore(unix.SIGINT)
	if err := cmd.Start(); err != nil {
		return 1, explain(err)
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(unix.SIGTERM) })
	defer stop()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// explain says what to do where the kernel or a distribution forbids namespaces
// to ordinary users.
func explain(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("create namespaces: %w: this machine keeps user namespaces from ordinary users; run as root, or allow them (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)", err)
	}
	return fmt.Errorf("create namespaces: %w", err)
}

// settle makes the new namespaces usable: mounts stay inside, /proc shows the
// processes inside, /run is empty and writable, the loopback is up.
func settle() error {
	os.Unsetenv(entered)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts inside: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback: %w", err)
	}
	return netlink.LinkSetUp(loopback)
}
