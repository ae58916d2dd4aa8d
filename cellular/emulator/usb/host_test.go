package usb

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// modem is what a function has behind it, as lists of what it was told.
type modem struct {
	got    [][]byte
	resets []Reset
	out    chan []byte
}

func newModem() *modem { return &modem{out: make(chan []byte)} }

func (m *modem) Send(message []byte)    { m.got = append(m.got, message) }
func (m *modem) Receive() <-chan []byte { return m.out }
func (m *modem) Reset(how Reset)        { m.resets = append(m.resets, how) }

// network is what a function carries.
type network struct {
	got []Packet
	out chan Packet
}

func newNetwork() *network { return &network{out: make(chan Packet)} }

func (n *network) Send(session uint8, packet []byte) {
	n.got = append(n.got, Packet{session, packet})
}
func (n *network) Receive() <-chan Packet { return n.out }

// host is a host's kernel in a test.
type host struct {
	t      *testing.T
	f      *Function
	device *Device
	modem  *modem
	port   *modem // for AT commands
	net    *network
}

// plugIn runs a function of the given profile in a bubble of virtual time, where
// synctest.Wait waits for its goroutines, and plugs it in.
func plugIn(t *testing.T, profile Profile, test func(t *testing.T, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &host{t: t, modem: newModem(), port: newModem(), net: newNetwork()}
		cfg := Config{Profile: profile, Packets: h.net}
		if profile != ECM {
			cfg.Control = h.modem
		}
		if profile != MBIM {
			cfg.AT = h.port
		}
		var err error
		if h.f, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.f.Run(ctx) }()
		h.f.Plug(0)
		h.appeared()
		test(t, h)
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// appeared takes the device that has been plugged in.
func (h *host) appeared() {
	h.t.Helper()
	var err error
	if h.device, err = h.f.Plugged(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// configure does what a kernel does when a driver binds.
func (h *host) configure(alternates ...uint8) {
	h.t.Helper()
	h.control(SetConfiguration(1), nil)
	for _, number := range alternates {
		h.control(SetInterface(number, 1), nil)
	}
}

// begin begins a transfer, whose end is in what it returns once it is there.
func (h *host) begin(t *Transfer) *ending {
	e := new(ending)
	t.Done = func(received []byte, status Status) {
		*e = ending{done: true, received: slices.Clone(received), status: status}
	}
	h.device.Submit(t)
	return e
}

type ending struct {
	done     bool
	received []byte
	status   Status
}

// control makes a control transfer that must be good.
func (h *host) control(s Setup, data []byte) []byte {
	h.t.Helper()
	e := h.begin(&Transfer{Setup: s, Data: data})
	if !e.done || e.status != Good {
		h.t.Fatalf("control transfer %+v: %+v", s, *e)
	}
	return e.received
}

func (h *host) receive(endpoint uint8) *ending {
	return h.begin(&Transfer{Endpoint: endpoint, Length: 16384})
}

func (h *host) send(endpoint uint8, data []byte) {
	h.t.Helper()
	if e := h.begin(&Transfer{Endpoint: endpoint, Data: data}); e.status != Good {
		h.t.Fatalf("transfer to endpoint %#x: %+v", endpoint, *e)
	}
}

// demand compares what a transfer received with hexadecimal digits.
func (h *host) demand(e *ending, text string) {
	h.t.Helper()
	synctest.Wait()
	if want := octets(h.t, text); !e.done || e.status != Good || !bytes.Equal(e.received, want) {
		h.t.Errorf("received %v, %d, % x, want % x", e.done, e.status, e.received, want)
	}
}

// octets reads hexadecimal digits; what follows a # on a line is a comment.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
