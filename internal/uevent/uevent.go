// Package uevent hears from the kernel which devices come and go, and makes it
// repeat what it said before anybody listened (coldplug). Messages arrive on
// the netlink family NETLINK_KOBJECT_UEVENT: "ACTION@DEVPATH", then KEY=VALUE
// strings, each with a final NUL (kernel: lib/kobject_uevent.c).
package uevent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// kernelGroup is the multicast group of the kernel's own messages; others
	// are udev's.
	kernelGroup = 1
	// maxMessage is more than the kernel ever sends, in octets
	// (UEVENT_BUFFER_SIZE is 2048, plus the header).
	maxMessage = 8192
	// socketBuffer holds what a coldplug sets off at once, in octets.
	socketBuffer = 4 << 20
)

// ErrOverrun says that events came faster than they were handled and some are
// lost. A Coldplug brings back what matters of them.
var ErrOverrun = errors.New("device events lost")

// Event is one message of the kernel about a device.
type Event struct {
	// Action is "add", "remove", "change", "move", "bind" or "unbind".
	Action string
	// Path is the device's path below /sys.
	Path string
	// Vars are the event's variables, such as SUBSYSTEM and MODALIAS.
	Vars map[string]string
}

// parse decodes one message.
func parse(message []byte) (Event, error) {
	fields := strings.Split(string(message), "\x00")
	action, path, ok := strings.Cut(fields[0], "@")
	if !ok || action == "" || !strings.HasPrefix(path, "/") {
		return Event{}, fmt.Errorf("device event begins with %.40q, not with ACTION@DEVPATH", fields[0])
	}
	e := Event{Action: action, Path: path, Vars: make(map[string]string, len(fields)-1)}
	for _, field := range fields[1:] {
		if key, value, ok := strings.Cut(field, "="); ok {
			e.Vars[key] = value
		}
	}
	return e, nil
}

// Socket receives events from the moment it is opened.
type Socket struct {
	file *os.File
}

// Listen opens a socket. It takes the privilege to enlarge its buffer.
func Listen() (*Socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("open device event socket: %w", err)
	}
	s := &Socket{os.NewFile(uintptr(fd), "uevent")}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer); err != nil {
		s.Close()
		return nil, fmt.Errorf("enlarge device event socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		s.Close()
		return nil, fmt.Errorf("join device events: %w", err)
	}
	return s, nil
}

// Close ends a Receive that waits.
func (s *Socket) Close() error { return s.file.Close() }

// Receive waits for the next event of the kernel. It returns the context's
// error once ctx is cancelled, and ErrOverrun, after which it may be called
// again, when events were lost.
func (s *Socket) Receive(ctx context.Context) (Event, error) {
	stop := context.AfterFunc(ctx, func() { s.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := s.file.SyscallConn()
	if err != nil {
		return Event{}, fmt.Errorf("receive device event: %w", err)
	}
	buffer := make([]byte, maxMessage)
	for {
		var n int
		var from unix.Sockaddr
		var received error
		err := conn.Read(func(fd uintptr) bool {
			n, from, received = unix.Recvfrom(int(fd), buffer, 0)
			return !errors.Is(received, unix.EAGAIN)
		})
		switch {
		case ctx.Err() != nil:
			return Event{}, ctx.Err()
		case errors.Is(received, unix.ENOBUFS):
			return Event{}, ErrOverrun
		case err != nil || received != nil:
			return Event{}, fmt.Errorf("receive device event: %w", errors.Join(err, received))
		}
		// Whoever has CAP_NET_ADMIN can send to the group as well: only the
		// kernel has port 0.
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue
		}
		return parse(buffer[:n])
	}
}

// Coldplug makes the kernel send "add" for every device below root, which is
// /sys/devices. A device that goes away meanwhile is no error.
func Coldplug(ctx context.Context, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return fmt.Errorf("look for devices: %w", err)
		}
		if d.Name() != "uevent" || !d.Type().IsRegular() {
			return nil
		}
		err = os.WriteFile(path, []byte("add"), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("ask for device event: %w", err)
		}
		return nil
	})
}
