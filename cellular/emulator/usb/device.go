package usb

import "slices"

// Device is a function from the moment it is plugged in until it is unplugged, as
// the host sees it. It has one host, so one front end.
type Device struct {
	function *Function
	identity Identity
	port     int
	gone     chan struct{}
	layout

	configured bool
	alternates map[uint8]uint8       // by the interface's number, where it is not 0
	pending    map[uint8][]*Transfer // by the endpoint's address, first come first
}

func newDevice(f *Function) *Device {
	d := &Device{
		function: f, identity: f.identity, port: f.port, gone: make(chan struct{}), layout: f.lay(),
		alternates: make(map[uint8]uint8), pending: make(map[uint8][]*Transfer),
	}
	d.reset()
	return d
}

// Identity is what the device says of itself.
func (d *Device) Identity() Identity { return d.identity }

// Class is the device's class, subclass and protocol.
func (d *Device) Class() (class, subclass, protocol uint8) { return classMiscellaneous, 2, 1 }

// Port is where the device is plugged in.
func (d *Device) Port() int { return d.port }

// Gone is closed when the device has left.
func (d *Device) Gone() <-chan struct{} { return d.gone }

// Interfaces returns the interfaces in their current settings.
func (d *Device) Interfaces() []Interface {
	d.function.mu.Lock()
	defer d.function.mu.Unlock()
	return d.interfaces()
}

func (d *Device) interfaces() []Interface {
	var current []Interface
	for _, g := range d.groups {
		for _, i := range g {
			if i.Alternate == d.alternates[i.Number] {
				current = append(current, i)
			}
		}
	}
	return current
}

// Configuration is the number of the configuration that the host has chosen, 0 if
// it has not.
func (d *Device) Configuration() uint8 {
	d.function.mu.Lock()
	defer d.function.mu.Unlock()
	return d.configuration()
}

func (d *Device) configuration() uint8 {
	if d.configured {
		return configurationValue
	}
	return 0
}

// Reset is a reset of the port by the host.
func (d *Device) Reset() {
	d.function.mu.Lock()
	d.configured = false
	clear(d.alternates)
	d.cancelAll(Cancelled)
	d.reset()
	d.function.mu.Unlock()
	d.function.restart(BusReset)
}

// Submit begins a transfer, which may be done before Submit returns.
func (d *Device) Submit(t *Transfer) {
	if then := d.submit(t); then != nil {
		then()
	}
}

func (d *Device) submit(t *Transfer) (then func()) {
	d.function.mu.Lock()
	defer d.function.mu.Unlock()
	switch {
	case d.left():
		t.Done(nil, Gone)
	case t.Endpoint&^directionIn == 0:
		return d.control(t)
	case !d.has(t.Endpoint):
		t.Done(nil, Stalled)
	case t.Endpoint&directionIn == 0:
		t.Done(nil, Good)
		return d.out(t.Endpoint, t.Data)
	default:
		d.pending[t.Endpoint] = append(d.pending[t.Endpoint], t)
		d.pump()
	}
	return nil
}

// Cancel takes a transfer back, whose Done is not called then. It reports false if
// the transfer is done already.
func (d *Device) Cancel(t *Transfer) bool {
	d.function.mu.Lock()
	defer d.function.mu.Unlock()
	i := slices.Index(d.pending[t.Endpoint], t)
	if i < 0 {
		return false
	}
	d.pending[t.Endpoint] = slices.Delete(d.pending[t.Endpoint], i, i+1)
	return true
}

// has reports whether an endpoint is there in the current settings.
func (d *Device) has(endpoint uint8) bool {
	return d.configured && slices.ContainsFunc(d.interfaces(), func(i Interface) bool {
		return slices.ContainsFunc(i.Endpoints, func(e Endpoint) bool { return e.Address == endpoint })
	})
}

// carry queues a packet, if the host has the interface ready that takes it.
func (d *Device) carry(p Packet) {
	switch {
	case d.blocks != nil && d.has(d.blocks.inward):
		d.blocks.push(p)
	case d.simple != nil && d.has(d.simple.inward):
		d.simple.push(p)
	}
	d.pump()
}

func (d *Device) out(endpoint uint8, data []byte) (then func()) {
	for _, p := range d.parts {
		if then, ok := p.out(endpoint, data); ok {
			d.pump() // a part may answer by itself
			return then
		}
	}
	return nil
}

// pump gives the host what it waits for.
func (d *Device) pump() {
	for endpoint := range d.pending {
		for len(d.pending[endpoint]) > 0 {
			t := d.pending[endpoint][0]
			data := d.in(endpoint, t.Length)
			if data == nil {
				break
			}
			if !t.Repeat {
				d.pending[endpoint] = d.pending[endpoint][1:]
			}
			t.Done(data, Good)
		}
	}
}

func (d *Device) in(endpoint uint8, limit int) []byte {
	for _, p := range d.parts {
		if data := p.in(endpoint, limit); data != nil {
			return data
		}
	}
	return nil
}

// reset makes every part forget what it has for the host.
func (d *Device) reset() {
	for _, p := range d.parts {
		p.reset()
	}
}

// cancelAll ends what waits on all endpoints.
func (d *Device) cancelAll(status Status) {
	for endpoint := range d.pending {
		d.cancel(endpoint, status)
	}
}

func (d *Device) cancel(endpoint uint8, status Status) {
	waiting := d.pending[endpoint]
	delete(d.pending, endpoint)
	for _, t := range waiting {
		t.Done(nil, status)
	}
}

// leave ends the device.
func (d *Device) leave() {
	d.cancelAll(Gone)
	close(d.gone)
}

func (d *Device) left() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}
