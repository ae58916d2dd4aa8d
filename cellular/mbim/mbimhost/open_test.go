package mbimhost

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

const settling = "DEVICE_SERVICES query, VERSION query, DEVICE_SERVICE_SUBSCRIBE_LIST set"

func TestOpenOfAModemThatIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.native = 0x0300
		f.says(mbim.CmdDeviceCaps, mbim.Query, &mbim.DeviceCaps{DeviceID: "350000000000006", FirmwareInfo: "FW", HardwareInfo: "HW", MaxSessions: 8})
		m := f.open()
		if got, want := f.sinceLast(), "DEVICE_SERVICES query, OPEN, "+settling; got != want {
			t.Errorf("the modem heard %s, want %s", got, want)
		}
		got, err := m.Identity(t.Context())
		want := modem.Identity{Model: "HW", Firmware: "FW", IMEI: "350000000000006", Protocol: "MBIM 1.0 (MBIMEx 2.0)", Sessions: 8}
		if err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestOpenKeepsAModemThatIsOpen: a restart of the router costs no connection.
func TestOpenKeepsAModemThatIsOpen(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.native, f.opened, f.version = mbim.V2, true, mbim.V2
		f.open().Close()
		if got := f.sinceLast(); got != settling {
			t.Errorf("the modem heard %s, want %s", got, settling)
		}
	})
}

func TestOpenClosesWhatDoesNotAnswerFirst(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.native, f.opened = mbim.V2, true
		confused := true
		f.onMessage(func(m mbim.Message) bool {
			confused = confused && m.Type != mbim.Close
			return confused
		})
		f.open()
		if got, want := f.sinceLast(), "DEVICE_SERVICES query, CLOSE, OPEN, "+settling; got != want {
			t.Errorf("the modem heard %s, want %s", got, want)
		}
	})
}

func TestOpenIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		opens := 0
		f.onMessage(func(m mbim.Message) bool {
			if m.Type != mbim.Open {
				return false
			}
			opens++
			switch opens {
			case 1, 2: // lost
				return true
			case 3:
				f.send(mbim.Message{Type: mbim.OpenDone, Transaction: m.Transaction, Status: mbim.StatusBusy})
				return true
			}
			return false
		})
		begun := time.Now()
		f.open()
		if took := time.Since(begun); opens != 4 || took != 2*openLimit+time.Second {
			t.Errorf("%d times OPEN in %v", opens, took)
		}
	})
}

func TestOpenEndsWithItsBudget(t *testing.T) {
	for name, status := range map[string]mbim.Status{"silent": mbim.StatusOK, "failing": mbim.StatusFailure} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.onMessage(func(m mbim.Message) bool {
					if status != mbim.StatusOK && m.Type == mbim.Open {
						f.send(mbim.Message{Type: mbim.OpenDone, Transaction: m.Transaction, Status: status})
					}
					return true
				})
				begun := time.Now()
				_, err := Open(t.Context(), f.port, slog.New(slog.DiscardHandler))
				if !errors.Is(err, modem.ErrSilent) {
					t.Error(err)
				}
				if took := time.Since(begun); took != probeLimit+closeLimit+openBudget {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.onMessage(func(mbim.Message) bool { return true })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := Open(ctx, f.port, slog.New(slog.DiscardHandler)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestVersions: layouts change only with a modem that lists VERSION and answers it.
func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		native mbim.Version
		script func(*fake)
		want   mbim.Version
	}{
		{"not listed", 0, nil, mbim.V1},
		{"old", mbim.V1, nil, mbim.V1},
		{"as ours", mbim.V2, nil, mbim.V2},
		{"newer", 0x0300, nil, mbim.V2},
		{"refused", mbim.V2, func(f *fake) {
			f.onMessage(func(m mbim.Message) bool {
				if m.Command != mbim.CmdVersion {
					return false
				}
				a, _ := mbim.V1.Answer(m.Transaction, mbim.StatusInvalidParameters, m.Command)
				f.send(a)
				return true
			})
		}, mbim.V1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.native = tt.native
				if tt.script != nil {
					tt.script(f)
				}
				f.says(mbim.CmdSignalState, mbim.Query, &mbim.SignalState{RSSI: 20, Technologies: []mbim.TechnologySignal{{RSRP: 60, SNR: 71, SystemType: mbim.DataClassLTE}}})
				m := f.open()
				if m.version != tt.want {
					t.Errorf("version %v, want %v", m.version, tt.want)
				}
				s, err := m.Signal(t.Context())
				if want := "RSSI -73 dBm"; tt.want == mbim.V1 && (err != nil || s.String() != want) {
					t.Errorf("%v, %v, want %s", s, err, want)
				}
				if want := "RSSI -73 dBm, RSRP -97 dBm, SINR 12 dB"; tt.want == mbim.V2 && (err != nil || s.String() != want) {
					t.Errorf("%v, %v, want %s", s, err, want)
				}
			})
		})
	}
}

func TestSubscriptionThatIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.refuses(mbim.CmdDeviceServiceSubscribeList, mbim.Set, mbim.StatusInvalidParameters)
		f.open()
	})
}

func TestSubscriptionNamesWhatWeListenTo(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		var got mbim.SubscribeList
		f.on(mbim.CmdDeviceServiceSubscribeList, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			got = *q.(*mbim.SubscribeList)
			return mbim.StatusOK, q
		})
		f.says(mbim.CmdSignalState, mbim.Query, &mbim.SignalState{})
		f.says(mbim.CmdDeviceCaps, mbim.Query, &mbim.DeviceCaps{})
		f.open()
		if len(got.Events) != 1 || got.Events[0].Service != mbim.BasicConnect || len(got.Events[0].CIDs) != 1 || got.Events[0].CIDs[0] != mbim.CmdSignalState.CID {
			t.Errorf("%+v", got)
		}
	})
}

// TestAModemThatForgetsIsOpenedAnew, and what it was asked is asked again, but for a
// PIN.
func TestAModemThatForgetsIsOpenedAnew(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.native = mbim.V2
		f.says(mbim.CmdRadioState, mbim.Query, &mbim.RadioState{Hardware: true, Software: true})
		f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: mbim.ReadyStateDeviceLocked})
		f.says(mbim.CmdPIN, mbim.Query, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 3})
		m := f.open()
		forget := func() {
			f.sinceLast()
			f.mu.Lock()
			f.opened = false
			f.mu.Unlock()
		}
		forget()
		if radio, err := m.Radio(t.Context()); err != nil || !radio.On() {
			t.Errorf("%v, %v", radio, err)
		}
		if got, want := f.sinceLast(), "RADIO_STATE query, OPEN, "+settling+", RADIO_STATE query"; got != want {
			t.Errorf("the modem heard %s, want %s", got, want)
		}
		if got, want := <-m.Events(), modem.SIMChanged|modem.RadioChanged|modem.RegistrationChanged|modem.ConnectionChanged; got != want {
			t.Errorf("%v, want %v", got, want)
		}
		f.onMessage(func(q mbim.Message) bool {
			if q.Kind() == (mbim.Kind{Command: mbim.CmdPIN, Class: mbim.Set}) {
				forget()
				f.intercept = nil
			}
			return false
		})
		if err := m.EnterPIN(t.Context(), "1234"); !errors.Is(err, mbim.ErrorNotOpened) {
			t.Error(err)
		}
		if got, want := f.sinceLast(), "OPEN, "+settling; got != want {
			t.Errorf("the modem heard %s, want %s", got, want)
		}
	})
}

func TestEventsEndWithTheModem(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.onMessage(func(m mbim.Message) bool {
			if m.Command == mbim.CmdRadioState {
				f.conn.Close()
				return true
			}
			return false
		})
		m := f.open()
		if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v, want %v", err, modem.ErrGone)
		}
		synctest.Wait()
		if _, open := <-m.Events(); open {
			t.Error("something happened to a modem that is gone")
		}
		if _, err := m.SIM(t.Context()); err == nil {
			t.Error("a modem that is gone has a SIM")
		}
	})
}

// TestCloseOfASilentModem has it begin anew, for opening it again is what the life
// cycle tries first.
func TestCloseOfASilentModem(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		m := f.open()
		f.sinceLast()
		f.onMessage(func(q mbim.Message) bool { return q.Command == mbim.CmdRadioState })
		if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrSilent) {
			t.Error(err)
		}
		if err := m.Close(); err != nil || f.opened {
			t.Error(err)
		}
		if got, want := f.sinceLast(), "RADIO_STATE query, CLOSE"; got != want {
			t.Errorf("the modem heard %s, want %s", got, want)
		}
	})
}

func TestCloseLeavesTheModemOpen(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		m := f.open()
		f.sinceLast()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := f.sinceLast(); got != "" || !f.opened {
			t.Errorf("the modem heard %s", got)
		}
		if _, open := <-m.Events(); open {
			t.Error("something happened after the end")
		}
	})
}
