package qmihost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

func TestFrames(t *testing.T) {
	a := []byte{1, 5, 0, 0, 0, 0}
	b := []byte{1, 6, 0, 0x80, 1, 1, 9}
	for name, c := range map[string]struct{ reads, want [][]byte }{
		"one a read":                 {[][]byte{a, b}, [][]byte{a, b}},
		"two in a read":              {[][]byte{slices.Concat(a, b)}, [][]byte{a, b}},
		"in parts":                   {[][]byte{a[:1], a[1:4], slices.Concat(a[4:], b[:3]), b[3:]}, [][]byte{a, b}},
		"cut off, then a whole one":  {[][]byte{b[:5], a, b}, [][]byte{a, b}},
		"announces more than it has": {[][]byte{{1, 0xff, 0xff, 0, 0, 0}, a}, [][]byte{a}},
		"nonsense":                   {[][]byte{{7, 7, 7}, a, slices.Concat(b, []byte{7}), a}, [][]byte{a, b, a}},
		"an empty read in between":   {[][]byte{a[:2], {}, a[2:]}, [][]byte{a}},
		"nothing":                    {[][]byte{{}, a, {}}, [][]byte{a}},
	} {
		t.Run(name, func(t *testing.T) {
			var f frames
			var got [][]byte
			for _, read := range c.reads {
				for frame := range f.in(read) {
					got = append(got, frame)
				}
			}
			if !slices.EqualFunc(got, c.want, bytes.Equal) {
				t.Errorf("% x, want % x", got, c.want)
			}
		})
	}
}

// Answers that are late, or somebody else's, are not taken for the right one.
func TestOnlyTheRightAnswerCounts(t *testing.T) {
	for name, change := range map[string]func(*qmi.Message){
		"another transaction": func(m *qmi.Message) { m.Transaction-- },
		"another client":      func(m *qmi.Message) { m.Client++ },
		"another service":     func(m *qmi.Message) { m.Service = qmi.NAS },
		"another message":     func(m *qmi.Message) { m.ID = 0x2e },
		"an indication":       func(m *qmi.Message) { m.Class = qmi.Indication },
		"a request":           func(m *qmi.Message) { m.Class = qmi.Request },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				if _, err := m.Radio(t.Context()); err != nil {
					t.Fatal(err)
				}
				on(s, func(client uint8, _ *qmi.GetOperatingModeRequest) any {
					asked := s.heard[len(s.heard)-1]
					wrong, err := qmi.New(client, asked.Transaction, &qmi.GetOperatingModeResponse{Mode: qmi.ModeOffline})
					if err != nil {
						t.Error(err)
					}
					change(&wrong)
					s.send(octetsOf(t, wrong))
					return &qmi.GetOperatingModeResponse{Mode: qmi.ModeOnline}
				})
				if r, err := m.Radio(t.Context()); err != nil || !r.On() {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

func TestLateAnswerIsPassedOver(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		var late []byte
		on(s, func(client uint8, _ *qmi.GetOperatingModeRequest) any {
			asked := s.heard[len(s.heard)-1]
			answer, err := qmi.New(client, asked.Transaction, &qmi.GetOperatingModeResponse{Mode: qmi.ModeOffline})
			if err != nil {
				t.Error(err)
			}
			late = octetsOf(t, answer)
			return nil
		})
		var err error
		if d := took(func() { _, err = m.Radio(ctx) }); d != answerLimit || !errors.Is(err, modem.ErrSilent) {
			t.Errorf("%v after %v", err, d)
		}
		on(s, func(uint8, *qmi.GetOperatingModeRequest) any {
			s.send(late)
			return &qmi.GetOperatingModeResponse{Mode: qmi.ModeOnline}
		})
		if r, err := m.Radio(ctx); err != nil || !r.On() {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestEverySilenceIsTold(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		if _, err := m.Radio(t.Context()); err != nil {
			t.Fatal(err)
		}
		always[qmi.GetOperatingModeRequest](s, nil)
		for range 12 {
			if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrSilent) {
				t.Errorf("%v", err)
			}
		}
		always[qmi.GetOperatingModeRequest](s, &qmi.GetOperatingModeResponse{})
		if _, err := m.Radio(t.Context()); err != nil {
			t.Errorf("%v", err)
		}
	})
}

func TestMalformedAnswers(t *testing.T) {
	for name, answer := range map[string]any{
		"no result":       []qmi.TLV{{Type: 1, Value: []byte{0}}},
		"short result":    []qmi.TLV{{Type: 2, Value: []byte{0}}},
		"no mode":         []qmi.TLV{{Type: 2, Value: []byte{0, 0, 0, 0}}},
		"fails with 0":    []qmi.TLV{{Type: 2, Value: []byte{1, 0, 0, 0}}},
		"unknown refusal": qmi.ErrorCode(0x1234),
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				always[qmi.GetOperatingModeRequest](s, answer)
				if d := took(func() {
					if _, err := m.Radio(t.Context()); err == nil || errors.Is(err, modem.ErrSilent) {
						t.Errorf("%v", err)
					}
				}); d != 0 {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func TestGarbageBetweenMessages(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		for _, garbage := range [][]byte{{0}, {1}, {1, 2}, {1, 0xff, 0xff}, bytes.Repeat([]byte{0xff}, 1000), {1, 5, 0, 0x80, 2, 1}, {1, 12, 0, 0x80, 2, 1, 0xee, 0, 0, 0, 0, 0, 0}} {
			s.send(garbage)
			if r, err := m.Radio(t.Context()); err != nil || !r.On() {
				t.Errorf("after % x: %+v, %v", garbage, r, err)
			}
		}
	})
}

func TestCallersPatienceCounts(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.GetOperatingModeRequest](s, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		if d := took(func() { _, err = m.Radio(ctx) }); d != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", err, d)
		}
	})
}

