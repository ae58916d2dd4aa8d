package vhci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// silent is a modem that says nothing.
type silent struct{}

func (silent) Send([]byte)            {}
func (silent) Receive() <-chan []byte { return nil }
func (silent) Reset(usb.Reset)        {}

type still struct{}

func (still) Send(uint8, []byte)         {}
func (still) Receive() <-chan usb.Packet { return nil }

func plugged(t *testing.T, port int) (*usb.Function, *usb.Device) {
	t.Helper()
	f, err := usb.New(usb.Config{Profile: usb.MBIM, Control: silent{}, Packets: still{}})
	if err != nil {
		t.Fatal(err)
	}
	f.Plug(port)
	device, err := f.Plugged(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f, device
}

// kernel is the kernel's end of the socket in a test.
type kernel struct {
	t      *testing.T
	socket *os.File
}

func (k kernel) send(text string) {
	k.t.Helper()
	if _, err := k.socket.Write(octets(k.t, text)); err != nil {
		k.t.Fatal(err)
	}
}

// demand compares the next octets.
func (k kernel) demand(text string) {
	k.t.Helper()
	want := octets(k.t, text)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(k.socket, got); err != nil || !bytes.Equal(got, want) {
		k.t.Fatalf("% x, %v, want\n% x", got, err, want)
	}
}

func TestTransfers(t *testing.T) {
	f, device := plugged(t, 0)
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	done := make(chan error, 1)
	go func() { done <- newConn(device, ours).serve() }()
	k := kernel{t, theirs}
	control := func(sequence, setup string) {
		k.send("00000001" + sequence + "00010002 00000000 00000000 00000000 00000000 00000000 00000000 00000000" + setup)
		k.demand("00000003" + sequence + strings.Repeat("00", 40))
	}
	k.send("00000001 00000001 00010002 00000001 00000000 00000200 00000040 00000000 00000000 00000000 80 06 0001 0000 0800")
	k.demand("00000003 00000001 00000000 00000000 00000000 00000000 00000008 00000000 00000000 00000000 0000000000000000 12 01 00 02 ef 02 01 40")
	control("00000002", "00 09 0100 0000 0000")
	control("00000003", "01 0b 0100 0100 0000")
	k.send(bulkOutOctets)
	k.demand("00000003 00000008 00000000 00000000 00000000 00000000 00000003" + strings.Repeat("00", 20))
	k.send(bulkInOctets)
	k.send(unlinkOctets)
	k.demand("00000004 0000000a 00000000 00000000 00000000 ffffff98" + strings.Repeat("00", 24))
	k.send(strings.Replace(unlinkOctets, "0000000a", "0000000b", 1)) // too late
	k.demand("00000004 0000000b" + strings.Repeat("00", 40))
	k.send(strings.Replace(bulkInOctets, "00000001 00000002 ", "00000001 0000000f ", 1)) // there is no such endpoint
	k.demand("00000003 00000009 00000000 00000000 00000000 ffffffe0" + strings.Repeat("00", 24))
	k.send(bulkInOctets)
	control("0000000c", "00 00 0000 0000 0000") // so that it waits by now
	f.Unplug()
	k.demand("00000003 00000009 00000000 00000000 00000000 ffffff94" + strings.Repeat("00", 24))
	ours.Close()
	if err := <-done; err == nil {
		t.Error("it serves a closed socket")
	}
}

// TestAttach follows a modem from port to port, with files instead of a kernel.
func TestAttach(t *testing.T) {
	f, device := plugged(t, 3)
	dir := t.TempDir()
	done := make(chan error, 1)
	go func() { done <- attach(t.Context(), dir, device) }()
	var port, fd, id, speed int
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, "attach"))
		if n, _ := fmt.Sscan(string(text), &port, &fd, &id, &speed); n == 4 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("asked for %q", text)
		}
	}
	if port != 3 || id != 65538 || speed != 3 {
		t.Errorf("port %d, device %d, speed %d", port, id, speed)
	}
	f.Unplug()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestPlugWaitsForTheDeviceBefore: the kernel gets no other as long as it has it.
func TestPlugWaitsForTheDeviceBefore(t *testing.T) {
	dir := t.TempDir()
	ours, socket, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer socket.Close()
	before := filepath.Join(dir, "usb1", "1-4")
	if err := os.MkdirAll(before, 0o755); err != nil {
		t.Fatal(err)
	}
	impatient, stop := context.WithCancel(t.Context())
	stop()
	if err := plug(impatient, dir, 3, socket); !errors.Is(err, context.Canceled) {
		t.Errorf("with a device in the port: %v, want %v", err, context.Canceled)
	}
	if err := plug(impatient, dir, 2, socket); err != nil {
		t.Errorf("with a device in another port: %v", err)
	}
	if err := os.Remove(before); err != nil {
		t.Fatal(err)
	}
	if err := plug(impatient, dir, 3, socket); err != nil {
		t.Errorf("once it has gone: %v", err)
	}
}

func TestAttachWithoutController(t *testing.T) {
	_, device := plugged(t, 0)
	if err := attach(t.Context(), filepath.Join(t.TempDir(), "none"), device); err == nil || !strings.Contains(err.Error(), "port 0") {
		t.Errorf("error %v, want one of port 0", err)
	}
}

func TestAttachEndsWithItsContext(t *testing.T) {
	f, _ := plugged(t, 0)
	f.Unplug()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := Attach(ctx, f); err != nil {
		t.Error(err)
	}
}

func TestCodes(t *testing.T) {
	for status, want := range map[usb.Status]unix.Errno{
		usb.Good: 0, usb.Stalled: unix.EPIPE, usb.Cancelled: unix.ECONNRESET, usb.Gone: unix.ESHUTDOWN,
	} {
		if got := code(status); got != -int32(want) {
			t.Errorf("%d is %d, want %d", status, got, want)
		}
	}
}
