package mbimhost

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// TestFragmentsBothWays speaks in control transfers of the least size.
func TestFragmentsBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fakeModem(t, mbim.MinTransfer)
		long := strings.Repeat("a long name ", 40)
		f.says(mbim.CmdDeviceCaps, mbim.Query, &mbim.DeviceCaps{HardwareInfo: long})
		var got mbim.Connect
		f.on(mbim.CmdConnect, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			got = *q.(*mbim.Connect)
			return mbim.StatusOK, &mbim.Connection{State: mbim.ActivationStateActivated}
		})
		m := f.open()
		if identity, err := m.Identity(t.Context()); err != nil || identity.Model != long {
			t.Errorf("%+v, %v", identity, err)
		}
		if err := m.Connect(t.Context(), 0, modem.APN{Name: long}); err != nil || got.AccessString != long {
			t.Errorf("%q, %v", got.AccessString, err)
		}
	})
}

func TestALateAnswerIsNotTheNextQuestions(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRadioState, mbim.Query, &mbim.RadioState{Hardware: true, Software: true})
		m := f.open()
		var missed mbim.Message
		f.onMessage(func(q mbim.Message) bool {
			missed = q
			return true
		})
		if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrSilent) {
			t.Errorf("%v, want %v", err, modem.ErrSilent)
		}
		f.onMessage(func(mbim.Message) bool {
			late, err := mbim.V1.Answer(missed.Transaction, mbim.StatusOK, &mbim.RadioState{})
			if err != nil {
				t.Error(err)
			}
			f.send(late)
			f.send(mbim.Message{Type: mbim.FunctionError, Transaction: missed.Transaction, Error: mbim.ErrorCancel})
			return false
		})
		if radio, err := m.Radio(t.Context()); err != nil || !radio.On() {
			t.Errorf("%v, %v", radio, err)
		}
	})
}

// TestSilenceIsCounted until the modem answers; it is never given up.
func TestSilenceIsCounted(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRadioState, mbim.Query, &mbim.RadioState{})
		m := f.open()
		silent := func(mbim.Message) bool { return true }
		for _, want := range []string{"1", "2", "3"} {
			f.onMessage(silent)
			begun := time.Now()
			_, err := m.Radio(t.Context())
			if want := "RADIO_STATE query: the modem does not answer: nothing for 10s; unanswered in a row: " + want; !errors.Is(err, modem.ErrSilent) || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			if took := time.Since(begun); took != usualLimit {
				t.Errorf("it took %v", took)
			}
		}
		f.onMessage(nil)
		if _, err := m.Radio(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.onMessage(silent)
		if _, err := m.Radio(t.Context()); err == nil || !strings.Contains(err.Error(), "in a row: 1") {
			t.Error(err)
		}
	})
}

func TestEachCommandHasItsLimit(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRegisterState, mbim.Query, &mbim.Registration{})
		m := f.open()
		f.onMessage(func(q mbim.Message) bool { return q.Set })
		for want, try := range map[time.Duration]func() error{
			180 * time.Second: func() error { return m.Connect(t.Context(), 0, modem.APN{}) },
			disconnectLimit:   func() error { return m.Disconnect(t.Context(), 0) },
			30 * time.Second:  func() error { return m.SetRadio(t.Context(), true) },
			121 * time.Second: func() error {
				time.Sleep(time.Second)
				return m.Select(t.Context(), modem.Selection{PLMN: "26201"})
			},
		} {
			begun := time.Now()
			if err := try(); !errors.Is(err, modem.ErrSilent) {
				t.Errorf("%v, want %v", err, modem.ErrSilent)
			}
			if took := time.Since(begun); took != want {
				t.Errorf("%v, want %v", took, want)
			}
		}
	})
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		m := f.open()
		f.onMessage(func(mbim.Message) bool { return true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.Radio(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestAPortThatTakesNothing: a modem that does not even take a command is silent.
func TestAPortThatTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		m := f.open()
		release := make(chan struct{})
		f.onMessage(func(mbim.Message) bool {
			<-release
			return true
		})
		defer close(release)
		if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrSilent) {
			t.Error(err)
		}
		if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrSilent) || !strings.Contains(err.Error(), "it takes no commands") {
			t.Error(err)
		}
	})
}

// flaky is a port of which some reads fail.
type flaky struct {
	Port
	failures atomic.Int32
}

func (p *flaky) Read(b []byte) (int, error) {
	if p.failures.Add(-1) >= 0 {
		return 0, errors.New("input/output error")
	}
	return p.Port.Read(b)
}

