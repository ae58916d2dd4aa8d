//go:build netns || vm

package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

// start opens the sockets and receives on them until the test ends.
func start(t *testing.T, device string) *Conn {
	t.Helper()
	conn, err := Open(t.Context(), device)
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
