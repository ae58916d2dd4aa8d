package usbredir

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// patience is how long anything may take on a busy machine.
const patience = time.Minute

// echo is a modem that says what it is told, and carries packets back.
type echo struct {
	messages chan []byte
	packets  chan usb.Packet
	resets   chan usb.Reset
}

func newEcho() *echo {
	return &echo{make(chan []byte, 16), make(chan usb.Packet, 16), make(chan usb.Reset, 64)}
}

type echoControl struct{ *echo }

func (e echoControl) Send(message []byte)    { e.messages <- message }
func (e echoControl) Receive() <-chan []byte { return e.messages }
func (e echoControl) Reset(how usb.Reset)    { e.resets <- how }
func (e *echo) Send(session uint8, b []byte) { e.packets <- usb.Packet{Session: session, Data: b} }
func (e *echo) Receive() <-chan usb.Packet   { return e.packets }
func newFunction(t *testing.T) *usb.Function { t.Helper(); return newFunctionOf(t, newEcho()) }

func newFunctionOf(t *testing.T, e *echo) *usb.Function {
	t.Helper()
	f, err := usb.New(usb.Config{Profile: usb.MBIM, Control: echoControl{e}, Packets: e})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// guest is QEMU in a test.
type guest struct {
	t     *testing.T
	conn  net.Conn
	idLen int
}

// serveTest serves the function until the test ends and returns the socket's path.
func serveTest(t *testing.T, f *usb.Function) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "redir")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- f.Run(ctx) }()
	go func() { done <- Serve(ctx, listener, f, 0) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("serve: %v", err)
			}
		}
	})
	return path
}

// call connects and exchanges hellos.
func call(t *testing.T, path string) *guest {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	g := &guest{t, conn, 4}
	g.send(kindHello, 0, hello{"a test", 0x76}.body())
	if b := g.expect(kindHello, 0); !bytes.Equal(b[versionLen:], []byte{0x72, 0, 0, 0}) {
		t.Errorf("capabilities % x", b[versionLen:])
	}
	g.idLen = 8
	return g
}

func (g *guest) send(k kind, id uint64, body []byte) {
	g.t.Helper()
	if _, err := g.conn.Write(packet{k, id, body}.octets(g.idLen)); err != nil {
		g.t.Fatal(err)
	}
}

// expect returns the body of the next packet.
func (g *guest) expect(k kind, id uint64) []byte {
	g.t.Helper()
	p, err := readPacket(g.conn, g.idLen)
	if err != nil {
		g.t.Fatalf("waiting for a packet of kind %d: %v", k, err)
	}
	if p.kind != k || p.id != id {
		g.t.Fatalf("kind %d with id %d and % x, want kind %d with id %d", p.kind, p.id, p.body, k, id)
	}
	return p.body
}

func (g *guest) demand(k kind, id uint64, text string) {
	g.t.Helper()
	if got := g.expect(k, id); !bytes.Equal(got, octets(g.t, text)) {
		g.t.Fatalf("% x, want %s", got, text)
	}
}

// connected expects the device to be described and connected.
func (g *guest) connected() {
	g.t.Helper()
	g.expect(kindEndpointInfo, 0)
	g.expect(kindInterfaceInfo, 0)
	g.demand(kindDeviceConnect, 0, "02 ef 02 01 0912 0100 0001")
}

// configure chooses the configuration and the setting with endpoints for data.
func (g *guest) configure() {
	g.t.Helper()
	g.send(kindSetConfiguration, 1, []byte{1})
	g.expect(kindEndpointInfo, 0)
	g.expect(kindInterfaceInfo, 0)
	g.demand(kindConfigurationStatus, 1, "00 01")
	g.send(kindSetAlternate, 2, []byte{1, 1})
	info := g.expect(kindEndpointInfo, 0)
	if kinds := info[:slots]; kinds[0x02] != 2 || kinds[16+2] != 2 || kinds[16+1] != 3 || kinds[3] != noType {
		g.t.Errorf("endpoints % x", kinds)
	}
	if sizes := info[3*slots:]; len(sizes) != 2*slots || sizes[2*(16+2)+1] != 2 {
		g.t.Errorf("sizes of packets % x", sizes)
	}
	interfaces := g.expect(kindInterfaceInfo, 0)
	if interfaces[0] != 2 || interfaces[4+slots] != 2 || interfaces[4+slots+1] != 0x0a {
		g.t.Errorf("interfaces % x", interfaces)
	}
	g.demand(kindAlternateStatus, 2, "00 01 01")
}

