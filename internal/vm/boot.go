package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// boot starts QEMU, copies what the guest writes to its second serial port to
// standard output and returns the status that it printed last. The first port is
// the kernel's, which would write into the middle of a line; what it said goes to
// standard error if not all is well.
func boot(ctx context.Context, icount bool, kernel, initrd, console string) (status int, err error) {
	defer func() {
		if said, readErr := os.ReadFile(console); readErr == nil && len(said) > 0 && (status != 0 || err != nil) {
			fmt.Fprintf(os.Stderr, "vm: the kernel said:\n%s\n", said)
		}
	}()
	clock := []string{"-smp", "2"}
	if icount {
		clock = []string{"-smp", "1", "-icount", "shift=0,sleep=off"}
	}
	qemu := exec.CommandContext(ctx, "qemu-system-aarch64", append(clock,
		"-machine", "virt", "-cpu", "cortex-a72", "-m", "512",
		"-nodefaults", "-nographic", "-no-reboot", "-serial", "file:"+console,
		"-chardev", "stdio,id=guest", "-device", "pci-serial,chardev=guest",
		"-device", "i6300esb", "-action", "watchdog=reset",
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyAMA0 quiet panic=-1")...)
	qemu.Stderr = os.Stderr
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	guest, err := qemu.StdoutPipe()
	if err != nil {
		return 1, fmt.Errorf("open the VM's serial port: %w", err)
	}
	if err := qemu.Start(); err != nil {
		return 1, fmt.Errorf("start the VM (package qemu-system-arm): %w", err)
	}
	status, exited := copyLines(guest)
	if err := qemu.Wait(); err != nil && !exited {
		return 1, fmt.Errorf("run the VM: %w", err)
	}
	if !exited {
		return 1, errors.New("the VM ended before the test did")
	}
	return status, nil
}

// copyLines copies lines until the guest prints its status.
func copyLines(guest io.Reader) (status int, exited bool) {
	lines := bufio.NewReader(guest)
	for {
		line, err := lines.ReadString('\n')
		text := strings.TrimRight(line, "\r\n")
		if word, ok := strings.CutPrefix(text, "vmexit "); ok {
			if status, parseErr := strconv.Atoi(word); parseErr == nil {
				return status, true
			}
		}
		if line != "" {
			fmt.Println(text)
		}
		if err != nil {
			return 1, false
		}
	}
}
