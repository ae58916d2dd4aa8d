//go:build vm

package interop

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/carrier"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// node is where the kernel has the modem's control port.
const node = "/dev/cdc-wdm0"

// quick is a modem without waiting: what takes time is its host.
func quick() virtual.Scenario {
	s := virtual.Default()
	const soon = virtual.Duration(5 * time.Millisecond)
	s.Timing = virtual.Timing{Boot: soon, SIM: soon, Register: soon, Retry: soon, Scan: soon, Connect: soon}
	return s
}

// emulated is an emulated modem on the bus of this kernel.
type emulated struct{ *emulator.Emulator }

// plugIn gives the kernel a modem, until the test ends.
func plugIn(t testing.TB, profile usb.Profile, s virtual.Scenario) emulated {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := emulator.New(ctx, profile, s)
	must(t, err)
	f, err := e.USB()
	must(t, err)
	tasks := []func(context.Context) error{
		f.Run,
		func(ctx context.Context) error { return vhci.Attach(ctx, f) },
		func(ctx context.Context) error { return e.Carry(ctx, carrier.NewEcho()) },
	}
	done := make(chan error, len(tasks))
	for _, task := range tasks {
		go func() { done <- task(ctx) }()
	}
	m := emulated{e}
	t.Cleanup(func() {
		m.unplug(t)
		cancel()
		for range tasks {
			must(t, <-done)
		}
	})
	m.awaitNode(t)
	return m
}

// awaitNode waits for the control port and returns when it was there.
func (m emulated) awaitNode(t testing.TB) time.Time {
	t.Helper()
	eventually(t, node, func() bool { _, err := os.Stat(node); return err == nil })
	return time.Now()
}

// unplug takes the modem's power away, plug gives it back.
func (m emulated) unplug(t testing.TB) {
	t.Helper()
	m.Modem.Do(func() { m.Modem.SetPower(false) })
	eventually(t, "the end of "+node, func() bool { _, err := os.Stat(node); return err != nil })
}

func (m emulated) plug() { m.Modem.Do(func() { m.Modem.SetPower(true) }) }

// granted is what the network gave to the connection, which in QMI is one for each
// family.
func (m emulated) granted(t testing.TB) (c modem.Connection) {
	t.Helper()
	m.Modem.Do(func() {
		for _, s := range m.Modem.Sessions() {
			if s.Granted.Address4.IsValid() {
				c.Address4, c.Gateway4 = s.Granted.Address4, s.Granted.Gateway4
			}
			if s.Granted.Address6.IsValid() {
				c.Address6, c.Gateway6 = s.Granted.Address6, s.Granted.Gateway6
			}
			c.DNS = append(c.DNS, s.Granted.DNS...)
		}
	})
	if !c.Address4.IsValid() || !c.Address6.IsValid() {
		t.Errorf("the network has given %+v", c)
	}
	return c
}
