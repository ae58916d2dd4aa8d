package qmihost

import (
	"errors"
	"reflect"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

func TestIdentity(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		want := modem.Identity{Manufacturer: "Acme", Model: "M2", Firmware: "R06", IMEI: "867530912345678", Protocol: "QMI", Sessions: 1}
		if got, err := m.Identity(t.Context()); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		always[qmi.GetRevisionRequest](s, qmi.ErrInternal)
		want.Firmware = ""
		if got, err := m.Identity(t.Context()); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		always[qmi.GetIDsRequest](s, nil)
		if _, err := m.Identity(t.Context()); !errors.Is(err, modem.ErrSilent) {
			t.Errorf("%v", err)
		}
	})
}

func TestRadio(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		for want, answer := range map[modem.Radio]*qmi.GetOperatingModeResponse{
			{Hardware: true, Software: true}: {Mode: qmi.ModeOnline, HardwareRestricted: new(false)},
			{Hardware: true}:                 {Mode: qmi.ModePersistentLowPower},
			{}:                               {Mode: qmi.ModeLowPower, HardwareRestricted: new(true)},
		} {
			always[qmi.GetOperatingModeRequest](s, answer)
			if got, err := m.Radio(t.Context()); err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		s.indicate(1, &qmi.DeviceEventIndication{OperatingMode: new(qmi.ModeOnline)})
		if e := <-m.Events(); e != modem.RadioChanged {
			t.Errorf("%v", e)
		}
	})
}

// fccLocked has s refuse to go online until it is authenticated.
func fccLocked(s *script, authenticated *int) {
	on(s, func(_ uint8, r *qmi.SetOperatingModeRequest) any {
		if r.Mode == qmi.ModeOnline && *authenticated == 0 {
			return qmi.ErrInvalidTransition
		}
		return &qmi.SetOperatingModeResponse{}
	})
	on(s, func(uint8, *qmi.AuthenticateRequest) any {
		*authenticated++
		return &qmi.AuthenticateResponse{}
	})
}

func TestSetRadioUndoesTheLockToAHost(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		var authenticated int
		fccLocked(s, &authenticated)
		if err := m.SetRadio(t.Context(), false); err != nil || authenticated != 0 {
			t.Errorf("off: %v, authenticated %d times", err, authenticated)
		}
		for range 2 {
			if err := m.SetRadio(t.Context(), true); err != nil || authenticated != 1 {
				t.Errorf("on: %v, authenticated %d times", err, authenticated)
			}
		}
		authenticated = 0 // and it locks again
		if err := m.SetRadio(t.Context(), true); !errors.Is(err, qmi.ErrInvalidTransition) || authenticated != 0 {
			t.Errorf("again: %v, authenticated %d times", err, authenticated)
		}
	})
}

func TestSetRadioOfALockNobodyCanUndo(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.SetOperatingModeRequest](s, qmi.ErrInvalidTransition)
		for range 2 {
			if err := m.SetRadio(t.Context(), true); !errors.Is(err, qmi.ErrInvalidTransition) {
				t.Errorf("%v", err)
			}
		}
		if n := s.count((*qmi.AuthenticateRequest)(nil).Kind()); n != 1 {
			t.Errorf("authenticated %d times", n)
		}
		always[qmi.SetOperatingModeRequest](s, qmi.ErrNoEffect)
		if err := m.SetRadio(t.Context(), true); err != nil {
			t.Errorf("%v", err)
		}
	})
}

func TestRestart(t *testing.T) {
	for name, c := range map[string]struct {
		last func(s *script) any
		want error
	}{
		"answers":      {func(*script) any { return &qmi.SetOperatingModeResponse{} }, nil},
		"leaves first": {func(s *script) any { _ = s.wire.Close(); return nil }, nil},
		"is silent":    {func(*script) any { return nil }, modem.ErrSilent},
		"refuses":      {func(*script) any { return qmi.ErrInvalidTransition }, qmi.ErrInvalidTransition},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				on(s, func(_ uint8, r *qmi.SetOperatingModeRequest) any {
					if r.Mode == qmi.ModeResetting {
						return c.last(s)
					}
					return qmi.ErrInvalidArgument
				})
				if err := m.Restart(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				want := []qmi.Body{&qmi.SetOperatingModeRequest{Mode: qmi.ModeOffline}, &qmi.SetOperatingModeRequest{Mode: qmi.ModeResetting}}
				if asked := s.asked((*qmi.SetOperatingModeRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
					t.Errorf("asked %v", asked)
				}
			})
		})
	}
}
