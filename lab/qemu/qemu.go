// Package qemu runs the lab's arm64 virtual machines: QEMU's "virt" machine
// under emulation, with a console whose lines carry the time they arrived, and
// optionally a second serial port with a root shell to ask questions of.
package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config describes a virtual machine.
type Config struct {
	Name      string
	Kernel    string // path of the kernel
	Initramfs string // path of the archive
	Args      []string
	// Firmware is the path of a boot loader, which takes the place of Kernel,
	// Initramfs and Args, and Disk that of the disk at PCI slot 7 that it starts
	// from.
	Firmware, Disk string
	CPUs           int
	MemoryMiB      int
	NICs           []NIC
	// Watchdog adds an i6300esb at PCI slot 8, which resets the machine.
	Watchdog bool
	// Button adds a keyboard at PCI slot 11, one key of which is the button of the
	// case.
	Button bool
	// Shell adds a second serial port, ttyS0, on which the guest serves a
	// shell.
	Shell bool
	// USB are the paths of unix sockets on which usb-redir is served, one for
	// each port of a USB controller at PCI slot 10. The first is the guest's
	// device 1-1. What a server has plugged in is the guest's device, and may
	// come and go.
	USB []string
	// Log is the path of a file for the console's output.
	Log string
}

// NIC is a virtio network card on a tap device.
type NIC struct {
	Slot int // PCI slot
	Tap  string
	MAC  string
}

// VM is a running virtual machine.
type VM struct {
	Name string
	// Console is the first serial port.
	Console *Console
	// Started is when the machine executed its first instruction.
	Started time.Time

	dir     string
	cmd     *exec.Cmd
	monitor *monitor
	shell   *Shell
	done    chan struct{}
}

// Start starts a machine. It keeps its sockets in dir. The machine is killed
// when ctx ends.
func Start(ctx context.Context, dir string, cfg Config) (*VM, error) {
	vm := &VM{Name: cfg.Name, dir: dir, done: make(chan struct{})}
	if err := vm.start(ctx, cfg); err != nil {
		return nil, fmt.Errorf("start the %s's VM: %w", cfg.Name, err)
	}
	return vm, nil
}

func (vm *VM) start(ctx context.Context, cfg Config) error {
	log, err := os.Create(cfg.Log)
	if err != nil {
		return err
	}
	monitorSocket, err := net.Listen("unix", vm.path("monitor"))
	if err != nil {
		return err
	}
	defer monitorSocket.Close()
	args := vm.arguments(cfg)
	var shellSocket net.Listener
	if cfg.Shell {
		if shellSocket, err = net.Listen("unix", vm.path("shell")); err != nil {
			return err
		}
		defer shellSocket.Close()
	}

	vm.cmd = exec.CommandContext(ctx, "qemu-system-aarch64", args...)
	var stderr strings.Builder
	vm.cmd.Stderr = &stderr
	input, err := vm.cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := vm.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := vm.cmd.Start(); err != nil {
		return fmt.Errorf("%w (package qemu-system-arm)", err)
	}
	vm.Console = newConsole(input, io.TeeReader(output, log))
	go func() {
		defer close(vm.done)
		defer log.Close()
		vm.Console.read()
		vm.cmd.Wait()
		// Closing the sockets ends whoever waits to be called back.
		monitorSocket.Close()
		if shellSocket != nil {
			shellSocket.Close()
		}
	}()

	// QEMU calls back on both sockets before it runs the guest, which waits
	// for the monitor's word: no time is lost in between.
	conn, err := monitorSocket.Accept()
	if err != nil {
		<-vm.done
		return errors.New(strings.TrimSpace(stderr.String()))
	}
	if vm.monitor, err = newMonitor(conn); err != nil {
		return err
	}
	if cfg.Shell {
		conn, err := shellSocket.Accept()
		if err != nil {
			return err
		}
		vm.shell = newShell(conn)
	}
	vm.Started = time.Now()
	return vm.monitor.execute("cont", nil)
}

func (vm *VM) path(name string) string { return filepath.Join(vm.dir, vm.Name+"-"+name) }

