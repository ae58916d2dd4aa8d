package qmihost

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// firmware is an emulated modem that speaks QMI to whoever has its control port.
type firmware struct {
	*virtual.Modem
	cable *emulator.Cable
}

func newFirmware(t *testing.T, scenario virtual.Scenario) *firmware {
	t.Helper()
	e, err := emulator.New(t.Context(), usb.QMI, scenario)
	if err != nil {
		t.Fatal(err)
	}
	return &firmware{e.Modem, e.Cable()}
}

// plug opens the control port.
func (f *firmware) plug(t *testing.T) *emulator.CablePort {
	t.Helper()
	port, err := f.cable.Open()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// open opens a new control port.
func (f *firmware) open(t *testing.T) *Modem {
	t.Helper()
	m, err := Open(t.Context(), f.plug(t), Path{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// with runs test with an emulated modem in the scenario, open.
func with(t *testing.T, scenario virtual.Scenario, test func(t *testing.T, v *firmware, m *Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := newFirmware(t, scenario)
		test(t, v, v.open(t))
	})
}

// await asks again with each event until the answer is as wanted.
func await[T any](t *testing.T, m *Modem, wanted func(T) bool, question func() (T, error)) T {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		answer, err := question()
		if err != nil {
			t.Fatal(err)
		}
		if wanted(answer) {
			return answer
		}
		select {
		case <-m.Events():
		case <-limit:
			t.Fatalf("it remains %+v, and no event tells of another", answer)
		}
	}
}

func awaitSIM(t *testing.T, m *Modem, state modem.SIMState) modem.SIM {
	t.Helper()
	return await(t, m, func(s modem.SIM) bool { return s.State == state }, func() (modem.SIM, error) { return m.SIM(t.Context()) })
}

func awaitRegistration(t *testing.T, m *Modem, state modem.RegistrationState) modem.Registration {
	t.Helper()
	return await(t, m, func(r modem.Registration) bool { return r.State == state }, func() (modem.Registration, error) { return m.Registration(t.Context()) })
}

func TestEmulatedModemFromTheStart(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		ctx := t.Context()
		device := v.Device()
		want := modem.Identity{Manufacturer: device.Manufacturer, Model: device.Model, Firmware: device.Firmware, IMEI: device.IMEI, Protocol: "QMI", Sessions: 1}
		if id, err := m.Identity(ctx); err != nil || id != want {
			t.Errorf("%+v, %v, want %+v", id, err, want)
		}
		sim := awaitSIM(t, m, modem.SIMReady)
		if want := (modem.SIM{
			State: modem.SIMReady, ICCID: "8988211000000530082", IMSI: "001010123456789", MNCDigits: 2, Provider: "Testnet", GID1: "0a1b", Attempts: 3,
		}); sim != want {
			t.Errorf("%+v, want %+v", sim, want)
		}
		r := awaitRegistration(t, m, modem.Home)
		if want := (modem.Registration{
			State: modem.Home, Attached: true, PLMN: "00101", Operator: "Testnet", Technology: modem.LTE, Cell: 27447297, Area: 4711, Band: "B20", Channel: 6300,
		}); r != want {
			t.Errorf("%+v, want %+v", r, want)
		}
		if err := m.Connect(ctx, 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		c, err := m.Connection(ctx, 0)
		if err != nil || !c.Address4.IsValid() || !c.Address6.IsValid() || !c.Gateway4.IsValid() || !c.Gateway6.IsValid() || len(c.DNS) != 2 || c.MTU != 1430 || c.APN != "internet" {
			t.Errorf("%+v, %v", c, err)
		}
		if signal, err := m.Signal(ctx); err != nil || signal.String() != "RSSI -67 dBm, RSRP -97 dBm, RSRQ -11 dB, SINR 12 dB" {
			t.Errorf("%v, %v", signal, err)
		}
		if _, err := m.Counters(ctx, 0); err != nil {
			t.Error(err)
		}
		if err := m.Disconnect(ctx, 0); err != nil {
			t.Error(err)
		}
		v.Do(func() {
			if n := len(v.Sessions()); n != 0 {
				t.Errorf("%d calls are left", n)
			}
		})
	})
}

func TestEmulatedNetworkOfOneFamily(t *testing.T) {
	for _, family := range []modem.Families{modem.IPv4, modem.IPv6} {
		scenario := virtual.Default()
		scenario.Networks[0].APNs[0].Families = family
		with(t, scenario, func(t *testing.T, _ *firmware, m *Modem) {
			awaitRegistration(t, m, modem.Home)
			if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet", Families: modem.IPv4v6}); err != nil {
				t.Fatal(err)
			}
			c, err := m.Connection(t.Context(), 0)
			if err != nil || c.Address4.IsValid() != (family == modem.IPv4) || c.Address6.IsValid() != (family == modem.IPv6) {
				t.Errorf("%v: %+v, %v", family, c, err)
			}
		})
	}
}