// TestReadsThatFail are tolerated, but not for ever.
func TestReadsThatFail(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRadioState, mbim.Query, &mbim.RadioState{Hardware: true, Software: true})
		port := &flaky{Port: f.port}
		port.failures.Store(patience)
		m, err := Open(t.Context(), port, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		port.failures.Store(patience)
		for range 2 { // the first answer is for the read that waits
			if radio, err := m.Radio(t.Context()); err != nil || !radio.On() {
				t.Errorf("%v, %v", radio, err)
			}
		}
		port.failures.Store(1000)
		_, _ = m.Radio(t.Context())
		for range 2 {
			if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrGone) {
				t.Errorf("%v, want %v", err, modem.ErrGone)
			}
		}
		if _, open := <-m.Events(); open {
			t.Error("something happened to a modem that is gone")
		}
	})
}

// TestAFragmentThatDoesNotCome: what waits for it is dropped after 1,250 ms, which
// the modem is told, and the next answer is understood.
func TestAFragmentThatDoesNotCome(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRadioState, mbim.Query, &mbim.RadioState{Hardware: true, Software: true})
		m := f.open()
		frames := fragments(t)
		f.write(frames[0])
		time.Sleep(fragmentGap - time.Millisecond)
		f.write(frames[1])
		f.sinceLast()
		time.Sleep(fragmentGap - time.Millisecond)
		synctest.Wait()
		if got := f.sinceLast(); got != "" {
			t.Errorf("the modem heard %s before the time", got)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got := f.sinceLast(); got != "HOST_ERROR" || f.last.Error != mbim.ErrorTimeoutFragment || f.last.Transaction != 77 {
			t.Errorf("the modem heard %s: %v", got, f.last)
		}
		if radio, err := m.Radio(t.Context()); err != nil || !radio.On() {
			t.Errorf("%v, %v", radio, err)
		}
	})
}

// TestAFragmentOutOfSequence does not keep the answer behind it from being read.
func TestAFragmentOutOfSequence(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRadioState, mbim.Query, &mbim.RadioState{Hardware: true, Software: true})
		m := f.open()
		frames := fragments(t)
		f.sinceLast()
		f.onMessage(func(q mbim.Message) bool {
			if q.Command == mbim.CmdRadioState {
				f.write(frames[0])
			}
			return false
		})
		if radio, err := m.Radio(t.Context()); err != nil || !radio.On() {
			t.Errorf("%v, %v", radio, err)
		}
		synctest.Wait()
		if got, want := f.sinceLast(), "RADIO_STATE query, HOST_ERROR"; got != want {
			t.Errorf("the modem heard %s, want %s", got, want)
		}
		f.write(frames[2], []byte("rubbish that is no MBIM message at all"))
		synctest.Wait()
		if radio, err := m.Radio(t.Context()); err != nil || !radio.On() {
			t.Errorf("%v, %v", radio, err)
		}
	})
}

// fragments returns an answer to nobody's question in three frames.
func fragments(t *testing.T) [][]byte {
	frames, err := mbim.Message{Type: mbim.CommandDone, Transaction: 77, Command: mbim.CmdDeviceCaps, Info: make([]byte, 61)}.Frames(mbim.MinTransfer)
	if err != nil || len(frames) != 3 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	return frames
}

func TestIndicationsAreEvents(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.native = mbim.V2
		m := f.open()
		for _, tt := range []struct {
			body mbim.Body
			want modem.Event
		}{
			{&mbim.SubscriberReady{State: mbim.ReadyStateSIMNotInserted}, modem.SIMChanged},
			{&mbim.SlotInfo{}, modem.SIMChanged},
			{&mbim.RadioState{}, modem.RadioChanged},
			{&mbim.Registration{}, modem.RegistrationChanged},
			{&mbim.PacketService{}, modem.RegistrationChanged},
			{&mbim.LTEAttachInfo{}, modem.RegistrationChanged},
			{&mbim.LocationInfo{}, modem.RegistrationChanged},
			{&mbim.Connection{}, modem.ConnectionChanged},
			{&mbim.IPConfiguration{}, modem.ConnectionChanged},
			{&mbim.SignalState{}, modem.SignalChanged},
		} {
			f.indicate(&mbim.EmergencyMode{}) // of no interest
			f.indicate(tt.body)
			if got := <-m.Events(); got != tt.want {
				t.Errorf("%T: %v, want %v", tt.body, got, tt.want)
			}
		}
	})
}