func TestTransfers(t *testing.T) {
	f := newFunction(t)
	f.Plug(0)
	g := call(t, serveTest(t, f))
	g.connected()
	g.send(kindReset, 0, nil)
	g.send(kindControl, 4, octets(t, "80 06 80 5a 0001 0000 0800")) // with a status of no meaning
	g.demand(kindControl, 4, "80 06 80 00 0001 0000 0800 12 01 00 02 ef 02 01 40")
	g.send(kindControl, 5, octets(t, "80 06 80 00 000f 0000 0500"))
	g.demand(kindControl, 5, "80 06 80 04 000f 0000 0000")
	g.configure()

	g.send(kindGetConfiguration, 6, nil)
	g.demand(kindConfigurationStatus, 6, "00 01")
	g.send(kindGetAlternate, 7, []byte{1})
	g.demand(kindAlternateStatus, 7, "00 01 01")
	g.send(kindSetAlternate, 8, []byte{9, 0})
	g.expect(kindEndpointInfo, 0)
	g.expect(kindInterfaceInfo, 0)
	g.demand(kindAlternateStatus, 8, "04 09 00")

	// A command, with a notification that is pushed once it may be.
	g.send(kindControl, 9, octets(t, "00 00 21 00 0000 0000 0300 010203"))
	g.demand(kindControl, 9, "00 00 21 00 0000 0000 0300")
	g.send(kindStartInterruptReceiving, 10, []byte{0x81})
	g.demand(kindInterruptReceivingStatus, 10, "00 81")
	g.demand(kindInterrupt, 0, "81 00 0800 a1 01 0000 0000 0000")
	g.send(kindControl, 11, octets(t, "80 01 a1 00 0000 0000 0010"))
	g.demand(kindControl, 11, "80 01 a1 00 0000 0000 0300 010203")
	g.send(kindStopInterruptReceiving, 12, []byte{0x81})
	g.demand(kindInterruptReceivingStatus, 12, "00 81")

	// A packet there and back.
	g.send(kindBulk, 13, octets(t, "82 00 0040 00000000 0000"))
	block := "4e434d48 0c00 0000 3000 2000 45000014 00000000 40010000 c0000201 c0000202 49505305 1000 0000 0c00 1400 0000 0000"
	g.send(kindBulk, 14, octets(t, "02 00 3000 00000000 0000"+block))
	g.demand(kindBulk, 14, "02 00 3000 00000000 0000")
	g.demand(kindBulk, 13, "82 00 3000 00000000 0000"+block)

	g.send(kindBulk, 15, octets(t, "82 00 0040 00000000 0000"))
	g.send(kindCancelData, 15, nil)
	g.demand(kindBulk, 15, "82 01 0000 00000000 0000")
	g.send(kindCancelData, 15, nil) // too late
	g.send(kindBulk, 16, octets(t, "8a 00 0040 00000000 0000"))
	g.demand(kindBulk, 16, "8a 04 0000 00000000 0000")
}

// TestPlugging: out and in again at any moment, with transfers that wait, and in
// another port.
func TestPlugging(t *testing.T) {
	f := newFunction(t)
	g := call(t, serveTest(t, f))
	f.Plug(1) // which is not served here
	for range 20 {
		f.Plug(0)
		g.connected()
		g.configure()
		g.send(kindBulk, 1, octets(t, "82 00 0040 00000000 0000"))
		g.send(kindGetConfiguration, 6, nil)
		g.demand(kindConfigurationStatus, 6, "00 01")
		f.Unplug()
		g.demand(kindBulk, 1, "82 03 0000 00000000 0000")
		g.expect(kindDeviceDisconnect, 0)
	}
}

func TestQEMUAgain(t *testing.T) {
	e := newEcho()
	f := newFunctionOf(t, e)
	f.Plug(0)
	path := serveTest(t, f)
	for range 3 {
		g := call(t, path)
		g.connected()
		g.configure()
		g.send(kindStartInterruptReceiving, 10, []byte{0x81})
		g.demand(kindInterruptReceivingStatus, 10, "00 81")
		g.conn.Close()
		for _, want := range []usb.Reset{usb.Configuration, usb.BusReset} {
			if got := <-e.resets; got != want {
				t.Errorf("reset %d, want %d", got, want)
			}
		}
	}
}

func TestMalformedPackets(t *testing.T) {
	for name, p := range map[string]packet{
		"control transfer": {kindControl, 1, []byte{0x80}},
		"bulk transfer":    {kindBulk, 1, nil},
		"configuration":    {kindSetConfiguration, 1, nil},
		"setting":          {kindSetAlternate, 1, []byte{1}},
		"start":            {kindStartInterruptReceiving, 1, []byte{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFunction(t)
			f.Plug(0)
			ours, theirs := net.Pipe()
			defer ours.Close()
			done := make(chan error, 1)
			go func() { done <- serve(t.Context(), theirs, f, 0) }()
			g := &guest{t, ours, 4}
			go io.Copy(io.Discard, ours)
			g.send(kindHello, 0, hello{"a test", 0x76}.body())
			g.idLen = 8
			device, err := f.Plugged(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			for device.Configuration() != 1 { // until the connection has its device
				g.send(kindSetConfiguration, 1, []byte{1})
			}
			g.send(p.kind, p.id, p.body)
			if err := <-done; err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestOutboxWritesInOrder(t *testing.T) {
	o := newOutbox()
	in, out := net.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.write(ctx, out) }()
	for i := range byte(100) {
		o.put([]byte{i})
	}
	got := make([]byte, 100)
	if _, err := io.ReadFull(in, got); err != nil {
		t.Fatal(err)
	}
	for i, b := range got {
		if int(b) != i {
			t.Fatalf("octet %d is %d", i, b)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
