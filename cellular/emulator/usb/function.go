package usb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config describes a function.
type Config struct {
	Profile Profile
	// Control is the channel of MBIM or QMI messages; an ECM function has none.
	Control Control
	// AT is the port for AT commands; an MBIM function has none. It may be nil.
	AT Control
	// Packets is what the modem carries.
	Packets Packets
	// MaxMessage is the most octets of an MBIM message or fragment, 4096 if 0.
	MaxMessage uint16
}

// Function is a modem's USB side. It begins unplugged, with power.
type Function struct {
	cfg Config

	mu       sync.Mutex
	identity Identity
	port     int
	plugged  bool // somebody has put it into the port
	powered  bool
	dead     bool // until it is without power for once
	device   *Device
	changed  chan struct{} // closed when the device is another
	framing  Framing
	linkUp   bool
	faults   Faults
	spoils   []Spoil
}

// New returns a function.
func New(cfg Config) (*Function, error) {
	switch {
	case cfg.Profile < MBIM || cfg.Profile > ECM:
		return nil, fmt.Errorf("a USB function has no profile %d", cfg.Profile)
	case cfg.Packets == nil:
		return nil, errors.New("a USB function needs packets to carry")
	case (cfg.Control != nil) != (cfg.Profile != ECM):
		return nil, errors.New("a USB function of MBIM or QMI, and no other, has a control channel")
	case cfg.AT != nil && cfg.Profile == MBIM:
		return nil, errors.New("a USB function of MBIM has no AT port")
	}
	if cfg.MaxMessage == 0 {
		cfg.MaxMessage = 4096
	}
	return &Function{cfg: cfg, identity: cfg.Profile.identity(), powered: true, linkUp: true, changed: make(chan struct{})}, nil
}

// Run brings to the host what the modem sends, until ctx ends or the modem closes
// one of its channels. What it sends while no host is there is lost.
func (f *Function) Run(ctx context.Context) error {
	tasks, ctx := errgroup.WithContext(ctx)
	if f.cfg.Control != nil {
		tasks.Go(func() error { return receive(ctx, f.cfg.Control.Receive(), f.responder(ctx, tasks)) })
	}
	if f.cfg.AT != nil {
		tasks.Go(func() error { return receive(ctx, f.cfg.AT.Receive(), f.typeBack) })
	}
	tasks.Go(func() error { return receive(ctx, f.cfg.Packets.Receive(), f.bring) })
	if err := tasks.Wait(); err != nil && !errors.Is(err, errClosed) {
		return err
	}
	return nil
}

// errClosed ends Run when the modem has nothing more to say.
var errClosed = errors.New("the modem has closed a channel")

func receive[T any](ctx context.Context, from <-chan T, take func(T)) error {
	for {
		select {
		case v, ok := <-from:
			if !ok {
				return errClosed
			}
			take(v)
		case <-ctx.Done():
			return nil
		}
	}
}

// responder returns what takes the modem's messages to the host.
func (f *Function) responder(ctx context.Context, tasks *errgroup.Group) func(message []byte) {
	return func(message []byte) {
		device, spoil := f.nextSpoil()
		message, times := spoil.apply(message)
		push := func() { f.respond(device, message, times) }
		if spoil.Delay == 0 {
			push()
			return
		}
		tasks.Go(func() error {
			select {
			case <-time.After(spoil.Delay):
				push()
			case <-ctx.Done():
			}
			return nil
		})
	}
}

// respond gives a message to the device that was there when the modem sent it.
func (f *Function) respond(device *Device, message []byte, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if device == nil || device != f.device || f.faults.HangControl {
		return
	}
	for range times {
		device.channel.push(slices.Clone(message))
	}
	device.pump()
}

// typeBack gives octets of the AT port to the host.
func (f *Function) typeBack(octets []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.device != nil && !f.faults.HangControl {
		f.device.layout.port.push(octets)
		f.device.pump()
	}
}

// bring gives a packet to the host.
func (f *Function) bring(p Packet) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.device != nil && !f.faults.SwallowPackets {
		f.device.carry(p)
	}
}

// command and typed return what gives to the modem what the host has sent, nil if it
// is lost: what a host sends while the control channel hangs does not come later.
func (f *Function) command(message []byte) (then func()) {
	if f.faults.HangControl {
		return nil
	}
	return func() { f.cfg.Control.Send(message) }
}

func (f *Function) typed(octets []byte) (then func()) {
	if f.cfg.AT == nil || f.faults.HangControl {
		return nil
	}
	return func() { f.cfg.AT.Send(octets) }
}

// deliver gives the modem a packet that the host has sent.
func (f *Function) deliver(session uint8, packet []byte) {
	if !f.current().SwallowPackets {
		f.cfg.Packets.Send(session, packet)
	}
}

// restart tells the modem that the host begins anew.
func (f *Function) restart(how Reset) {
	for _, c := range []Control{f.cfg.Control, f.cfg.AT} {
		if c != nil {
			c.Reset(how)
		}
	}
}

// SetFraming changes how packets go on a QMI function's data path. It begins with
// Ethernet.
func (f *Function) SetFraming(framing Framing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.framing = framing
	if f.device != nil && f.cfg.Profile == QMI {
		f.device.simple.frame(framing)
	}
}

// SetLink tells the host of an ECM function whether there is a network. It begins
// with one.
func (f *Function) SetLink(up bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.linkUp = up
	if f.device != nil && f.device.link != nil {
		f.device.link.set(up)
		f.device.pump()
	}
}
