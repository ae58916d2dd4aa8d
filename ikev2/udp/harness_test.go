//go:build netns || vm

package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a packet may take on a machine that has no time for it.
const patience = 2 * time.Minute

// holder keeps duplicates, as PID 1 does.
type holder map[uint16]*os.File

func (h holder) Keep(port uint16, socket *os.File) {
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if copied, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
				h[port] = os.NewFile(uintptr(copied), "kept")
			}
		})
	}
	if err != nil || h[port] == nil {
		panic("a socket cannot be duplicated")
	}
}

func (h holder) Drop(port uint16) {
	h[port].Close()
	delete(h, port)
}

// close lets go of all.
func (h holder) close() {
	for port := range h {
		h.Drop(port)
	}
}

// start opens the sockets and receives on them until the test ends.
func start(t *testing.T, device string) *Conn {
	t.Helper()
	held := make(holder)
	t.Cleanup(held.close)
	return startHeld(t, device, held, nil)
}

// startHeld is start with sockets that an earlier Conn has left.
func startHeld(t *testing.T, device string, held holder, kept map[uint16]*os.File) *Conn {
	t.Helper()
	conn, err := Open(device, kept, held)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- conn.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, conn.Close()); err != nil {
			t.Errorf("Run and Close = %v", err)
		}
	})
	return conn
}

func write(t *testing.T, conn *net.UDPConn, datagram []byte, to netip.AddrPort) {
	t.Helper()
	if _, err := conn.WriteToUDPAddrPort(datagram, to); err != nil {
		t.Fatal(err)
	}
}
