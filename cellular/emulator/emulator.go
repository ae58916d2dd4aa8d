// Package emulator puts an emulated modem together: a virtual modem, the protocol
// by which hosts direct it, a front end by which they find it (a USB device for
// QEMU or for the kernel it runs on, a pseudo terminal, or the socket of libmbim's
// or libqmi's proxy), and a network that takes its packets. On a control socket
// whoever tests a host orders what goes wrong, see [Client].
//
// It is honest: hosts are told what a real modem would tell them, in its order and
// its time. Programs that we did not write are the judges, see the tests of package
// proxy.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/farspoke/farspoke/cellular/emulator/atside"
	"github.com/farspoke/farspoke/cellular/emulator/mbimside"
	"github.com/farspoke/farspoke/cellular/emulator/proxy"
	"github.com/farspoke/farspoke/cellular/emulator/qmiside"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// Emulator is an emulated modem. It has one front end: USB, PTY, or Proxy for those
// that have a proxy.
type Emulator struct {
	// Modem is the virtual modem.
	Modem *virtual.Modem

	profile usb.Profile
	control *link
	receive func(message []byte) // from the host
	mbim    *mbimside.Side       // nil unless the modem speaks MBIM
	qmi     *qmiside.Side        // nil unless it speaks QMI
	cure    Cure                 // what ends it that control hangs
	bus     bus
	drawn   map[int]*virtual.Card // SIMs by the slots they were drawn from
}

// bus is how a front end shows whether the modem is there.
type bus interface {
	// appear has hosts see the modem, disappear has them lose it. Neither waits.
	appear()
	disappear()
}

// New returns a modem of the profile that has just got power. Its timers end with
// ctx.
func New(ctx context.Context, profile usb.Profile, s virtual.Scenario) (*Emulator, error) {
	if d := virtual.Default().Device; profile == usb.ECM && s.Device.Manufacturer == d.Manufacturer && s.Device.Model == d.Model {
		s.Device.Manufacturer, s.Device.Model = "u-blox", "TOBY-L210" // as on USB
	}
	m, err := virtual.New(ctx, s)
	if err != nil {
		return nil, err
	}
	e := &Emulator{Modem: m, profile: profile, bus: nowhere{}, drawn: map[int]*virtual.Card{}}
	e.control = &link{modem: m, out: func([]byte) {}}
	switch profile {
	case usb.MBIM:
		e.control.transaction = mbimTransaction
		e.mbim = mbimside.New(m, e.control.send)
		e.receive = e.mbim.Receive
	case usb.QMI:
		e.control.transaction = qmiTransaction
		e.qmi = qmiside.New(m, e.control.send)
		e.receive = e.qmi.Receive
	case usb.ECM:
		e.control.transaction = func([]byte) int { return 0 }
		e.receive = atside.New(m, e.control.send).Receive
	default:
		return nil, fmt.Errorf("there is no emulator of USB profile %d", profile)
	}
	m.Do(func() {
		m.Listen(func(event virtual.Event) {
			e.healByEvent(event)
			if event.Change == virtual.BusChanged {
				e.showOnBus()
			}
		})
	})
	return e, nil
}

// nowhere is the bus of a modem without a front end.
type nowhere struct{}

func (nowhere) appear()    {}
func (nowhere) disappear() {}

func (e *Emulator) showOnBus() {
	if e.Modem.OnBus() {
		e.bus.appear()
	} else {
		e.bus.disappear()
	}
}

// attach makes b the front end, whose messages come to out.
func (e *Emulator) attach(b bus, out func(message []byte)) {
	e.Modem.Do(func() {
		e.bus, e.control.out = b, out
		e.showOnBus()
	})
}

// fromHost takes a message of the host to the modem.
func (e *Emulator) fromHost(message []byte) {
	var hung bool
	e.Modem.Do(func() {
		if e.control.hung && e.opens(message) {
			e.heal(ByOpening)
		}
		hung = e.control.hung
	})
	if !hung {
		e.receive(message)
	}
}

// Carrier is the network behind the modem.
type Carrier interface {
	// Send takes an IP packet of the modem. It must not wait.
	Send(packet []byte)
	// Run gives deliver the packets for the modem until ctx ends.
	Run(ctx context.Context, deliver func(packet []byte)) error
}

// Carry has the carrier carry the modem's packets until ctx ends.
func (e *Emulator) Carry(ctx context.Context, c Carrier) error {
	e.Modem.Do(func() { e.Modem.SetCarrier(c.Send) })
	defer e.Modem.Do(func() { e.Modem.SetCarrier(func([]byte) {}) })
	return c.Run(ctx, func(packet []byte) { e.Modem.Do(func() { e.Modem.Deliver(packet) }) })
}

// Proxy lets programs that connect to l have the modem, as libmbim's or libqmi's
// proxy does, until ctx ends.
func (e *Emulator) Proxy(ctx context.Context, l net.Listener) error {
	if e.mbim == nil && e.qmi == nil {
		return errors.New("a modem that is directed by AT commands has no proxy")
	}
	if e.mbim != nil {
		p := proxy.NewMBIM(e.Modem.Device().ControlMessage, e.fromHost)
		e.attach(hangup{p.Hangup}, p.FromModem)
		return p.Serve(ctx, l)
	}
	p := proxy.NewQMI(e.fromHost)
	e.attach(hangup{p.Hangup}, p.FromModem)
	return p.Serve(ctx, l)
}

// hangup is the bus of a proxy, whose programs lose their connections with the
// modem.
type hangup struct{ all func() }

func (hangup) appear()      {}
func (h hangup) disappear() { h.all() }

// ProxySocket is the abstract socket where programs look for the modem's proxy.
func (e *Emulator) ProxySocket() string {
	if e.mbim != nil {
		return proxy.MBIMSocket
	}
	return proxy.QMISocket
}
