// Command guest is PID 1 of the VM that internal/vm boots: it mounts what
// tests look at, runs the test binary, prints the exit status on the second serial
// port and powers the VM off. The kernel also starts it as modprobe, so that tests
// get every module they cause the kernel to ask for.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/nl"
)

func main() {
	if filepath.Base(os.Args[0]) == "modprobe" {
		if err := modprobe(os.Args[len(os.Args)-1]); err != nil {
			os.Exit(1)
		}
		return
	}
	status, err := run()
	if err != nil {
		fmt.Println("guest:", err)
	}
	fmt.Printf("\nvmexit %d\n", status)
	if err := unix.IoctlSetInt(unix.Stdout, unix.TCSBRK, 1); err != nil { // tcdrain
		fmt.Println("guest: wait until all is written:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("guest: power off:", err)
	}
}

// run starts the command that /test/args names, one word a line.
func run() (status int, err error) {
	for _, m := range []struct{ fstype, target string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return 1, fmt.Errorf("create %s: %w", m.target, err)
		}
		if err := unix.Mount(m.fstype, m.target, m.fstype, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return 1, fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := leaveConsole(); err != nil {
		return 1, err
	}
	if err := nl.LoopbackUp(); err != nil {
		return 1, err
	}
	if err := askForLong(); err != nil {
		return 1, err
	}
	args, err := os.ReadFile("/test/args")
	if err != nil {
		return 1, fmt.Errorf("read the arguments: %w", err)
	}
	cmd := exec.Command("/test/binary", strings.Split(strings.TrimSuffix(string(args), "\n"), "\n")...)
	cmd.Dir = "/test/dir"
	cmd.Env = []string{"HOME=/tmp", "TMPDIR=/tmp", "PATH=/bin"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run the test: %w", err)
	}
	return 0, nil
}

// leaveConsole leaves the console to the kernel: all that this process and its
// children print goes to the second serial port from now on.
func leaveConsole() error {
	port, err := os.OpenFile("/dev/ttyS0", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open the serial port: %w", err)
	}
	defer port.Close()
	for _, fd := range []int{unix.Stdout, unix.Stderr} {
		if err := unix.Dup3(int(port.Fd()), fd, 0); err != nil {
			return fmt.Errorf("write to the serial port: %w", err)
		}
	}
	return nil
}

// solicitations is how often, once a second, links ask who has an address. By the
// kernel's own three a packet is lost when the processor that is to answer has other
// work for as long, as in a VM on a busy machine.
const solicitations = "60"

// askForLong has links that appear, in whatever network namespace, ask for neighbours
// for long.
func askForLong() error {
	for _, family := range []string{"ipv4", "ipv6"} {
		for _, to := range []string{"mcast_solicit", "ucast_solicit"} {
			name := fmt.Sprintf("/proc/sys/net/%s/neigh/default/%s", family, to)
			if err := os.WriteFile(name, []byte(solicitations), 0); err != nil {
				return fmt.Errorf("have links ask for neighbours for long: %w", err)
			}
		}
	}
	return nil
}

// modprobe loads the modules that the kernel asks for by name or alias.
func modprobe(alias string) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(uts.Release[:]))
	index, err := kmod.ReadIndex(os.DirFS(dir))
	if err != nil {
		return err
	}
	names := index.Match(alias)
	if len(names) == 0 {
		names = []string{alias}
	}
	files, err := index.Closure(names...)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := load(filepath.Join(dir, file)); err != nil {
			return err
		}
	}
	return nil
}

func load(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load %s: %w", file, err)
	}
	return nil
}
