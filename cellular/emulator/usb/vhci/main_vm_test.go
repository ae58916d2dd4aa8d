//go:build vm

package vhci

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/internal/kmod"
)

// patience is how long anything may take in an emulated machine.
const patience = 60 * time.Second

// TestMain loads the drivers, which must be enough: there is nobody else to.
func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("\n"), 0); err != nil {
		return err
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	return loader.Load(slices.Concat(Modules, []string{"cdc_mbim", "qmi_wwan", "option", "cdc_acm", "cdc_ether", "8021q"})...)
}

// echo is a channel that says what it is told.
type echo chan []byte

func (e echo) Send(message []byte)    { e <- message }
func (e echo) Receive() <-chan []byte { return e }
func (e echo) Reset(usb.Reset)        {}

// mirror is a network in which everybody answers what they are told.
type mirror chan usb.Packet

// Send swaps the addresses and the ports of UDP, which leaves the checksums as
// they are, and loses what is no UDP.
func (m mirror) Send(session uint8, packet []byte) {
	address, length, header, protocol := 12, 4, 20, packet[9]
	if packet[0]>>4 == 6 {
		address, length, header, protocol = 8, 16, 40, packet[6]
	}
	if protocol != unix.IPPROTO_UDP {
		return
	}
	swap(packet[address:], length)
	swap(packet[header:], 2)
	m <- usb.Packet{Session: session, Data: packet}
}

func (m mirror) Receive() <-chan usb.Packet { return m }

// swap swaps two fields that follow each other.
func swap(b []byte, length int) {
	first := slices.Clone(b[:length])
	copy(b, b[length:2*length])
	copy(b[length:], first)
}

// attachTest attaches a modem of the profile until the test ends.
func attachTest(t *testing.T, profile usb.Profile) *usb.Function {
	t.Helper()
	cfg := usb.Config{Profile: profile, Packets: make(mirror, 64)}
	if profile != usb.ECM {
		cfg.Control = make(echo, 64)
	}
	if profile != usb.MBIM {
		cfg.AT = make(echo, 64)
	}
	f, err := usb.New(cfg)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- f.Run(ctx) }()
	go func() { done <- Attach(ctx, f) }()
	t.Cleanup(func() {
		f.Unplug()
		eventually(t, "the end of the modem", func() bool { return len(glob(t, "bInterfaceClass")) == 0 })
		stop()
		for range 2 {
			must(t, <-done)
		}
	})
	f.Plug(0)
	return f
}

// glob returns what of the emulated modem's interfaces matches.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(controller + "/usb*/*-*/*:*/" + pattern)
	must(t, err)
	return files
}

// appeared waits until exactly one thing matches and returns its path and name.
func appeared(t *testing.T, pattern string) (path, name string) {
	t.Helper()
	eventually(t, pattern, func() bool {
		files := glob(t, pattern)
		if len(files) == 1 {
			path = files[0]
		}
		return len(files) == 1
	})
	return path, filepath.Base(path)
}

// open opens a device below /dev for reading and writing with deadlines, as soon as
// it can be: the kernel shows it in /sys before it makes the node, and the node of a
// serial port before there is a driver behind it.
func open(t *testing.T, name string) (file *os.File) {
	t.Helper()
	eventually(t, "/dev/"+name, func() bool {
		var err error
		file, err = os.OpenFile("/dev/"+name, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENXIO) {
			return false
		}
		must(t, err)
		return true
	})
	t.Cleanup(func() { file.Close() })
	return file
}

// exchange writes a message and demands it back.
func exchange(t *testing.T, file *os.File, message string) {
	t.Helper()
	must(t, file.SetDeadline(time.Now().Add(patience)))
	_, err := file.WriteString(message)
	must(t, err)
	demand(t, file, message)
}

func demand(t *testing.T, file *os.File, message string) {
	t.Helper()
	var got []byte
	for buffer := make([]byte, 4096); len(got) < len(message); {
		n, err := file.Read(buffer)
		if err != nil {
			t.Fatalf("reading %s: %v, after %q", file.Name(), err, got)
		}
		got = append(got, buffer[:n]...)
	}
	if string(got) != message {
		t.Fatalf("%s says %q, want %q", file.Name(), got, message)
	}
}

// up raises a link with an address.
func up(t *testing.T, name, prefix string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	must(t, err)
	must(t, netlink.LinkSetUp(link))
	address, err := netlink.ParseAddr(prefix)
	must(t, err)
	address.Flags = unix.IFA_F_NODAD
	must(t, netlink.AddrAdd(link, address))
}

// down lowers a link and takes its addresses.
func down(t *testing.T, name string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	must(t, err)
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	must(t, err)
	for _, a := range addresses {
		must(t, netlink.AddrDel(link, &a))
	}
	must(t, netlink.LinkSetDown(link))
}

// talk sends datagrams to a peer of the mirror and demands each back. The kernel
// drops one while it looks for the peer, if that takes more than seconds, and when the
// bus takes as long: it is sent again then, as who speaks UDP does.
func talk(t *testing.T, peer string) {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(peer)))
	must(t, err)
	defer conn.Close()
	limit := time.Now().Add(patience)
	for i := range 100 {
		// Of every length, so that the last packet on the bus is full as well.
		datagram := binary.BigEndian.AppendUint32(nil, uint32(i))
		datagram = append(datagram, make([]byte, i*13)...)
		for answered := false; !answered; {
			if time.Now().After(limit) {
				t.Fatalf("%s does not answer datagram %d of %d octets", peer, i, len(datagram))
			}
			_, err := conn.Write(datagram)
			must(t, err)
			answered = hear(t, conn, datagram)
		}
	}
}

// hear reports whether a datagram comes before long. Those before it may come twice.
func hear(t *testing.T, conn net.Conn, datagram []byte) bool {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
	for got := make([]byte, 2000); ; {
		n, err := conn.Read(got)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		must(t, err)
		switch {
		case bytes.Equal(got[:n], datagram):
			return true
		case n < 4 || bytes.Compare(got[:4], datagram[:4]) >= 0:
			t.Fatalf("the peer says % x, want % x", got[:n], datagram)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("%s does not come", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
