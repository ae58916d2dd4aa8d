//go:build vm

package interop

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace, by file descriptor.
type namespace int

func newNamespace(t *testing.T) namespace {
	t.Helper()
	var n namespace
	must(t, onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0); err != nil {
			return err
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		n = namespace(fd)
		return err
	}))
	t.Cleanup(func() { unix.Close(int(n)) })
	return n
}

// do runs f inside the namespace.
func (n namespace) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(n), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter namespace: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

// sysctl sets a value of the namespace's network stack.
func (n namespace) sysctl(name, value string) error {
	return n.do(func() error {
		return os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0)
	})
}

// command returns a command that will see only the root file system of the given
// name.
func command(root, program string, args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: program, Args: append([]string{program}, args...),
		Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin"},
		SysProcAttr: &syscall.SysProcAttr{Chroot: filepath.Join(roots, root)},
	}
}

// start starts a command inside the namespace.
func (n namespace) start(c *exec.Cmd) error { return n.do(c.Start) }

// run runs a command inside the namespace and returns what it says.
func (n namespace) run(c *exec.Cmd) (string, error) {
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := n.start(c); err != nil {
		return "", fmt.Errorf("start %s: %w", c.Path, err)
	}
	if err := c.Wait(); err != nil {
		return said.String(), fmt.Errorf("%v: %w\n%s", c.Args, err, said.Bytes())
	}
	return said.String(), nil
}
