package atside_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/at/athost"
	"github.com/farspoke/farspoke/cellular/emulator/atside"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// wire is the port between a host and a modem. It holds what is on its way.
type wire struct {
	side *atside.Side

	mu      sync.Mutex
	arrived *sync.Cond
	octets  bytes.Buffer
	closed  bool
}

func (w *wire) send(octets []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.octets.Write(octets)
	w.arrived.Broadcast()
}

func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.octets.Len() == 0 && !w.closed {
		w.arrived.Wait()
	}
	if w.closed {
		return 0, io.EOF
	}
	return w.octets.Read(b)
}

func (w *wire) Write(b []byte) (int, error) {
	w.side.Receive(b)
	return len(b), nil
}

func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.arrived.Broadcast()
	return nil
}

// directed runs f in virtual time with a modem and the host that directs it. The
// modem is one of u-blox's that are a bridge: its port has the network's addresses.
func directed(t *testing.T, change func(*virtual.Scenario), f func(t *testing.T, h *athost.Host, m *virtual.Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := virtual.Default()
		s.Device.Manufacturer = "u-blox"
		if change != nil {
			change(&s)
		}
		m, err := virtual.New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		w := &wire{}
		w.arrived = sync.NewCond(&w.mu)
		w.side = atside.New(m, w.send)
		time.Sleep(5 * time.Second)
		h, err := athost.Open(t.Context(), w, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		f(t, h, m)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		w.side.Close()
	})
}

