package emulator

import (
	"github.com/farspoke/farspoke/cellular/emulator/atside"
	"github.com/farspoke/farspoke/cellular/emulator/qmiside"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Queues to the USB function, which empties them at once while it runs.
const (
	messages = 256
	packets  = 512
)

// USB makes the modem a USB function. The caller runs it and serves it by a front
// end; it is plugged into port 0 whenever the modem is on the bus.
func (e *Emulator) USB() (*usb.Function, error) {
	channel := &usbControl{e: e, toHost: make(chan []byte, messages)}
	data := &usbPackets{e: e, toHost: make(chan usb.Packet, packets)}
	cfg := usb.Config{Profile: e.profile, Control: channel, Packets: data, MaxMessage: uint16(e.Modem.Device().ControlMessage)}
	switch e.profile {
	case usb.QMI: // whose AT port is one beside it
		cfg.AT = newATPort(e)
	case usb.ECM:
		cfg.Control, cfg.AT = nil, channel
	}
	f, err := usb.New(cfg)
	if err != nil {
		return nil, err
	}
	e.Modem.Do(func() { e.Modem.Receive(data.receive) })
	if e.qmi != nil {
		e.qmi.Frame(func(p qmiside.Path) { f.SetFraming(framing(p)) })
	}
	e.attach(&usbBus{function: f}, channel.send)
	return f, nil
}

// framing is a QMI modem's path in the words of the USB function.
func framing(p qmiside.Path) usb.Framing {
	switch {
	case p.Channels:
		return usb.QMAP
	case p.Link == qmi.LinkRawIP:
		return usb.RawIP
	}
	return usb.Ethernet
}

// usbBus is the bus of a USB function.
type usbBus struct {
	function *usb.Function
	port     int
}

func (b *usbBus) appear()    { b.function.Plug(b.port) }
func (b *usbBus) disappear() { b.function.Unplug() }

func (b *usbBus) moveTo(port int) { b.port = port }

// atPort is the AT port of a modem that is directed by other means.
type atPort struct {
	side   *atside.Side
	toHost chan []byte
}

func newATPort(e *Emulator) *atPort {
	p := &atPort{toHost: make(chan []byte, messages)}
	p.side = atside.New(e.Modem, p.send)
	return p
}

func (p *atPort) Send(octets []byte)     { p.side.Receive(octets) }
func (p *atPort) Receive() <-chan []byte { return p.toHost }
func (p *atPort) Reset(usb.Reset)        {} // the port is as it was

func (p *atPort) send(octets []byte) {
	select {
	case p.toHost <- octets:
	default: // nobody runs the function: there is no host
	}
}

// usbControl is the channel by which hosts direct the modem: of MBIM or QMI messages,
// or of the octets of an AT port.
type usbControl struct {
	e      *Emulator
	toHost chan []byte
}

func (c *usbControl) Send(message []byte)    { c.e.fromHost(message) }
func (c *usbControl) Receive() <-chan []byte { return c.toHost }

// Reset implements usb.Control.
func (c *usbControl) Reset(how usb.Reset) { c.e.reset(how) }

func (c *usbControl) send(message []byte) {
	select {
	case c.toHost <- message:
	default: // nobody runs the function: there is no host
	}
}

// reset is a reset of the port by the host. It ends an MBIM conversation; others take
// no notice: a host of QMI says SYNC.
func (e *Emulator) reset(how usb.Reset) {
	e.Modem.Do(func() { e.healByReset(how) })
	if e.mbim != nil {
		e.mbim.Reset()
	}
}

// usbPackets is the data path.
type usbPackets struct {
	e      *Emulator
	toHost chan usb.Packet
}

// Send takes a packet of the host. QMI's data path says of which connection it is
// only if it is divided into channels.
func (p *usbPackets) Send(session uint8, packet []byte) {
	p.e.Modem.Do(func() {
		switch {
		case p.e.qmi == nil:
			p.e.Modem.Send(int(session), packet)
		case session == 0:
			p.e.Modem.SendBySource(packet)
		default:
			p.e.Modem.Send(qmiside.Number(session, packet), packet)
		}
	})
}

func (p *usbPackets) Receive() <-chan usb.Packet { return p.toHost }

func (p *usbPackets) receive(number int, packet []byte) {
	out := usb.Packet{Session: uint8(number), Data: packet}
	if p.e.qmi != nil {
		out.Session = qmiside.Channel(number)
	}
	select {
	case p.toHost <- out:
	default: // lost, as on the air
	}
}
