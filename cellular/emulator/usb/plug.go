package usb

import (
	"context"
	"slices"
)

// Plug puts the function into a port of the host, counted from 0. A front end says
// which ports there are. It stays away as long as it has no power.
func (f *Function) Plug(port int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unplug()
	f.plugged, f.port = true, port
	f.appear()
}

// Unplug takes it out, at any moment.
func (f *Function) Unplug() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plugged = false
	f.unplug()
}

// Imitate makes the function say that it is another, from its next Plug on.
func (f *Function) Imitate(id Identity) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity = id
}

// Die takes the function off the bus, to which only power that goes off and on
// brings it back.
func (f *Function) Die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	f.unplug()
}

// Power switches the function's power. With power it comes back into its port.
func (f *Function) Power(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.powered = on
	if !on {
		f.dead = false
		f.unplug()
		return
	}
	f.appear()
}

// Identity returns what the function says of itself.
func (f *Function) Identity() Identity {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.identity
}

// appear makes a device of the function if nothing keeps it from the bus.
func (f *Function) appear() {
	if f.device == nil && f.plugged && f.powered && !f.dead {
		f.device = newDevice(f)
		f.announce()
	}
}

func (f *Function) unplug() {
	if f.device != nil {
		f.device.leave()
		f.device = nil
		f.announce()
	}
}

// announce wakes who waits for another device.
func (f *Function) announce() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// Plugged waits until the function is in one of the given ports, or, if none is
// given, in any, and returns the device that it is there.
func (f *Function) Plugged(ctx context.Context, ports ...int) (*Device, error) {
	for {
		f.mu.Lock()
		device, changed := f.device, f.changed
		f.mu.Unlock()
		if device != nil && (len(ports) == 0 || slices.Contains(ports, device.port)) {
			return device, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
