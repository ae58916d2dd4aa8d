//go:build netns

package udp

import (
	"bytes"
	"context"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const extra = FirstExtra + 7

// exchange sends a message from a local port and answers it.
func exchange(t *testing.T, conn *Conn, remote *net.UDPConn, port uint16) {
	t.Helper()
	message := bytes.Repeat([]byte{7}, 100)
	from := netip.AddrPortFrom(local, port)
	if err := conn.Send(Packet{Local: from, Remote: remote.LocalAddr().(*net.UDPAddr).AddrPort(), Data: message}); err != nil {
		t.Fatal(err)
	}
	datagram := make([]byte, 200)
	n, source, err := remote.ReadFromUDPAddrPort(datagram)
	if err != nil || source != from || !bytes.Equal(datagram[:n], frame(port, message)) {
		t.Fatalf("the peer got %x from %s, %v", datagram[:n], source, err)
	}
	write(t, remote, datagram[:n], from)
	select {
	case p := <-conn.Packets():
		if p.Local != from || !bytes.Equal(p.Data, message) {
			t.Errorf("packet to %s: %x", p.Local, p.Data)
		}
	case <-time.After(patience):
		t.Fatalf("the answer to %s does not arrive", from)
	}
}

func TestExtraPorts(t *testing.T) {
	loopback(t)
	held := make(holder)
	defer held.close()
	conn, remote := startHeld(t, "lo", held, nil), dial(t)
	exchange(t, conn, remote, extra)
	exchange(t, conn, remote, PortNAT)

	from, to := netip.AddrPortFrom(local, extra), remote.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := conn.Keepalive(from, to); err != nil {
		t.Fatal(err)
	}
	octets := make([]byte, 10)
	if n, source, err := remote.ReadFromUDPAddrPort(octets); err != nil || source != from || n != 1 || octets[0] != 0xff {
		t.Errorf("keepalive = %x from %s, %v", octets[:n], source, err)
	}

	open := []uint16{Port, PortNAT, extra}
	if kept := slices.Sorted(maps.Keys(held)); !slices.Equal(conn.Ports(), open) || !slices.Equal(kept, open) {
		t.Errorf("open are %v, kept %v; want %v", conn.Ports(), kept, open)
	}
	if err := conn.Retain(extra+1, extra); err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, remote, extra)
	exchange(t, conn, remote, extra+1)
	if err := conn.Retain(extra + 1); err != nil {
		t.Fatal(err)
	}
	open = []uint16{Port, PortNAT, extra + 1}
	if kept := slices.Sorted(maps.Keys(held)); !slices.Equal(conn.Ports(), open) || !slices.Equal(kept, open) {
		t.Errorf("after one was retired: open are %v, kept %v; want %v", conn.Ports(), kept, open)
	}
	// Nobody listens there any more, not even a duplicate.
	again, err := net.ListenUDP("udp4", &net.UDPAddr{Port: extra})
	if err != nil {
		t.Errorf("the port of a socket that was retired is in use: %v", err)
	} else {
		again.Close()
	}
	exchange(t, conn, remote, extra+1)
	exchange(t, conn, remote, PortNAT)
}

func TestOnlyDynamicPortsAreExtra(t *testing.T) {
	loopback(t)
	conn := start(t, "")
	for _, port := range []uint16{0, 501, 4501, FirstExtra - 1} {
		p := Packet{Local: netip.AddrPortFrom(local, port), Remote: netip.AddrPortFrom(peer, PortNAT), Data: make([]byte, headerSize)}
		if err := conn.Send(p); err == nil {
			t.Errorf("sent from port %d", port)
		}
	}
	if open := conn.Ports(); len(open) != 2 {
		t.Errorf("open are %v", open)
	}
}

func TestExtraPortsAreBounded(t *testing.T) {
	loopback(t)
	conn := start(t, "")
	var failed error
	var sent int
	for port := uint16(FirstExtra); failed == nil && sent < 100; port++ {
		failed = conn.Send(Packet{Local: netip.AddrPortFrom(local, port), Remote: netip.AddrPortFrom(peer, PortNAT), Data: make([]byte, headerSize)})
		sent++
	}
	if open := conn.Ports(); failed == nil || len(open) != maxSockets || !strings.Contains(failed.Error(), "are open already") {
		t.Errorf("%d ports are open; err = %v", len(open), failed)
	}
	if err := conn.Retain(); err != nil {
		t.Error(err)
	}
	if open := conn.Ports(); !slices.Equal(open, []uint16{Port, PortNAT}) {
		t.Errorf("open are %v", open)
	}
}

// TestNextProcessTakesOver closes a Conn and goes on with the duplicates.
func TestNextProcessTakesOver(t *testing.T) {
	loopback(t)
	held := make(holder)
	defer held.close()
	first, err := Open("lo", nil, held)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- first.Run(ctx) }()
	remote := dial(t)
	exchange(t, first, remote, extra)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Send(Packet{Local: netip.AddrPortFrom(local, extra), Remote: netip.AddrPortFrom(peer, PortNAT), Data: make([]byte, headerSize)}); err == nil {
		t.Error("a closed Conn sends")
	}
	// What arrives while there is no process is not lost.
	message := bytes.Repeat([]byte{9}, headerSize)
	write(t, remote, frame(extra, message), netip.AddrPortFrom(local, extra))

	if _, err := Open("", maps.Clone(held), held); err == nil || !strings.Contains(err.Error(), `bound to "lo"`) {
		t.Errorf("sockets of another device are taken over: %v", err)
	}
	if _, err := Open("lo", map[uint16]*os.File{extra + 1: held[extra]}, held); err == nil || !strings.Contains(err.Error(), "it is of port") {
		t.Errorf("the socket of another port is taken over: %v", err)
	}
	second := startHeld(t, "lo", held, maps.Clone(held))
	if p := <-second.Packets(); !bytes.Equal(p.Data, message) || p.Local.Port() != extra {
		t.Errorf("packet to %s: %x", p.Local, p.Data)
	}
	exchange(t, second, remote, extra)
	exchange(t, second, remote, Port)
	if err := second.Retain(); err != nil {
		t.Error(err)
	}
	if open := second.Ports(); !slices.Equal(open, []uint16{Port, PortNAT}) {
		t.Errorf("open are %v", open)
	}
}
