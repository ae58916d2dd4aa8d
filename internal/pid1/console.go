package pid1

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// background is the nice value of what yields to the router.
const background = 10

// console runs the session on the serial console. It needs nothing of the
// router, so that a box with a broken configuration can say what is wrong.
type console struct {
	device string // below /dev
	reaper *reaper
}

// life runs one session until it ends.
func (c console) life(ctx context.Context) error {
	device := c.device
	if device == "" {
		var err error
		if device, err = activeConsole(); err != nil {
			return err
		}
	}
	tty, err := os.OpenFile("/dev/"+device, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open console: %w", err)
	}
	defer tty.Close()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{"console"}
	cmd.Dir = "/"
	cmd.Env = []string{"TERM=vt220", "HOME=/tmp", "PATH=/bin:/bbin", "SHELL=/bin/sh"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.reaper.start(cmd, cmd.Start); err != nil {
		return fmt.Errorf("start session on %s: %w", device, err)
	}
	// Whoever looks at the box must not take the CPU from what it does.
	if err := unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, background); err != nil {
		return errors.Join(fmt.Errorf("lower the session's priority: %w", err), c.reaper.wait(cmd))
	}
	return c.reaper.wait(cmd)
}

// activeConsole returns the name of the device that /dev/console stands for,
// on a board of which nothing is known: the last one that the kernel lists.
func activeConsole() (string, error) {
	data, err := os.ReadFile("/sys/class/tty/console/active")
	if err != nil {
		return "", fmt.Errorf("find console: %w", err)
	}
	names := strings.Fields(string(data))
	if len(names) == 0 {
		return "", fmt.Errorf("find console: the kernel has none")
	}
	return names[len(names)-1], nil
}
