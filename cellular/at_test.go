package cellular

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/at/athost"
	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/secret"
)

// serialModem is an emulated modem on a serial port, in a world that has the bus and
// the kernel's devices.
type serialModem struct {
	*world
	cable *emulator.Cable
}

// Await implements Bus.
func (s serialModem) Await(ctx context.Context, name string, last Device) (Device, error) {
	if _, err := s.world.Await(ctx, name, last); err != nil {
		return nil, err
	}
	return s, nil
}

// Open implements Device.
func (s serialModem) Open(ctx context.Context, _ int) (modem.Modem, error) {
	p, err := s.cable.Open()
	if err != nil {
		return nil, err
	}
	return athost.Open(ctx, p, slog.New(slog.DiscardHandler))
}

// onSerialPort runs a test with a Station whose modem is directed by AT commands.
func onSerialPort(t *testing.T, cfg Config, change func(*virtual.Scenario), do func(w *world, m *virtual.Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		scenario := virtual.Default()
		scenario.Device.Manufacturer = "u-blox" // as a bridge: its device has the network's addresses
		if change != nil {
			change(&scenario)
		}
		e, err := emulator.New(t.Context(), usb.ECM, scenario)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{
			T: t, kernel: newKernel(), memory: make(memory), asked: make(map[string]int), present: make(chan struct{}),
		}
		w.plug()
		log := slog.New(slog.DiscardHandler)
		w.station = New("m2", cfg, []Interface{lte}, Deps{Log: log, Bus: serialModem{w, e.Cable()}, Records: OpenRecords(w, log)})
		w.station.Underlays()[0].links = w
		ctx, cancel := context.WithCancel(t.Context())
		w.stop, w.ended = cancel, make(chan error, 1)
		go func() { w.ended <- w.station.Run(ctx) }()
		do(w, e.Modem)
		w.end()
	})
}

// up waits until the underlay offers an address, and returns it.
func (w *world) up(within time.Duration) netip.Prefix {
	w.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		if s := w.state(); s.Up {
			return s.Address
		}
	}
	w.Fatalf("no address within %v; status %+v", within, w.station.Status())
	return netip.Prefix{}
}

// down waits until the underlay offers nothing.
func (w *world) down(within time.Duration) {
	w.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		if !w.state().Up {
			return
		}
	}
	w.Fatalf("still up after %v; status %+v", within, w.station.Status())
}

func TestATModemComesUp(t *testing.T) {
	onSerialPort(t, Config{}, nil, func(w *world, m *virtual.Modem) {
		first := w.up(time.Minute)
		time.Sleep(time.Second)
		synctest.Wait()
		if s := w.station.Status(); s.Registration.Operator != "Testnet" || s.SIM.ICCID == "" || s.Signal.RSRP == nil {
			t.Errorf("status is %+v", s)
		}
		m.Do(func() { _ = m.Readdress(0) })
		time.Sleep(time.Second)
		if second := w.up(time.Second); second == first {
			t.Errorf("the address is still %v", first)
		}
		m.Do(func() { _ = m.Drop(0, 38) })
		w.down(time.Second)
		w.up(10 * time.Minute)
		m.Do(func() { m.DrawSIM(0) })
		w.down(time.Second)
		m.Do(func() { m.InsertSIM(0, virtual.NewCard(virtual.Default().Slots[0].SIM)) })
		w.up(10 * time.Minute)
		m.Do(func() { _ = m.Cover("", false) })
		w.down(time.Second)
		m.Do(func() { _ = m.Cover("", true) })
		w.up(10 * time.Minute)
		m.Do(func() { m.Restart() }) // which has it forget to tell of changes
		time.Sleep(2 * pollInterval)
		w.up(10 * time.Minute)
		m.Do(func() { _ = m.Cover("", false) })
		w.down(time.Second)
	})
}

func TestATModemWithPINAndAPN(t *testing.T) {
	change := func(s *virtual.Scenario) {
		s.Slots[0].SIM.PIN = "4711"
		corp := *s.Networks[0].APNs[0]
		corp.Name, corp.Default, corp.User, corp.Password, corp.Auth = "corp", false, "branch", "secret", modem.CHAP
		s.Networks[0].APNs = append(s.Networks[0].APNs, &corp)
	}
	for _, user := range []string{"", "branch"} {
		sim := SIM{PIN: new(secret.New("sim", "4711"))}
		if user != "" {
			sim.APN = &APN{Name: "corp", User: user, Password: new(secret.New("apn", "secret"))}
		}
		onSerialPort(t, Config{SIMs: []SIM{sim}}, change, func(w *world, m *virtual.Modem) {
			w.up(10 * time.Minute)
			m.Do(func() {
				session, _ := m.Session(0)
				if want := map[string]string{"": "internet", "branch": "corp"}[user]; session.Granted.APN != want || m.Card().PINAttempts != 3 {
					t.Errorf("connected to %s, %d attempts left", session.Granted.APN, m.Card().PINAttempts)
				}
			})
		})
	}
	// A PIN that is wrong costs one attempt, however long the box runs.
	wrong := Config{SIMs: []SIM{{PIN: new(secret.New("sim", "0815"))}}}
	onSerialPort(t, wrong, change, func(w *world, m *virtual.Modem) {
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		m.Do(func() {
			if left := m.Card().PINAttempts; left != 2 {
				t.Errorf("%d attempts are left", left)
			}
		})
	})
}