func TestHost(t *testing.T) {
	directed(t, nil, func(t *testing.T, h *athost.Host, m *virtual.Modem) {
		ctx := t.Context()
		identity, err := h.Identity(ctx)
		if want := (modem.Identity{Manufacturer: "u-blox", Model: "Virtual LTE", Firmware: "FSV01.02.03", IMEI: "356938035643809", Protocol: "AT", Sessions: 1}); err != nil || identity != want {
			t.Errorf("%+v, %v", identity, err)
		}
		sim, err := h.SIM(ctx)
		if want := (modem.SIM{State: modem.SIMReady, ICCID: "8988211000000530082", IMSI: "001010123456789", MNCDigits: 2, Provider: "Testnet", GID1: "0a1b", Attempts: 3}); err != nil || sim != want {
			t.Errorf("%+v, %v", sim, err)
		}
		registration, err := h.Registration(ctx)
		if want := (modem.Registration{State: modem.Home, Attached: true, PLMN: "00101", Operator: "Testnet", Technology: modem.LTE, Cell: 27447297, Area: 4711}); err != nil || registration != want {
			t.Errorf("%+v, %v", registration, err)
		}
		if signal, err := h.Signal(ctx); err != nil || *signal.RSRP != -97 || *signal.RSRQ != -11 || *signal.RSSI != -67 {
			t.Errorf("%v, %v", signal, err)
		}
		if err := h.Connect(ctx, 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		c, err := h.Connection(ctx, 0)
		var want modem.Connection
		m.Do(func() {
			session, _ := m.Session(0)
			want = session.Granted
		})
		if err != nil || !c.Equal(want) {
			t.Errorf("%+v, %v\nwant %+v", c, err, want)
		}
		m.Do(func() { err = m.Readdress(0) })
		synctest.Wait()
		if e := <-h.Events(); err != nil || e&modem.ConnectionChanged == 0 {
			t.Error(e, err)
		}
		again, err := h.Connection(ctx, 0)
		if err != nil || again.Equal(c) {
			t.Errorf("%+v after the address changed, %v", again, err)
		}
		m.Do(func() { _ = m.Drop(0, 38) })
		if _, err := h.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Error(err)
		}
		if err := h.Connect(ctx, 0, modem.APN{Name: "internet"}); err != nil {
			t.Error(err)
		}
		if err := h.Disconnect(ctx, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestRefusedConnections(t *testing.T) {
	change := func(s *virtual.Scenario) {
		apn := *s.Networks[0].APNs[0]
		apn.Name, apn.Default, apn.User, apn.Password, apn.Auth = "corp", false, "branch", "secret", modem.CHAP
		s.Networks[0].APNs = append(s.Networks[0].APNs, &apn)
	}
	directed(t, change, func(t *testing.T, h *athost.Host, m *virtual.Modem) {
		for _, v := range []struct {
			apn   modem.APN
			cause modem.SessionCause
		}{
			{modem.APN{Name: "nowhere"}, 27},
			{modem.APN{Name: "corp"}, 29},
			{modem.APN{Name: "corp", User: "branch", Password: "wrong", Auth: modem.CHAP}, 29},
			{modem.APN{Name: "corp", User: "branch", Password: "secret", Auth: modem.CHAP}, 0},
		} {
			err := h.Connect(t.Context(), 0, v.apn)
			var refusal modem.Refusal
			if errors.As(err, &refusal) != (v.cause != 0) || refusal.Cause != v.cause || v.cause == 0 && err != nil {
				t.Errorf("%v: %v", v.apn, err)
			}
		}
		if err := h.Connect(t.Context(), 0, modem.APN{}); err != nil {
			t.Error("another APN while connected:", err)
		}
		if c, err := h.Connection(t.Context(), 0); err != nil || c.APN != "internet" {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestLockedSIM(t *testing.T) {
	directed(t, func(s *virtual.Scenario) { s.Slots[0].SIM.PIN = "4711" }, func(t *testing.T, h *athost.Host, m *virtual.Modem) {
		ctx := t.Context()
		if sim, err := h.SIM(ctx); err != nil || sim.State != modem.SIMLocked || sim.Attempts != 3 || sim.ICCID == "" {
			t.Errorf("%+v, %v", sim, err)
		}
		for left := 2; left >= 0; left-- {
			if err := h.EnterPIN(ctx, "0815"); !errors.Is(err, modem.ErrWrongPIN) {
				t.Error(err)
			}
			sim, err := h.SIM(ctx)
			if left > 0 && (err != nil || sim.Attempts != left) {
				t.Errorf("%+v, %v", sim, err)
			}
		}
		if sim, err := h.SIM(ctx); err != nil || sim.State != modem.SIMBlocked || sim.Attempts != 10 {
			t.Errorf("%+v, %v", sim, err)
		}
		if err := h.EnterPIN(ctx, "4711"); !errors.Is(err, modem.ErrNoSIM) {
			t.Error(err)
		}
		m.Do(func() {
			m.InsertSIM(0, virtual.NewCard(&virtual.SIM{ICCID: "8988211000000530082", IMSI: "001010123456789", MNCDigits: 2, PIN: "4711"}))
		})
		if sim, err := h.SIM(ctx); err != nil || sim.State != modem.SIMStarting {
			t.Errorf("%+v, %v", sim, err)
		}
		time.Sleep(time.Second)
		if err := h.EnterPIN(ctx, "4711"); err != nil {
			t.Error(err)
		}
		if sim, err := h.SIM(ctx); err != nil || sim.State != modem.SIMReady {
			t.Errorf("%+v, %v", sim, err)
		}
		m.Do(func() { m.DrawSIM(0) })
		if sim, err := h.SIM(ctx); err != nil || sim.State != modem.SIMAbsent {
			t.Errorf("%+v, %v", sim, err)
		}
	})
}

func TestDeniedAndSelected(t *testing.T) {
	change := func(s *virtual.Scenario) {
		other := *s.Networks[0]
		other.PLMN, other.Name, other.Technology = "26201", "Other", modem.UMTS
		s.Networks = append(s.Networks, &other)
	}
	directed(t, change, func(t *testing.T, h *athost.Host, m *virtual.Modem) {
		ctx := t.Context()
		if err := h.Select(ctx, modem.Selection{PLMN: "26201"}); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		if r, err := h.Registration(ctx); err != nil || r.State != modem.Roaming || r.PLMN != "26201" || r.Technology != modem.UMTS || !r.Attached {
			t.Errorf("%+v, %v", r, err)
		}
		if err := h.Select(ctx, modem.Selection{}); err != nil {
			t.Error(err)
		}
		m.Do(func() { _ = m.Change("00101", func(n *virtual.Network) error { n.Deny = 8; return nil }) })
		if err := h.SetRadio(ctx, false); err != nil {
			t.Error(err)
		}
		if radio, err := h.Radio(ctx); err != nil || radio.On() {
			t.Error(radio, err)
		}
		if err := h.SetRadio(ctx, true); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		if r, err := h.Registration(ctx); err != nil || r.State != modem.Denied || r.Cause != 8 {
			t.Errorf("%+v, %v", r, err)
		}
		start := time.Now()
		if err := h.Attach(ctx); err == nil || time.Since(start) > 2*time.Minute {
			t.Error(err, time.Since(start))
		}
	})
}

// TestRestart: a modem that has started again on the same port is set up again.
func TestRestart(t *testing.T) {
	directed(t, nil, func(t *testing.T, h *athost.Host, m *virtual.Modem) {
		if err := h.Restart(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		if sim, err := h.SIM(t.Context()); err != nil || sim.State != modem.SIMReady {
			t.Errorf("%+v, %v", sim, err)
		}
		if err := h.UseSlot(t.Context(), 2); !errors.Is(err, modem.ErrUnsupported) { // not u-blox's
			t.Error(err)
		}
	})
	directed(t, func(s *virtual.Scenario) { s.Device.Manufacturer = "Quectel" }, func(t *testing.T, h *athost.Host, m *virtual.Modem) {
		if err := h.UseSlot(t.Context(), 2); err != nil {
			t.Error(err)
		}
		if sim, err := h.SIM(t.Context()); err != nil || sim.State != modem.SIMAbsent {
			t.Errorf("%+v, %v", sim, err)
		}
		if slots, err := h.Slots(t.Context()); err != nil || len(slots) != 2 || slots[0].Active || !slots[1].Active {
			t.Errorf("%+v, %v", slots, err)
		}
	})
}