func (vm *VM) arguments(cfg Config) []string {
	args := []string{
		"-machine", "virt", "-cpu", "cortex-a72",
		"-smp", strconv.Itoa(cfg.CPUs), "-m", strconv.Itoa(cfg.MemoryMiB),
		"-nodefaults", "-display", "none", "-S",
		"-serial", "stdio",
		"-chardev", "socket,id=monitor,path=" + vm.path("monitor"),
		"-mon", "chardev=monitor,mode=control",
	}
	if cfg.Firmware != "" {
		args = append(args, "-bios", cfg.Firmware,
			"-drive", "if=none,id=disk,format=raw,discard=unmap,file="+cfg.Disk,
			"-device", "virtio-blk-pci,drive=disk,addr=0x7,romfile=")
	} else {
		args = append(args, "-kernel", cfg.Kernel, "-initrd", cfg.Initramfs, "-append", strings.Join(cfg.Args, " "))
	}
	for i, nic := range cfg.NICs {
		args = append(args,
			"-netdev", fmt.Sprintf("tap,id=net%d,ifname=%s,script=no,downscript=no,vhost=off", i, nic.Tap),
			"-device", fmt.Sprintf("virtio-net-pci,id=nic%d,netdev=net%d,addr=%#x,mac=%s,romfile=", i, i, nic.Slot, nic.MAC))
	}
	if cfg.Watchdog {
		args = append(args, "-device", "i6300esb,addr=0x8", "-action", "watchdog=reset")
	}
	if cfg.Button {
		args = append(args, "-device", "virtio-keyboard-pci,addr=0xb")
	}
	if cfg.Shell {
		args = append(args,
			"-chardev", "socket,id=shell,path="+vm.path("shell"),
			"-device", "pci-serial,chardev=shell,addr=0x9")
	}
	if len(cfg.USB) > 0 {
		args = append(args, "-device", fmt.Sprintf("qemu-xhci,id=usb,addr=0xa,p2=%d", len(cfg.USB)))
	}
	for i, path := range cfg.USB {
		args = append(args,
			"-chardev", fmt.Sprintf("socket,id=usb%d,path=%s", i, path),
			"-device", fmt.Sprintf("usb-redir,chardev=usb%d,bus=usb.0,port=%d", i, i+1))
	}
	return args
}

// Reset is the reset button: the machine starts again without a good-bye.
func (vm *VM) Reset() error {
	vm.Started = time.Now()
	return vm.monitor.execute("system_reset", nil)
}

// Pause stops the machine's processors. When it returns, all that they have written to
// the disk is in its file.
func (vm *VM) Pause() error { return vm.monitor.execute("stop", nil) }

// StayOff lets the machine's next restart be its end.
func (vm *VM) StayOff() error {
	return vm.monitor.execute("set-action", map[string]any{"reboot": "shutdown"})
}

// Button presses the button of the case down, or lets go of it.
func (vm *VM) Button(down bool) error {
	key := map[string]any{"type": "qcode", "data": "f12"}
	event := map[string]any{"type": "key", "data": map[string]any{"down": down, "key": key}}
	return vm.monitor.execute("input-send-event", map[string]any{"events": []any{event}})
}

// Plug puts the cable into a network card, or pulls it out.
func (vm *VM) Plug(nic int, in bool) error {
	return vm.monitor.execute("set_link", map[string]any{"name": fmt.Sprintf("nic%d", nic), "up": in})
}

// Stop pulls the plug and waits until the machine is gone.
func (vm *VM) Stop() {
	vm.cmd.Process.Kill()
	<-vm.done
	os.Remove(vm.path("monitor"))
	os.Remove(vm.path("shell"))
}

// Done is closed when the machine is gone.
func (vm *VM) Done() <-chan struct{} { return vm.done }

// Run runs a command in the guest's shell and returns what it printed.
func (vm *VM) Run(ctx context.Context, command string) (string, error) {
	if vm.shell == nil {
		return "", fmt.Errorf("run %q: the %s has no shell for the lab", command, vm.Name)
	}
	out, err := vm.shell.run(ctx, command)
	if err != nil {
		return out, fmt.Errorf("run %q on the %s: %w", command, vm.Name, err)
	}
	return out, nil
}
