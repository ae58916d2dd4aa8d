//go:build netns

package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// askForErrors makes the socket of a port report ICMP errors, which it does not
// by itself.
func askForErrors(t *testing.T, conn *Conn, port uint16) {
	t.Helper()
	raw, err := conn.sockets[port].SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// TestICMPErrorsEndNothing lets the peer refuse a message, and then sends one
// from there: whoever reads finds the error before it.
func TestICMPErrorsEndNothing(t *testing.T) {
	loopback(t)
	for _, reported := range []bool{false, true} {
		t.Run(fmt.Sprintf("reported %v", reported), func(t *testing.T) {
			conn, remote := start(t, ""), dial(t)
			if err := conn.Retain(extra); err != nil {
				t.Fatal(err)
			}
			for _, port := range conn.Ports() {
				if reported {
					askForErrors(t, conn, port)
				}
				from := netip.AddrPortFrom(local, port)
				refused := Packet{Local: from, Remote: netip.AddrPortFrom(peer, 9), Data: make([]byte, headerSize)}
				if err := conn.Send(refused); err != nil {
					t.Fatal(err)
				}
				write(t, remote, frame(port, make([]byte, headerSize)), from)
				select {
				case <-conn.Packets():
				case <-time.After(patience):
					t.Fatalf("port %d receives nothing any more", port)
				}
				exchange(t, conn, remote, port)
			}
		})
	}
}

// TestHostileDatagrams sends what is no IKE, and then something that is.
func TestHostileDatagrams(t *testing.T) {
	loopback(t)
	conn, remote := start(t, ""), dial(t)
	if err := conn.Retain(extra); err != nil {
		t.Fatal(err)
	}
	for _, port := range conn.Ports() {
		to := netip.AddrPortFrom(local, port)
		before := conn.Counters()
		var junk uint64
		for _, datagram := range [][]byte{
			{}, {0}, {0xff}, {0xff, 0xff}, {0, 0, 0}, {0, 0, 0, 0}, make([]byte, headerSize-1),
			bytes.Repeat([]byte{0xff}, 1400), bytes.Repeat([]byte{0xff}, maxDatagram), append(make([]byte, 3), bytes.Repeat([]byte{1}, 60)...),
		} {
			write(t, remote, datagram, to)
			if _, ok := deframe(port, datagram); !ok {
				junk++
			} else if p := <-conn.Packets(); len(p.Data) != len(datagram) {
				t.Errorf("port %d: %d octets of %d arrive", port, len(p.Data), len(datagram))
			}
		}
		largest := bytes.Repeat([]byte{7}, maxDatagram-markerSize)
		write(t, remote, frame(port, largest), to)
		if p := <-conn.Packets(); !bytes.Equal(p.Data, largest) {
			t.Errorf("port %d: %d octets of %d arrive", port, len(p.Data), len(largest))
		}
		counted := conn.Counters().Junk - before.Junk
		// The kernel takes for itself what may be ESP, and keepalives.
		if port == Port && counted != junk || port != Port && (counted == 0 || counted > junk) {
			t.Errorf("port %d: %d of %d junk datagrams are counted", port, counted, junk)
		}
		exchange(t, conn, remote, port)
	}
	if err := conn.Send(Packet{
		Local: netip.AddrPortFrom(local, PortNAT), Remote: remote.LocalAddr().(*net.UDPAddr).AddrPort(), Data: make([]byte, maxDatagram),
	}); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a message larger than a datagram: %v", err)
	}
	exchange(t, conn, remote, PortNAT)
}
