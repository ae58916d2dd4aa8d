//go:build vm

package qmihost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/value"
)

func TestMain(m *testing.M) {
	if err := loadDrivers(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func loadDrivers() error {
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	return loader.Load(slices.Concat(vhci.Modules, []string{"qmi_wwan"})...)
}

// plugIn gives the kernel an emulated modem that speaks QMI, until the test ends.
func plugIn(t *testing.T) (*emulator.Emulator, *usb.Function) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := emulator.New(ctx, usb.QMI, virtual.Default())
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.USB()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() { done <- f.Run(ctx) }()
	go func() { done <- vhci.Attach(ctx, f) }()
	t.Cleanup(func() {
		f.Unplug()
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return e, f
}

// watchModems follows the kernel's list of modems until the test ends, and the kernel
// has forgotten its modem, which the next test would take for its own.
func watchModems(t *testing.T) *value.Value[[]port.Found] {
	t.Helper()
	modems := new(value.Value[[]port.Found])
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- port.Watch(ctx, modems) }()
	t.Cleanup(func() {
		awaitModems(t, modems, func(all []port.Found) bool { return len(all) == 0 })
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return modems
}

// awaitModems waits until the list is as wanted.
func awaitModems(t *testing.T, modems *value.Value[[]port.Found], wanted func([]port.Found) bool) {
	t.Helper()
	for limit := time.After(time.Minute); ; {
		all, changed := modems.Load()
		if wanted(all) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("there is %+v", all)
		}
	}
}

// openModem opens the kernel's modem when it is complete, with what memory has of
// it. One that has just gone may still be in the list.
func openModem(t *testing.T, modems *value.Value[[]port.Found], memory Memory) (m *Modem) {
	t.Helper()
	awaitModems(t, modems, func(all []port.Found) bool {
		if len(all) != 1 || !all[0].Complete() {
			return false
		}
		var err error
		m, err = openFound(t.Context(), all[0], memory)
		if err != nil && !errors.Is(err, modem.ErrGone) {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func openFound(ctx context.Context, f port.Found, memory Memory) (*Modem, error) {
	p, err := port.Open(f.Controls[0])
	if err != nil {
		return nil, err
	}
	return Resume(ctx, p, Path{}, memory, quiet())
}

// TestModemOfTheKernel: from the node that qmi_wwan makes to a connection, and to
// the end when the modem is pulled, as often as one likes.
func TestModemOfTheKernel(t *testing.T) {
	modems := watchModems(t)
	_, f := plugIn(t)
	for range 3 {
		m := openModem(t, modems, oblivion{})
		if !m.RawIP() {
			t.Error("packets are not bare IP")
		}
		awaitSIM(t, m, modem.SIMReady)
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		if c, err := m.Connection(t.Context(), 0); err != nil || !c.Address4.IsValid() || !c.Address6.IsValid() {
			t.Errorf("%+v, %v", c, err)
		}
		f.Unplug()
		for range m.Events() {
		}
		if _, err := m.SIM(t.Context()); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v", err)
		}
		if err := m.Close(); err != nil && !errors.Is(err, modem.ErrGone) {
			t.Error(err)
		}
		f.Plug(0)
	}
}

// TestRestartOfTheKernelsModem: the command makes it leave the bus and come back.
func TestRestartOfTheKernelsModem(t *testing.T) {
	modems := watchModems(t)
	plugIn(t)
	m := openModem(t, modems, oblivion{})
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range m.Events() {
	}
	awaitRegistration(t, openModem(t, modems, oblivion{}), modem.Home)
}

// TestCallsOfTheKernelsModemGoOn: the node may be closed and opened, the calls remain.
func TestCallsOfTheKernelsModemGoOn(t *testing.T) {
	modems := watchModems(t)
	plugIn(t)
	r := new(record)
	m := openModem(t, modems, r)
	awaitRegistration(t, m, modem.Home)
	if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
		t.Fatal(err)
	}
	want, err := m.Connection(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		kill(t, m)
		m = openModem(t, modems, r)
		if got, err := m.Connection(t.Context(), 0); err != nil || !got.Equal(want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	}
}