// stuck is a port that nothing can be written to any more.
type stuck struct {
	*wire
	is bool
}

func (p *stuck) Write(b []byte) (int, error) {
	if p.is {
		<-p.closed
		return 0, modem.ErrGone
	}
	return p.wire.Write(b)
}

func TestStuckPortIsASilentModem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		port := &stuck{wire: s.wire}
		m, err := Open(t.Context(), port, Path{}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		port.is = true
		for range 3 {
			if d := took(func() { _, err = m.Radio(t.Context()) }); d != answerLimit || !errors.Is(err, modem.ErrSilent) {
				t.Errorf("%v after %v", err, d)
			}
		}
		if d := took(func() { err = m.Close() }); err != nil || d > 2*time.Second {
			t.Errorf("closed after %v: %v", d, err)
		}
	})
}

// faulty is a port that fails to be read as often as it is told to.
type faulty struct {
	*wire
	faults chan error
}

func (p *faulty) Read(b []byte) (int, error) {
	select {
	case err := <-p.faults:
		return 0, err
	default:
	}
	select {
	case err := <-p.faults:
		return 0, err
	case frame := <-p.down:
		return copy(b, frame), nil
	case <-p.closed:
		return 0, modem.ErrGone
	}
}

func TestFailedTransferIsNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		port := &faulty{s.wire, make(chan error, maxFailures)}
		m, err := Open(t.Context(), port, Path{}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		for range maxFailures - 1 {
			port.faults <- errors.New("transfer failed")
		}
		synctest.Wait()
		if _, err := m.Radio(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range maxFailures {
			port.faults <- errors.New("transfer failed")
		}
		if _, ok := <-m.Events(); ok {
			t.Error("Events goes on")
		}
		if _, err := m.Radio(t.Context()); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v", err)
		}
	})
}

// everyMethod calls all of m's methods, with what they answer.
func everyMethod(ctx context.Context, m *Modem) []error {
	var errs []error
	for _, act := range []func() error{
		func() error { _, err := m.Identity(ctx); return err },
		func() error { _, err := m.Slots(ctx); return err },
		func() error { return m.UseSlot(ctx, 1) },
		func() error { _, err := m.SIM(ctx); return err },
		func() error { return m.EnterPIN(ctx, "1234") },
		func() error { _, err := m.Radio(ctx); return err },
		func() error { return m.SetRadio(ctx, true) },
		func() error { _, err := m.AttachAPN(ctx); return err },
		func() error { return m.SetAttachAPN(ctx, modem.APN{Name: "a"}) },
		func() error { return m.Select(ctx, modem.Selection{PLMN: "26201"}) },
		func() error { _, err := m.Registration(ctx); return err },
		func() error { return m.Attach(ctx) },
		func() error { return m.Connect(ctx, 0, modem.APN{}) },
		func() error { _, err := m.Connection(ctx, 0); return err },
		func() error { _, err := m.Signal(ctx); return err },
		func() error { _, err := m.Counters(ctx, 0); return err },
		func() error { return m.Disconnect(ctx, 0) },
		func() error { return m.Restart(ctx) },
	} {
		errs = append(errs, act())
	}
	return errs
}