func TestEmulatedNetworkRefuses(t *testing.T) {
	for _, cause := range []modem.SessionCause{8, 26, 27, 29, 33} {
		scenario := virtual.Default()
		scenario.Networks[0].APNs[0].Refuse = cause
		with(t, scenario, func(t *testing.T, _ *firmware, m *Modem) {
			awaitRegistration(t, m, modem.Home)
			var refusal modem.Refusal
			if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); !errors.As(err, &refusal) || refusal.Cause != cause {
				t.Errorf("%v, want cause %d", err, cause)
			}
		})
	}
}

func TestEmulatedNetworkDenies(t *testing.T) {
	scenario := virtual.Default()
	scenario.Networks[0].Deny = 11
	with(t, scenario, func(t *testing.T, _ *firmware, m *Modem) {
		if r := awaitRegistration(t, m, modem.Denied); r.Cause != 11 {
			t.Errorf("%+v", r)
		}
	})
}

func TestEmulatedSIMWithPIN(t *testing.T) {
	scenario := virtual.Default()
	scenario.Slots[0].SIM.PIN = "4711"
	with(t, scenario, func(t *testing.T, _ *firmware, m *Modem) {
		if sim := awaitSIM(t, m, modem.SIMLocked); sim.Attempts != 3 || sim.ICCID == "" || sim.IMSI != "" {
			t.Errorf("%+v", sim)
		}
		if err := m.EnterPIN(t.Context(), "0000"); !errors.Is(err, modem.ErrWrongPIN) {
			t.Errorf("%v", err)
		}
		if sim := awaitSIM(t, m, modem.SIMLocked); sim.Attempts != 2 {
			t.Errorf("%+v", sim)
		}
		if err := m.EnterPIN(t.Context(), "4711"); err != nil {
			t.Errorf("%v", err)
		}
		if sim := awaitSIM(t, m, modem.SIMReady); sim.Attempts != 3 || sim.IMSI == "" {
			t.Errorf("%+v", sim)
		}
		awaitRegistration(t, m, modem.Home)
	})
}

func TestEmulatedSIMThatIsBlocked(t *testing.T) {
	scenario := virtual.Default()
	scenario.Slots[0].SIM.PIN = "4711"
	with(t, scenario, func(t *testing.T, _ *firmware, m *Modem) {
		awaitSIM(t, m, modem.SIMLocked)
		for range 3 {
			if err := m.EnterPIN(t.Context(), "0000"); !errors.Is(err, modem.ErrWrongPIN) {
				t.Errorf("%v", err)
			}
		}
		if sim := awaitSIM(t, m, modem.SIMBlocked); sim.Attempts != 10 {
			t.Errorf("%+v", sim)
		}
	})
}

