//go:build netns

package udp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// local and spare are addresses of the loopback device, peer is where the test
// plays the other end.
var (
	local = netip.MustParseAddr("192.0.2.1")
	spare = netip.MustParseAddr("192.0.2.2")
	peer  = netip.MustParseAddr("192.0.2.9")
)

// loopback brings the namespace's loopback device up with the addresses above.
func loopback(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	for _, a := range []netip.Addr{local, spare, peer} {
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(32, 32)}}
		if err := netlink.AddrReplace(lo, addr); err != nil {
			t.Fatal(err)
		}
	}
}

// dial opens the peer's socket.
func dial(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestPacketsAndReplies(t *testing.T) {
	loopback(t)
	for _, device := range []string{"", "lo"} {
		t.Run("device "+device, func(t *testing.T) {
			conn, remote := start(t, device), dial(t)
			message := bytes.Repeat([]byte{7}, 3000) // more than one fragment on most links
			for _, at := range []netip.Addr{local, spare} {
				for _, port := range []uint16{Port, PortNAT} {
					to := netip.AddrPortFrom(at, port)
					write(t, remote, frame(port, message), to)
					p := <-conn.Packets()
					if p.Local != to || p.Remote.Addr() != peer || !bytes.Equal(p.Data, message) {
						t.Fatalf("packet to %s: local %s, remote %s, %d octets", to, p.Local, p.Remote, len(p.Data))
					}
					if err := conn.Send(p); err != nil {
						t.Fatal(err)
					}
					reply := make([]byte, 4000)
					n, from, err := remote.ReadFromUDPAddrPort(reply)
					if err != nil {
						t.Fatal(err)
					}
					if from != to || !bytes.Equal(reply[:n], frame(port, message)) {
						t.Errorf("reply of %d octets from %s, want it from %s", n, from, to)
					}
				}
			}
			if c := conn.Counters(); c.Received != 4 || c.Sent != 4 || c.Junk != 0 {
				t.Errorf("counters = %+v", c)
			}
		})
	}
}

func TestJunkIsCountedAndSkipped(t *testing.T) {
	loopback(t)
	conn, remote := start(t, ""), dial(t)
	at := netip.AddrPortFrom(local, PortNAT)
	// Of these the kernel eats the keepalive, and the datagram that looks like
	// ESP.
	for _, junk := range [][]byte{{0xff}, {0, 0, 0, 0}, {1, 2, 3}, bytes.Repeat([]byte{1}, 40)} {
		write(t, remote, junk, at)
	}
	message := bytes.Repeat([]byte{7}, headerSize)
	write(t, remote, frame(PortNAT, message), at)
	if p := <-conn.Packets(); !bytes.Equal(p.Data, message) {
		t.Errorf("packet = %x", p.Data)
	}
	if c := conn.Counters(); c.Received != 1 || c.Junk != 2 {
		t.Errorf("counters = %+v, want 1 received and 2 junk", c)
	}
}

func TestKeepalive(t *testing.T) {
	loopback(t)
	conn, remote := start(t, ""), dial(t)
	from := netip.AddrPortFrom(local, PortNAT)
	to := remote.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := conn.Keepalive(from, to); err != nil {
		t.Fatal(err)
	}
	datagram := make([]byte, 10)
	n, source, err := remote.ReadFromUDPAddrPort(datagram)
	if err != nil || source != from || !bytes.Equal(datagram[:n], []byte{0xff}) {
		t.Errorf("keepalive = %x from %s, %v", datagram[:n], source, err)
	}
	if err := conn.Keepalive(netip.AddrPortFrom(local, Port), to); err == nil {
		t.Error("keepalive from port 500 is sent")
	}
	if c := conn.Counters(); c.Keepalives != 1 {
		t.Errorf("counters = %+v", c)
	}
}

func TestSendWithoutRoute(t *testing.T) {
	loopback(t)
	conn := start(t, "")
	err := conn.Send(Packet{
		Local:  netip.AddrPortFrom(netip.IPv4Unspecified(), Port),
		Remote: netip.MustParseAddrPort("203.0.113.1:500"),
		Data:   make([]byte, headerSize),
	})
	if !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("err = %v, want ENETUNREACH", err)
	}
}

func TestOpenNamesTheMissingVRF(t *testing.T) {
	_, err := Open("front", nil, make(holder))
	if !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "front") {
		t.Errorf("err = %v", err)
	}
}

func TestOpenNamesThePortInUse(t *testing.T) {
	rival, err := net.ListenUDP("udp4", &net.UDPAddr{Port: PortNAT})
	if err != nil {
		t.Fatal(err)
	}
	held := make(holder)
	if _, err := Open("", nil, held); !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "port 4500") {
		t.Errorf("err = %v, want EADDRINUSE of port 4500", err)
	}
	if len(held) != 0 {
		t.Errorf("duplicates are kept of what failed: %v", held)
	}
	rival.Close()
	startHeld(t, "", held, nil)
	held.close()
}

func TestSendBetweenTwoRuns(t *testing.T) {
	loopback(t)
	held := make(holder)
	defer held.close()
	conn, err := Open("", nil, held)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	remote := dial(t)
	message := bytes.Repeat([]byte{7}, headerSize)
	at := netip.AddrPortFrom(local, Port)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- conn.Run(ctx) }()
		write(t, remote, message, at)
		p := <-conn.Packets()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if err := conn.Send(p); err != nil {
			t.Errorf("send after Run: %v", err)
		}
	}
}
