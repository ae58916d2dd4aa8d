package usbredir

import (
	"fmt"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

var errNoHello = fmt.Errorf("%w: it is not the hello that comes first", errMalformed)

// read handles what QEMU sends until it is gone. What it sends while no device is
// there, it sent before it knew.
func (c *conn) read() error {
	for {
		p, err := readPacket(c.in, c.idLen)
		if err != nil {
			return err
		}
		c.mu.Lock()
		device := c.device
		c.mu.Unlock()
		if device == nil {
			continue
		}
		if err := c.handle(device, p); err != nil {
			return err
		}
	}
}

func (c *conn) handle(device *usb.Device, p packet) error {
	switch p.kind {
	case kindReset:
		device.Reset()
	case kindSetConfiguration:
		return c.setConfiguration(device, p)
	case kindGetConfiguration:
		c.configurationStatus(device, p.id, usb.Good)
	case kindSetAlternate:
		return c.setAlternate(device, p)
	case kindGetAlternate:
		b, err := fields(p, 1)
		if err != nil {
			return err
		}
		c.alternateStatus(device, p.id, b[0], usb.Good)
	case kindStartInterruptReceiving:
		return c.startReceiving(device, p)
	case kindStopInterruptReceiving:
		return c.stopReceiving(device, p)
	case kindCancelData:
		c.cancel(device, p.id)
	case kindControl:
		return c.control(device, p)
	case kindBulk:
		return c.bulk(device, p)
	}
	// Streams and isochronous transfers are for devices that have them, and filters
	// say what QEMU would have accepted.
	return nil
}

func (c *conn) setConfiguration(device *usb.Device, p packet) error {
	b, err := fields(p, 1)
	if err != nil {
		return err
	}
	status := request(device, usb.SetConfiguration(b[0]))
	c.describe(device)
	c.configurationStatus(device, p.id, status)
	return nil
}

func (c *conn) configurationStatus(device *usb.Device, id uint64, status usb.Status) {
	c.send(packet{kindConfigurationStatus, id, []byte{code(status), device.Configuration()}})
}

func (c *conn) setAlternate(device *usb.Device, p packet) error {
	b, err := fields(p, 2)
	if err != nil {
		return err
	}
	status := request(device, usb.SetInterface(b[0], b[1]))
	c.describe(device)
	c.alternateStatus(device, p.id, b[0], status)
	return nil
}

func (c *conn) alternateStatus(device *usb.Device, id uint64, number uint8, status usb.Status) {
	var alternate uint8
	for _, i := range device.Interfaces() {
		if i.Number == number {
			alternate = i.Alternate
		}
	}
	c.send(packet{kindAlternateStatus, id, []byte{code(status), number, alternate}})
}

// request makes a control transfer without data, which QEMU has made a packet of
// its own. A frozen device does not answer: the change has failed.
func request(device *usb.Device, setup usb.Setup) usb.Status {
	status := usb.Gone
	t := &usb.Transfer{Setup: setup, Done: func(_ []byte, s usb.Status) { status = s }}
	device.Submit(t)
	device.Cancel(t)
	return status
}

// startReceiving lets the notifications of an endpoint be pushed.
func (c *conn) startReceiving(device *usb.Device, p packet) error {
	b, err := fields(p, 1)
	if err != nil {
		return err
	}
	endpoint := b[0]
	c.mu.Lock()
	_, already := c.pushing[endpoint]
	c.mu.Unlock()
	c.send(packet{kindInterruptReceivingStatus, p.id, []byte{statusSuccess, endpoint}})
	if already {
		return nil
	}
	t := &usb.Transfer{Endpoint: endpoint, Length: maxInterrupt, Repeat: true}
	t.Done = func(received []byte, status usb.Status) {
		if status == usb.Good {
			c.send(packet{kind: kindInterrupt, body: interruptBody(endpoint, received)})
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pushing, endpoint)
	}
	c.mu.Lock()
	c.pushing[endpoint] = t
	c.mu.Unlock()
	device.Submit(t)
	return nil
}

// maxInterrupt is the most octets of a notification.
const maxInterrupt = 1024

func (c *conn) stopReceiving(device *usb.Device, p packet) error {
	b, err := fields(p, 1)
	if err != nil {
		return err
	}
	c.mu.Lock()
	t := c.pushing[b[0]]
	delete(c.pushing, b[0])
	c.mu.Unlock()
	if t != nil {
		device.Cancel(t)
	}
	c.send(packet{kindInterruptReceivingStatus, p.id, []byte{statusSuccess, b[0]}})
	return nil
}

// control begins a control transfer. The status that QEMU sends with it means
// nothing, and must not come back.
func (c *conn) control(device *usb.Device, p packet) error {
	sent, err := parseControl(p.body)
	if err != nil {
		return err
	}
	answer := sent
	c.submit(device, p.id, &usb.Transfer{
		Setup: usb.Setup{Type: sent.requestType, Request: sent.request, Value: sent.value, Index: sent.index, Length: sent.length},
		Data:  sent.data,
	}, func(received []byte, status usb.Status) packet {
		answer.status, answer.data = code(status), received
		if status != usb.Good {
			answer.length = 0
		} else if sent.endpoint&directionIn != 0 {
			answer.length = uint16(len(received))
		}
		return packet{kindControl, p.id, answer.body()}
	})
	return nil
}

func (c *conn) bulk(device *usb.Device, p packet) error {
	wide := c.has(cap32BitBulkLengths)
	sent, err := parseBulk(p.body, wide)
	if err != nil {
		return err
	}
	answer := bulkTransfer{endpoint: sent.endpoint, stream: sent.stream}
	c.submit(device, p.id, &usb.Transfer{
		Endpoint: sent.endpoint, Data: sent.data, Length: int(sent.length),
	}, func(received []byte, status usb.Status) packet {
		answer.status, answer.data, answer.length = code(status), received, uint32(len(received))
		if status == usb.Good && sent.endpoint&directionIn == 0 {
			answer.length = sent.length
		}
		return packet{kindBulk, p.id, answer.body(wide)}
	})
	return nil
}

// submit begins a transfer that can be cancelled until it is answered.
func (c *conn) submit(device *usb.Device, id uint64, t *usb.Transfer, answer func([]byte, usb.Status) packet) {
	t.Done = func(received []byte, status usb.Status) {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
		c.send(answer(received, status))
	}
	c.mu.Lock()
	c.waiting[id] = t
	c.mu.Unlock()
	device.Submit(t)
}

// cancel takes a transfer back, if it is not too late.
func (c *conn) cancel(device *usb.Device, id uint64) {
	c.mu.Lock()
	t := c.waiting[id]
	c.mu.Unlock()
	if t == nil || !device.Cancel(t) {
		return
	}
	t.Done(nil, usb.Cancelled)
}

// code says an end in usb-redir's numbers.
func code(status usb.Status) uint8 {
	switch status {
	case usb.Good:
		return statusSuccess
	case usb.Stalled:
		return statusStall
	case usb.Cancelled:
		return statusCancelled
	}
	return statusIOError
}