func TestEmulatedSlots(t *testing.T) {
	scenario := virtual.Default()
	scenario.Slots[1].SIM = &virtual.SIM{ICCID: "8949020000012345678", IMSI: "262011234567890", MNCDigits: 2}
	with(t, scenario, func(t *testing.T, _ *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		slots, err := m.Slots(t.Context())
		if err != nil || len(slots) != 2 || !slots[0].Active || slots[1].Active || slots[1].ICCID != "8949020000012345678" {
			t.Fatalf("%+v, %v", slots, err)
		}
		if err := m.UseSlot(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if sim := awaitSIM(t, m, modem.SIMReady); sim.IMSI != "262011234567890" {
			t.Errorf("%+v", sim)
		}
		awaitRegistration(t, m, modem.Roaming)
	})
}

func TestEmulatedRadioAndItsLock(t *testing.T) {
	scenario := virtual.Default()
	scenario.Device.HostLock = true
	with(t, scenario, func(t *testing.T, v *firmware, m *Modem) {
		ctx := t.Context()
		if r, err := m.Radio(ctx); err != nil || r.On() {
			t.Errorf("%+v, %v", r, err)
		}
		if err := m.SetRadio(ctx, true); err != nil {
			t.Error(err)
		}
		if r, err := m.Radio(ctx); err != nil || !r.On() {
			t.Errorf("%+v, %v", r, err)
		}
		awaitRegistration(t, m, modem.Home)
		v.Do(func() { v.SetHardwareRadio(false) })
		await(t, m, func(r modem.Radio) bool { return !r.Hardware }, func() (modem.Radio, error) { return m.Radio(ctx) })
	})
}

func TestEmulatedConnectionChangesAndEnds(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		ctx := t.Context()
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(ctx, 0, modem.APN{Name: "internet", Families: modem.IPv4}); err != nil {
			t.Fatal(err)
		}
		before, err := m.Connection(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		question := func() (modem.Connection, error) { return m.Connection(ctx, 0) }
		v.Do(func() {
			if err := v.Readdress(0); err != nil {
				t.Error(err)
			}
		})
		await(t, m, func(c modem.Connection) bool { return c.Address4 != before.Address4 }, question)
		v.Do(func() {
			if err := v.SetMTU(0, 1280); err != nil {
				t.Error(err)
			}
		})
		await(t, m, func(c modem.Connection) bool { return c.MTU == 1280 }, question)
		v.Do(func() {
			if err := v.Drop(0, 38); err != nil {
				t.Error(err)
			}
		})
		await(t, m, func(up bool) bool { return !up }, func() (bool, error) {
			_, err := m.Connection(ctx, 0)
			if errors.Is(err, modem.ErrNotConnected) {
				return false, nil
			}
			return true, err
		})
		if err := m.Connect(ctx, 0, modem.APN{Name: "internet", Families: modem.IPv4}); err != nil {
			t.Error(err)
		}
	})
}

func TestEmulatedAttachAPN(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		want := modem.APN{Name: "corp", User: "branch", Password: "s", Auth: modem.CHAP, Families: modem.IPv4}
		if err := m.SetAttachAPN(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		v.Do(func() {
			if apn := v.AttachAPN(); apn != want {
				t.Errorf("the modem attaches with %v, want %v", apn, want)
			}
		})
		want.Password = "" // the modem does not tell it
		if apn, err := m.AttachAPN(t.Context()); err != nil || apn != want {
			t.Errorf("%v, %v, want %v", apn, err, want)
		}
	})
}

func TestEmulatedSelection(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		want := modem.Selection{PLMN: "310410", Technologies: []modem.Technology{modem.LTE}}
		if err := m.Select(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		v.Do(func() {
			if s := v.Selection(); s.PLMN != want.PLMN {
				t.Errorf("%+v", s)
			}
		})
		if err := m.Select(t.Context(), modem.Selection{}); err != nil {
			t.Fatal(err)
		}
		v.Do(func() {
			if s := v.Selection(); s.PLMN != "" {
				t.Errorf("%+v", s)
			}
		})
		awaitRegistration(t, m, modem.Home)
	})
}

func TestEmulatedModemIsUnplugged(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		v.Do(v.HangUp)
		for range m.Events() {
		}
		if _, err := m.SIM(t.Context()); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v", err)
		}
	})
}

func TestEmulatedModemRestarts(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		if err := m.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range m.Events() {
		}
		time.Sleep(time.Duration(virtual.Default().Timing.Boot))
		synctest.Wait()
		awaitRegistration(t, v.open(t), modem.Home)
	})
}

// A router that starts anew finds client ids and calls of the one before, which it
// frees: modems have few.
func TestEmulatedModemIsOpenedAgainAndAgain(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		for range 40 {
			awaitRegistration(t, m, modem.Home)
			if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
				t.Fatal(err)
			}
			if err := m.talk.close(); err != nil { // as if killed: nothing is given back
				t.Fatal(err)
			}
			m = v.open(t)
		}
	})
}
