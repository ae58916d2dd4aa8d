package mbimhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// registering is longer than the modem takes to register.
const registering = 10 * time.Second

// everyMethod calls all methods but Restart, and returns their errors by name.
func everyMethod(ctx context.Context, m *Modem) map[string]error {
	errs := make(map[string]error)
	note := func(name string, err error) { errs[name] = err }
	_, err := m.Identity(ctx)
	note("Identity", err)
	_, err = m.Slots(ctx)
	note("Slots", err)
	note("UseSlot", m.UseSlot(ctx, 1))
	_, err = m.SIM(ctx)
	note("SIM", err)
	_, err = m.Radio(ctx)
	note("Radio", err)
	note("SetRadio", m.SetRadio(ctx, true))
	apn, err := m.AttachAPN(ctx)
	note("AttachAPN", err)
	note("SetAttachAPN", m.SetAttachAPN(ctx, apn))
	note("Select", m.Select(ctx, modem.Selection{}))
	_, err = m.Registration(ctx)
	note("Registration", err)
	note("Attach", m.Attach(ctx))
	_, err = m.Signal(ctx)
	note("Signal", err)
	time.Sleep(registering) // with the attach APN that was set
	note("Connect", m.Connect(ctx, 0, modem.APN{}))
	_, err = m.Connection(ctx, 0)
	note("Connection", err)
	_, err = m.Counters(ctx, 0)
	note("Counters", err)
	note("Disconnect", m.Disconnect(ctx, 0))
	return errs
}

// tapped is a port whose frames to the modem are counted, and replaced by an act
// from a given one on.
type tapped struct {
	*emulator.CablePort
	written int
	from    int
	instead func()
}

func (p *tapped) Write(b []byte) (int, error) {
	p.written++
	if p.instead != nil && p.written > p.from {
		p.instead()
		return len(b), nil
	}
	return p.CablePort.Write(b)
}

// atHome runs a test with an emulated modem that is registered, and not open.
func atHome(t *testing.T, test func(t *testing.T, v *firmware)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := newFirmware(t, virtual.Default())
		time.Sleep(registering)
		test(t, v)
	})
}

// frames is how many frames Open and everyMethod send to a modem that is well.
func frames(t *testing.T) (n int) {
	atHome(t, func(t *testing.T, v *firmware) {
		port := &tapped{CablePort: v.plug(t)}
		m, err := Open(t.Context(), port, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for name, err := range everyMethod(t.Context(), m) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		m.Close()
		n = port.written
	})
	if n < 25 {
		t.Fatalf("only %d frames", n)
	}
	return n
}

func TestUnpluggedAtAnyMoment(t *testing.T) {
	for n := range frames(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			atHome(t, func(t *testing.T, v *firmware) {
				port := &tapped{CablePort: v.plug(t), from: n}
				port.instead = func() { v.Do(v.HangUp) }
				begun := time.Now()
				m, err := Open(t.Context(), port, slog.New(slog.DiscardHandler))
				if err != nil {
					if !errors.Is(err, modem.ErrGone) {
						t.Error(err)
					}
					return
				}
				for name, err := range everyMethod(t.Context(), m) {
					if err != nil && !errors.Is(err, modem.ErrGone) {
						t.Errorf("%s: %v", name, err)
					}
				}
				for range m.Events() {
				}
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took > registering+time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestSilentAtAnyMoment: all is over in bounded time, and a modem that recovers is
// opened as if nothing had been.
func TestSilentAtAnyMoment(t *testing.T) {
	for n := range frames(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			atHome(t, func(t *testing.T, v *firmware) {
				begun := time.Now()
				m, err := Open(t.Context(), &tapped{CablePort: v.plug(t), from: n, instead: func() {}}, slog.New(slog.DiscardHandler))
				if err == nil {
					for name, err := range everyMethod(t.Context(), m) {
						if err != nil && !errors.Is(err, modem.ErrSilent) {
							t.Errorf("%s: %v", name, err)
						}
					}
					m.Close()
				} else if !errors.Is(err, modem.ErrSilent) {
					t.Error(err)
				}
				if took := time.Since(begun); took > 15*time.Minute {
					t.Errorf("it took %v", took)
				}
				again := v.open(t)
				awaitRegistration(t, again, modem.Home)
				if err := errors.Join(again.Disconnect(t.Context(), 0), again.Connect(t.Context(), 0, modem.APN{})); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestMalformedAnswers: a modem that answers nonsense is told from one that is gone
// or silent, and may do better next time.
func TestMalformedAnswers(t *testing.T) {
	for name, spoil := range map[string]func(*mbim.Message){
		"nothing": func(m *mbim.Message) { m.Info = nil },
		"ones": func(m *mbim.Message) {
			for i := range m.Info {
				m.Info[i] = 0xff
			}
		},
		"cut":             func(m *mbim.Message) { m.Info = m.Info[:len(m.Info)/2] },
		"another command": func(m *mbim.Message) { m.Command = mbim.CmdEmergencyMode },
		"another type":    func(m *mbim.Message) { m.Type = mbim.CloseDone },
		"refused with nonsense": func(m *mbim.Message) {
			m.Status, m.Info = mbim.StatusFailure, []byte{1, 2, 3}
		},
	} {
		t.Run(name, func(t *testing.T) {
			atHome(t, func(t *testing.T, v *firmware) {
				port := &spoiling{CablePort: v.plug(t)}
				m, err := Open(t.Context(), port, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				port.spoil.Store(&spoil)
				for name, err := range everyMethod(t.Context(), m) {
					if errors.Is(err, modem.ErrGone) || errors.Is(err, modem.ErrSilent) {
						t.Errorf("%s: %v", name, err)
					}
				}
				port.spoil.Store(nil)
				if _, err := m.Identity(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// spoiling is a port that spoils answers.
type spoiling struct {
	*emulator.CablePort
	spoil atomic.Pointer[func(*mbim.Message)]
}

func (p *spoiling) Read(b []byte) (int, error) {
	n, err := p.CablePort.Read(b)
	spoil := p.spoil.Load()
	if err != nil || spoil == nil {
		return n, err
	}
	m, err := (&mbim.Reassembler{Limit: maxMessageLen}).Add(b[:n])
	if err != nil || m.Type != mbim.CommandDone {
		return n, err
	}
	m.Info = slices.Clone(m.Info)
	(*spoil)(m)
	frames, err := m.Frames(p.MaxMessage())
	if err != nil {
		return 0, err
	}
	return copy(b, frames[0]), nil
}
