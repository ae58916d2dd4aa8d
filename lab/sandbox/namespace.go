package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Namespace is a network namespace inside the sandbox: one machine of the lab
// that needs no kernel of its own. Its methods are safe for concurrent use.
type Namespace struct {
	name   string
	handle netns.NsHandle
	*netlink.Handle
}

// NewNamespace creates a network namespace with its loopback up.
func NewNamespace(name string) (*Namespace, error) {
	ns := &Namespace{name: name}
	err := onOwnThread(func() (err error) {
		ns.handle, err = netns.New()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create network namespace %s: %w", name, err)
	}
	if ns.Handle, err = netlink.NewHandleAt(ns.handle); err != nil {
		return nil, fmt.Errorf("open netlink in %s: %w", name, err)
	}
	loopback, err := ns.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("find the loopback of %s: %w", name, err)
	}
	return ns, ns.LinkSetUp(loopback)
}

func (ns *Namespace) String() string { return ns.name }

// Do runs f in the namespace. What f opens or starts stays there; f must not
// start goroutines that count on being there.
func (ns *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := netns.Set(ns.handle); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", ns.name, err)
		}
		return f()
	})
}

// onOwnThread runs f on a thread that ends with it, so that a namespace f
// enters never comes to be another goroutine's.
func onOwnThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		result <- f()
	}()
	return <-result
}

// Run runs a command in the namespace, with stdin as its input, and returns an
// error that holds what it printed.
func (ns *Namespace) Run(ctx context.Context, stdin string, name string, args ...string) error {
	var out strings.Builder
	cmd := command(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	if err := ns.Do(cmd.Start); err != nil {
		return fmt.Errorf("run %s in %s: %w", name, ns.name, err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("run %s in %s: %w\n%s", name, ns.name, err, out.String())
	}
	return nil
}

// Start starts a daemon in the namespace with its output going to log. The
// daemon is killed when ctx ends; wait returns when it is gone.
func (ns *Namespace) Start(ctx context.Context, log io.Writer, name string, args ...string) (wait func() error, err error) {
	cmd := command(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := ns.Do(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s in %s: %w", name, ns.name, err)
	}
	return cmd.Wait, nil
}

// command finds programs that Debian keeps out of the PATH of ordinary users.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path := filepath.Join(dir, name); filepath.Base(name) == name {
			if _, err := os.Stat(path); err == nil {
				name = path
				break
			}
		}
	}
	return exec.CommandContext(ctx, name, args...)
}

// Sysctl sets a value below /proc/sys/net, such as "ipv4/ip_forward".
func (ns *Namespace) Sysctl(name, value string) error {
	return ns.Do(func() error {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644); err != nil {
			return fmt.Errorf("set sysctl in %s: %w", ns.name, err)
		}
		return nil
	})
}

// Attach gives the namespace an interface with an address and puts its other
// end on a bridge of the sandbox.
func (ns *Namespace) Attach(bridge, name string, address netip.Prefix) error {
	pair := netlink.NewVeth(netlink.LinkAttrs{Name: bridge + "-" + ns.name})
	pair.PeerName = name
	pair.PeerNamespace = netlink.NsFd(ns.handle)
	err := errors.Join(
		netlink.LinkAdd(pair),
		attach(bridge, pair.Name),
		ns.AddAddress(name, address),
	)
	if err != nil {
		return fmt.Errorf("attach %s to bridge %s: %w", ns.name, bridge, err)
	}
	return nil
}

// AddAddress gives an interface another address and sets it up.
func (ns *Namespace) AddAddress(name string, address netip.Prefix) error {
	link, err := ns.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address.String())
	if err != nil {
		return err
	}
	return errors.Join(ns.AddrAdd(link, addr), ns.LinkSetUp(link))
}

// DefaultRoute sends what the namespace has no other route for to gateway.
func (ns *Namespace) DefaultRoute(gateway netip.Addr) error {
	err := ns.RouteAdd(&netlink.Route{Gw: gateway.AsSlice()})
	if err != nil {
		return fmt.Errorf("set default route of %s: %w", ns.name, err)
	}
	return nil
}

// Close releases the namespace. It lives on while a process or socket is in
// it.
func (ns *Namespace) Close() error {
	ns.Handle.Close()
	return ns.handle.Close()
}
