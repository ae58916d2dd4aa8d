package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// boot starts QEMU, copies the console to standard output and returns the
// status that the guest printed last.
func boot(ctx context.Context, icount bool, kernel, initrd string) (status int, err error) {
	clock := []string{"-smp", "2"}
	if icount {
		clock = []string{"-smp", "1", "-icount", "shift=0,sleep=off"}
	}
	qemu := exec.CommandContext(ctx, "qemu-system-aarch64", append(clock,
		"-machine", "virt", "-cpu", "cortex-a72", "-m", "512",
		"-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
		"-device", "i6300esb", "-action", "watchdog=reset",
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyAMA0 quiet panic=-1")...)
	qemu.Stderr = os.Stderr
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	console, err := qemu.StdoutPipe()
	if err != nil {
		return 1, fmt.Errorf("open the VM's console: %w", err)
	}
	if err := qemu.Start(); err != nil {
		return 1, fmt.Errorf("start the VM (package qemu-system-arm): %w", err)
	}
	status, exited := copyConsole(console)
	if err := qemu.Wait(); err != nil && !exited {
		return 1, fmt.Errorf("run the VM: %w", err)
	}
	if !exited {
		return 1, errors.New("the VM ended before the test did: the kernel's last words are above")
	}
	return status, nil
}

// copyConsole copies lines until the guest prints its status.
func copyConsole(console interface{ Read([]byte) (int, error) }) (status int, exited bool) {
	lines := bufio.NewReader(console)
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
