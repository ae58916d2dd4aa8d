package mbimhost

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// firmware is an emulated modem that speaks MBIM to whoever has its control port.
type firmware struct {
	*virtual.Modem
	cable *emulator.Cable
}

func newFirmware(t *testing.T, scenario virtual.Scenario) *firmware {
	t.Helper()
	e, err := emulator.New(t.Context(), usb.MBIM, scenario)
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

func (f *firmware) open(t *testing.T) *Modem {
	t.Helper()
	m, err := Open(t.Context(), f.plug(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// with runs a test with an emulated modem, open.
func with(t *testing.T, s virtual.Scenario, test func(t *testing.T, v *firmware, m *Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := newFirmware(t, s)
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
		case _, open := <-m.Events():
			if !open {
				t.Fatal("the modem is gone")
			}
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
	return await(t, m, func(r modem.Registration) bool { return r.State == state && (state != modem.Home || r.Attached) },
		func() (modem.Registration, error) { return m.Registration(t.Context()) })
}

func TestEmulatedModemFromTheStart(t *testing.T) {
	for name, change := range map[string]func(*virtual.Device){
		"2.0":                   func(*virtual.Device) {},
		"1.0":                   func(d *virtual.Device) { d.MBIMEx = "" },
		"in the least messages": func(d *virtual.Device) { d.ControlMessage = 64 },
	} {
		t.Run(name, func(t *testing.T) {
			s := virtual.Default()
			change(&s.Device)
			with(t, s, func(t *testing.T, v *firmware, m *Modem) {
				identity, err := m.Identity(t.Context())
				if err != nil || identity.IMEI != v.Device().IMEI || identity.Sessions != 8 {
					t.Errorf("%+v, %v", identity, err)
				}
				sim := awaitSIM(t, m, modem.SIMReady)
				if want := (modem.SIM{State: modem.SIMReady, ICCID: "8988211000000530082", IMSI: "001010123456789", MNCDigits: 2, Provider: "Testnet", GID1: "0a1b", Attempts: -1}); sim != want {
					t.Errorf("%+v, want %+v", sim, want)
				}
				r := awaitRegistration(t, m, modem.Home)
				if want := (modem.Registration{State: modem.Home, Attached: true, PLMN: "00101", Operator: "Testnet", Technology: modem.LTE, Cell: 27447297, Area: 4711, Band: "B20", Channel: 6300}); r != want {
					t.Errorf("%+v, want %+v", r, want)
				}
				signal, err := m.Signal(t.Context())
				want := "RSSI -67 dBm, RSRP -97 dBm, RSRQ -11 dB, SINR 12 dB"
				if v.Device().MBIMEx == "" {
					want = "RSSI -67 dBm, RSRP -97 dBm, RSRQ -11 dB"
				}
				if err != nil || signal.String() != want {
					t.Errorf("%v, %v, want %s", signal, err, want)
				}
				if _, err := m.Connection(t.Context(), 1); !errors.Is(err, modem.ErrNotConnected) {
					t.Error(err)
				}
				if err := m.Connect(t.Context(), 1, modem.APN{Families: modem.IPv4v6}); err != nil {
					t.Fatal(err)
				}
				c, err := m.Connection(t.Context(), 1)
				if err != nil || c.MTU != 1430 || len(c.DNS) != 2 || !c.Address4.IsValid() || !c.Address6.IsValid() || !c.Gateway4.IsValid() {
					t.Errorf("%+v, %v", c, err)
				}
				if _, err := m.Counters(t.Context(), 1); err != nil {
					t.Error(err)
				}
				if err := errors.Join(m.Disconnect(t.Context(), 1), m.Disconnect(t.Context(), 1)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestEmulatedModemIsOpenedAgainAndAgain, and its connection stays.
func TestEmulatedModemIsOpenedAgainAndAgain(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(t.Context(), 0, modem.APN{}); err != nil {
			t.Fatal(err)
		}
		want, err := m.Connection(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			m = v.open(t)
			if got, err := m.Connection(t.Context(), 0); err != nil || !got.Equal(want) {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
	})
}

func TestEmulatedNetworkRefuses(t *testing.T) {
	for _, cause := range []modem.SessionCause{26, 27, 29, 33, 50} {
		s := virtual.Default()
		s.Networks[0].APNs[0].Refuse = cause
		with(t, s, func(t *testing.T, _ *firmware, m *Modem) {
			awaitRegistration(t, m, modem.Home)
			err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"})
			var refusal modem.Refusal
			if !errors.As(err, &refusal) || refusal.Cause != cause {
				t.Errorf("%v, want cause %d", err, cause)
			}
		})
	}
}

func TestEmulatedNetworkDenies(t *testing.T) {
	s := virtual.Default()
	s.Networks[0].Deny = 8
	with(t, s, func(t *testing.T, _ *firmware, m *Modem) {
		if r := awaitRegistration(t, m, modem.Denied); r.Cause != 8 {
			t.Errorf("%+v", r)
		}
	})
}

func TestEmulatedSIMWithPIN(t *testing.T) {
	s := virtual.Default()
	s.Slots[0].SIM.PIN, s.Slots[0].SIM.PUK = "4711", "12345678"
	with(t, s, func(t *testing.T, _ *firmware, m *Modem) {
		if sim := awaitSIM(t, m, modem.SIMLocked); sim.Attempts != 3 {
			t.Errorf("%+v", sim)
		}
		if err := m.EnterPIN(t.Context(), "0000"); !errors.Is(err, modem.ErrWrongPIN) {
			t.Errorf("%v, want %v", err, modem.ErrWrongPIN)
		}
		if sim := awaitSIM(t, m, modem.SIMLocked); sim.Attempts != 2 {
			t.Errorf("%+v", sim)
		}
		if err := m.EnterPIN(t.Context(), "4711"); err != nil {
			t.Error(err)
		}
		awaitSIM(t, m, modem.SIMReady)
	})
	with(t, s, func(t *testing.T, _ *firmware, m *Modem) {
		awaitSIM(t, m, modem.SIMLocked)
		for range 3 {
			if err := m.EnterPIN(t.Context(), "0000"); !errors.Is(err, modem.ErrWrongPIN) {
				t.Errorf("%v, want %v", err, modem.ErrWrongPIN)
			}
		}
		if sim := awaitSIM(t, m, modem.SIMBlocked); sim.Attempts != 10 {
			t.Errorf("%+v", sim)
		}
		if err := m.EnterPIN(t.Context(), "4711"); err == nil || errors.Is(err, modem.ErrWrongPIN) {
			t.Errorf("a PIN for a SIM that wants its PUK: %v", err)
		}
	})
}

func TestEmulatedConnectionChangesAndEnds(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(t.Context(), 0, modem.APN{Families: modem.IPv4}); err != nil {
			t.Fatal(err)
		}
		ask := func() (modem.Connection, error) { return m.Connection(t.Context(), 0) }
		before, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		v.Do(func() { err = errors.Join(v.Readdress(0), v.SetMTU(0, 1400)) })
		if err != nil {
			t.Fatal(err)
		}
		await(t, m, func(c modem.Connection) bool { return c.MTU == 1400 && c.Address4 != before.Address4 }, ask)
		v.Do(func() { err = v.Drop(0, 36) })
		if err != nil {
			t.Fatal(err)
		}
		for e := range m.Events() {
			if e&modem.ConnectionChanged != 0 {
				break
			}
		}
		_, err = ask()
		var refusal modem.Refusal
		if !errors.Is(err, modem.ErrNotConnected) || !errors.As(err, &refusal) || refusal.Cause != 36 {
			t.Error(err)
		}
	})
}

func TestEmulatedSlots(t *testing.T) {
	s := virtual.Default()
	s.Slots[1].SIM = &virtual.SIM{ICCID: "8988211000000530090", IMSI: "001010123456790", MNCDigits: 2, Provider: "Other"}
	with(t, s, func(t *testing.T, _ *firmware, m *Modem) {
		awaitSIM(t, m, modem.SIMReady)
		slots, err := m.Slots(t.Context())
		if err != nil || len(slots) != 2 || !slots[0].Active || slots[1].Active || !slots[1].Filled {
			t.Errorf("%+v, %v", slots, err)
		}
		if err := m.UseSlot(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		sim := await(t, m, func(s modem.SIM) bool { return s.State == modem.SIMReady && s.ICCID == "8988211000000530090" },
			func() (modem.SIM, error) { return m.SIM(t.Context()) })
		if sim.Provider != "Other" || sim.GID1 != "" {
			t.Errorf("%+v", sim)
		}
	})
}

func TestEmulatedModemRestarts(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		if err := m.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range m.Events() {
		}
		if _, err := m.SIM(t.Context()); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v, want %v", err, modem.ErrGone)
		}
		time.Sleep(time.Duration(virtual.Default().Timing.Boot) + time.Millisecond)
		awaitRegistration(t, v.open(t), modem.Home)
	})
}

func TestEmulatedRadioAndItsLock(t *testing.T) {
	s := virtual.Default()
	s.Device.HostLock = true
	with(t, s, func(t *testing.T, v *firmware, m *Modem) {
		check := func(want modem.Radio) {
			t.Helper()
			if got, err := m.Radio(t.Context()); err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		check(modem.Radio{Hardware: true})
		if err := m.SetRadio(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		check(modem.Radio{Hardware: true, Software: true})
		awaitRegistration(t, m, modem.Home)
		v.Do(func() { v.SetHardwareRadio(false) })
		check(modem.Radio{Software: true})
		awaitRegistration(t, m, modem.NotRegistered)
	})
}
