// Command vm runs a Go test binary as root in an arm64 virtual machine with
// the firmware's own kernel:
//
//	GOARCH=arm64 CGO_ENABLED=0 go test -tags vm -exec vm ./firewall
//
// With -icount before the test's own name the VM has one processor, and its clock
// counts instructions, a nanosecond each: what a benchmark measures then is the
// same on every machine, however busy.
//
// All flags of go test work. The VM holds the test binary, the package's
// testdata directory, and the modules for networking, IPsec and nftables,
// which load by themselves when the kernel wants them. There is no network and
// no disk; the VM is gone when the test ends.
//
// A package whose tests need programs of Debian, such as a peer of another make,
// names them in testdata/debian/NAME, in lines "package NAME..." and "file
// PATH...", where a * in a PATH is as in the shell. The VM has the files, with the
// libraries they need, at /debian/NAME.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go test -exec 'vm [-icount]' PACKAGE (vm [-icount] TESTBINARY [FLAG...])")
	}
	icount := flag.Bool("icount", false, "let the clock of the VM count instructions")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	// go test sends SIGQUIT when its time is over.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGQUIT)
	defer stop()
	status, err := run(ctx, *icount, flag.Arg(0), flag.Args()[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "vm:", err)
	}
	os.Exit(status)
}

// run boots the VM with the test binary and returns the binary's exit status.
func run(ctx context.Context, icount bool, binary string, args []string) (status int, err error) {
	cache, err := debian.UserCache()
	if err != nil {
		return 1, err
	}
	kernel, err := cache.Kernel(ctx)
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "farspoke-vm-*")
	if err != nil {
		return 1, fmt.Errorf("create a directory for the VM: %w", err)
	}
	defer os.RemoveAll(dir)

	initrd := filepath.Join(dir, "initrd")
	if err := writeInitrd(ctx, initrd, dir, kernel, binary, args); err != nil {
		return 1, err
	}
	roots, err := roots(ctx, cache)
	if err != nil {
		return 1, err
	}
	if err := appendFiles(initrd, roots); err != nil {
		return 1, err
	}
	return boot(ctx, icount, kernel.Image(), initrd, filepath.Join(dir, "console"))
}

// writeInitrd writes the guest with its modules, and the test after it.
func writeInitrd(ctx context.Context, file, dir string, kernel debian.Kernel, binary string, args []string) error {
	guest := filepath.Join(dir, "guest")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", guest, "github.com/farspoke/farspoke/internal/vm/guest")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the guest's init: %w\n%s", err, out)
	}
	var archive initramfs.Archive
	if err := archive.Copy("/init", 0o755, guest); err != nil {
		return err
	}
	archive.Symlink("/sbin/modprobe", "/init")
	archive.CharDev("/dev/console", 0o600, 5, 1)
	modules, err := moduleNames(kernel)
	if err != nil {
		return err
	}
	if err := kernel.AddModules(&archive, debian.ModulesDir, modules...); err != nil {
		return err
	}
	if err := archive.Copy("/test/binary", 0o755, binary); err != nil {
		return err
	}
	archive.File("/test/args", 0o644, []byte(strings.Join(args, "\n")+"\n"))
	archive.Dir("/test/dir", 0o755)
	if _, err := os.Stat("testdata"); err == nil {
		if err := archive.CopyTree("/test/dir/testdata", "testdata"); err != nil {
			return err
		}
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the VM's initramfs: %w", err)
	}
	if _, err := archive.WriteTo(out); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write the VM's initramfs: %w", err)
	}
	return nil
}

// appendFiles adds archives to one, as the kernel takes them.
func appendFiles(archive string, more []string) error {
	out, err := os.OpenFile(archive, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write the VM's initramfs: %w", err)
	}
	defer out.Close()
	for _, name := range more {
		in, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("write the VM's initramfs: %w", err)
		}
		_, err = io.Copy(out, in)
		in.Close()
		if err != nil {
			return fmt.Errorf("write the VM's initramfs: %w", err)
		}
	}
	return nil
}
