package mbimhost

import (
	"errors"
	"testing"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// lockedRadio scripts a radio that stays off until unlock is called.
func lockedRadio(f *fake) (unlock func(), on *bool) {
	locked, on := true, new(bool)
	f.on(mbim.CmdRadioState, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
		return mbim.StatusOK, &mbim.RadioState{Hardware: true, Software: *on}
	})
	f.on(mbim.CmdRadioState, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
		if locked {
			return mbim.StatusOperationNotAllowed, mbim.CmdRadioState
		}
		*on = q.(*mbim.RadioSwitch).On
		return mbim.StatusOK, &mbim.RadioState{Hardware: true, Software: *on}
	})
	return func() { locked = false }, on
}

func TestRadioThatIsTiedToAHost(t *testing.T) {
	for name, script := range map[string]func(t *testing.T, f *fake, unlock func()){
		"by Quectel": func(_ *testing.T, f *fake, unlock func()) {
			f.on(mbim.CmdQuectelRadioState, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
				if q.(*mbim.QuectelRadio).State == mbim.QuectelRadioSwitchStateOn {
					unlock()
				}
				return mbim.StatusOK, q
			})
		},
		"in QMI": func(t *testing.T, f *fake, unlock func()) {
			f.on(mbim.CmdQMIMessage, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
				return mbim.StatusOK, &mbim.QMIMessage{Frame: answerQMI(t, q.(*mbim.QMIMessage).Frame, unlock)}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				unlock, on := lockedRadio(f)
				script(t, f, unlock)
				if err := f.open().SetRadio(t.Context(), true); err != nil || !*on {
					t.Errorf("%v, %v", *on, err)
				}
			})
		})
	}
}

// answerQMI answers as a modem of Qualcomm's that unlocks its radio for its client.
func answerQMI(t *testing.T, frame []byte, unlock func()) []byte {
	t.Helper()
	question, err := qmi.Parse(frame)
	if err != nil {
		t.Fatal(err)
	}
	client := qmi.ClientID{Service: qmi.DMS, Client: 7}
	var answer qmi.Body
	switch q := qmi.Empty(question.Kind).(type) {
	case *qmi.GetClientIDRequest:
		answer = &qmi.GetClientIDResponse{ID: client}
	case *qmi.AuthenticateRequest:
		if question.Client != client.Client {
			t.Errorf("client %d asks", question.Client)
		}
		unlock()
		answer = &qmi.AuthenticateResponse{}
	case *qmi.ReleaseClientIDRequest:
		if err := question.Decode(q); err != nil || q.ID != client {
			t.Errorf("client %v is released, %v", q.ID, err)
		}
		answer = &qmi.ReleaseClientIDResponse{ID: client}
	default:
		t.Fatalf("asked for %v", question)
	}
	message, err := qmi.New(question.Client, question.Transaction, answer)
	if err != nil {
		t.Fatal(err)
	}
	b, err := message.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRadioThatStaysOff is asked to unlock once, and its own no is what counts.
func TestRadioThatStaysOff(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		lockedRadio(f)
		f.refuses(mbim.CmdQuectelRadioState, mbim.Set, mbim.StatusFailure)
		f.on(mbim.CmdQMIMessage, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			question, err := qmi.Parse(q.(*mbim.QMIMessage).Frame)
			if err != nil {
				t.Error(err)
			}
			message, err := qmi.New(0, question.Transaction, &qmi.GetClientIDResponse{Result: qmi.Result{Code: qmi.ErrNotSupported}})
			if err != nil {
				t.Error(err)
			}
			frame, err := message.Marshal()
			if err != nil {
				t.Error(err)
			}
			return mbim.StatusOK, &mbim.QMIMessage{Frame: frame}
		})
		m := f.open()
		f.sinceLast()
		for _, want := range []string{
			"RADIO_STATE set, RADIO_STATE query, QUECTEL RADIO_STATE set, QMI MSG set, RADIO_STATE set",
			"RADIO_STATE set",
		} {
			if err := m.SetRadio(t.Context(), true); !errors.Is(err, mbim.StatusOperationNotAllowed) {
				t.Error(err)
			}
			if got := f.sinceLast(); got != want {
				t.Errorf("the modem heard %s, want %s", got, want)
			}
		}
	})
}