func TestEveryMethodOfAGoodModem(t *testing.T) {
	in(t, func(t *testing.T, _ *script, m *Modem) {
		if d := took(func() {
			if err := errors.Join(everyMethod(t.Context(), m)...); err != nil {
				t.Error(err)
			}
		}); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

// questions is how many questions everyMethod puts to a good modem, with those of
// Open.
func questions(t *testing.T) int {
	var n int
	in(t, func(t *testing.T, s *script, m *Modem) {
		everyMethod(t.Context(), m)
		n = len(s.heard)
	})
	return n
}

// from has s do something else than answer from the n-th question on.
func from(s *script, n int, instead func()) {
	for k, answer := range s.answers {
		s.answers[k] = func(client uint8, request qmi.Body) any {
			if len(s.heard) > n {
				instead()
				return nil
			}
			return answer(client, request)
		}
	}
}

func TestUnpluggedAtAnyMoment(t *testing.T) {
	for n := range questions(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				from(s, n, func() { _ = s.wire.Close() })
				m, err := Open(t.Context(), s.wire, Path{}, quiet())
				if err != nil {
					if !errors.Is(err, modem.ErrGone) {
						t.Error(err)
					}
					return
				}
				var d time.Duration
				var errs []error
				d = took(func() { errs = everyMethod(t.Context(), m) })
				for range m.Events() {
				}
				for i, err := range errs {
					if err != nil && !errors.Is(err, modem.ErrGone) && !errors.Is(err, modem.ErrNotConnected) {
						t.Errorf("method %d: %v", i, err)
					}
				}
				if err := m.Close(); err != nil || d != 0 {
					t.Errorf("%v after %v", err, d)
				}
			})
		})
	}
}

func TestSilentAtAnyMoment(t *testing.T) {
	for n := range questions(t) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				from(s, n, func() {})
				m, err := Open(t.Context(), s.wire, Path{}, quiet())
				if err != nil {
					if !errors.Is(err, modem.ErrSilent) {
						t.Error(err)
					}
					return
				}
				var errs []error
				if d := took(func() { errs = everyMethod(t.Context(), m) }); d > 15*time.Minute {
					t.Errorf("took %v", d)
				}
				for i, err := range errs {
					if err != nil && !errors.Is(err, modem.ErrSilent) && !errors.Is(err, modem.ErrNotConnected) {
						t.Errorf("method %d: %v", i, err)
					}
				}
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestEventsMerge(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		for _, body := range []qmi.Body{
			&qmi.CardStatusIndication{}, &qmi.SlotStatusIndication{}, &qmi.ServingSystemIndication{}, &qmi.SystemIndication{}, &qmi.SignalIndication{},
		} {
			s.indicate(1, body)
		}
		synctest.Wait()
		if e, want := <-m.Events(), modem.SIMChanged|modem.RegistrationChanged|modem.SignalChanged; e != want {
			t.Errorf("%v, want %v", e, want)
		}
	})
}

func TestTransactionsCountOn(t *testing.T) {
	c := &conversation{waiting: make(map[turn]question)}
	for _, step := range []struct {
		last    uint16
		service qmi.Service
		want    uint16
	}{{0, qmi.CTL, 1}, {0, qmi.DMS, 1}, {254, qmi.CTL, 255}, {255, qmi.CTL, 1}, {255, qmi.DMS, 256}, {0xffff, qmi.DMS, 1}, {0xffff, qmi.CTL, 1}, {511, qmi.CTL, 1}} {
		c.last = step.last
		turn, _ := c.begin(1, qmi.Kind{Service: step.service})
		if turn.transaction != step.want {
			t.Errorf("%v after %d: %d, want %d", step.service, step.last, turn.transaction, step.want)
		}
		c.end(turn)
	}
	if !reflect.DeepEqual(c.waiting, map[turn]question{}) {
		t.Error("questions are left")
	}
}

// FuzzHost: whatever a modem sends, frames that parse or not and answers with any
// TLVs, the host neither breaks nor hangs.
func FuzzHost(f *testing.F) {
	f.Add([]byte{1, 12, 0, 0x80, 3, 1, 4, 0, 0, 0x24, 0, 0, 0}, []byte{0x02, 4, 0, 0, 0, 0, 0})
	f.Add([]byte{0xff}, []byte{0x02, 4, 0, 1, 0, 14, 0, 0x10, 2, 0, 0xf5, 0x03})
	f.Add([]byte{1, 11, 0, 0x80, 0, 0, 2, 0, 0x27, 0, 0, 0}, []byte{0x02, 4, 0, 0, 0, 0, 0, 0x01, 6, 0, 1, 1, 1, 2, 1, 8})
	f.Fuzz(func(t *testing.T, unasked, answer []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t)
			m := open(t, s)
			for k := range s.answers {
				if k.Service != qmi.CTL {
					s.answers[k] = func(uint8, qmi.Body) any {
						s.send(unasked)
						return tlvsOf(answer)
					}
				}
			}
			everyMethod(t.Context(), m)
		})
	})
}

// tlvsOf cuts b into TLVs as far as it goes.
func tlvsOf(b []byte) []qmi.TLV {
	tlvs := []qmi.TLV{}
	for len(b) >= 3 {
		n := min(int(b[1])|int(b[2])<<8, len(b)-3)
		tlvs = append(tlvs, qmi.TLV{Type: b[0], Value: b[3 : 3+n]})
		b = b[3+n:]
	}
	return tlvs
}
