// Command agent is a shell that the lab puts into the box it tests, in the
// place of the toolbox's, and starts from the box's console. It serves the
// second serial port, where the lab asks it questions; the box itself knows
// nothing of it.
//
// Besides what a POSIX shell has built in it knows cat, pidof, kill, and sas,
// which counts the kernel's IPsec SAs, so that it needs no toolbox and costs the
// machine no process.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// port is the serial port that package qemu connects to.
const port = "/dev/ttyS0"

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

// serve runs lines from the port until it ends.
func serve(ctx context.Context) error {
	tty, err := os.OpenFile(port, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open the lab's port: %w", err)
	}
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		return fmt.Errorf("set up the lab's port: %w", err)
	}
	shell, err := interp.New(interp.StdIO(nil, tty, tty), interp.ExecHandlers(commands))
	if err != nil {
		return fmt.Errorf("make a shell: %w", err)
	}
	fmt.Fprintln(os.Stdout, "agent serves "+port)
	lines := bufio.NewScanner(tty)
	for lines.Scan() {
		program, err := syntax.NewParser().Parse(strings.NewReader(lines.Text()), "")
		if err != nil {
			fmt.Fprintln(tty, err)
			continue
		}
		// A command's failure is in $?, which the lab asks for itself.
		shell.Run(ctx, program)
	}
	return lines.Err()
}

// commands are what is not built into the shell.
func commands(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		stdio := interp.HandlerCtx(ctx)
		var err error
		switch args[0] {
		case "cat":
			err = cat(stdio.Stdout, args[1:])
		case "pidof":
			err = pidof(stdio.Stdout, args[1:])
		case "kill":
			err = kill(args[1:])
		case "sas":
			err = sas(stdio.Stdout)
		default:
			return next(ctx, args)
		}
		if err != nil {
			fmt.Fprintf(stdio.Stderr, "%s: %v\n", args[0], err)
			return interp.NewExitStatus(1)
		}
		return nil
	}
}

func cat(w io.Writer, files []string) error {
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// pidof finds processes by the base name of their first argument, as
// busybox's does.
func pidof(w io.Writer, names []string) error {
	if len(names) != 1 {
		return errors.New("want one name")
	}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	found := false
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		first, _, _ := strings.Cut(string(data), "\x00")
		if filepath.Base(first) == names[0] {
			found = true
			fmt.Fprint(w, filepath.Base(filepath.Dir(file)), " ")
		}
	}
	if !found {
		return fmt.Errorf("no process is named %s", names[0])
	}
	fmt.Fprintln(w)
	return nil
}

// kill sends a signal, given by number or name, to a process.
func kill(args []string) error {
	if len(args) != 2 || !strings.HasPrefix(args[0], "-") {
		return errors.New("want -SIGNAL and a process")
	}
	signal := unix.SignalNum("SIG" + args[0][1:])
	if number, err := strconv.Atoi(args[0][1:]); err == nil {
		signal = unix.Signal(number)
	}
	if signal == 0 {
		return fmt.Errorf("there is no signal %s", args[0][1:])
	}
	pid, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return unix.Kill(pid, signal)
}

// sas prints how many SAs the kernel has.
func sas(w io.Writer) error {
	states, err := netlink.XfrmStateList(netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, len(states))
	return err
}
