package qmihost

import (
	"errors"
	"io"
	"log/slog"

	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestOpenSyncsAndAsksForRawIP(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		want := []qmi.Kind{
			(*qmi.SyncRequest)(nil).Kind(), (*qmi.GetVersionInfoRequest)(nil).Kind(),
			(*qmi.GetClientIDRequest)(nil).Kind(), (*qmi.SetDataFormatRequest)(nil).Kind(),
		}
		for i, k := range want {
			if i >= len(s.heard) || s.heard[i].Kind != k {
				t.Fatalf("heard %v, want %v", s.heard, want)
			}
		}
		if !m.RawIP() {
			t.Error("packets are not bare IP")
		}
	})
}

func TestOpenRepeatsSyncToAModemThatStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		on(s, func(uint8, *qmi.SyncRequest) any {
			if s.count((*qmi.SyncRequest)(nil).Kind()) < 4 {
				return nil
			}
			return &qmi.SyncResponse{}
		})
		if d := took(func() { open(t, s) }); d != 3*syncLimit {
			t.Errorf("took %v", d)
		}
	})
}

func TestOpenGivesUpOnSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		always[qmi.SyncRequest](s, nil)
		m, err := Open(t.Context(), s.wire, Path{}, quiet())
		if m != nil || !errors.Is(err, modem.ErrSilent) {
			t.Errorf("%v, %v", m, err)
		}
		if _, err := s.wire.Write(nil); err == nil {
			t.Error("the port is still open")
		}
	})
}

func TestRawIPOfOldModems(t *testing.T) {
	for name, c := range map[string]struct {
		wda, ctl any
		want     bool
	}{
		"by CTL":        {qmi.ErrInvalidCommand, &qmi.SetLinkFormatResponse{Protocol: new(qmi.LinkProtocolIP)}, true},
		"CTL says less": {qmi.ErrInvalidCommand, &qmi.SetLinkFormatResponse{}, true},
		"CTL differs":   {qmi.ErrInvalidCommand, &qmi.SetLinkFormatResponse{Protocol: new(qmi.LinkProtocol8023)}, false},
		"neither":       {qmi.ErrInvalidCommand, qmi.ErrInvalidCommand, false},
		"WDA differs":   {&qmi.SetDataFormatResponse{Format: qmi.DataFormat{Link: new(qmi.LinkEthernet)}}, nil, false},
		"WDA says less": {&qmi.SetDataFormatResponse{}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				always[qmi.SetDataFormatRequest](s, c.wda)
				always[qmi.SetLinkFormatRequest](s, c.ctl)
				if got := open(t, s).RawIP(); got != c.want {
					t.Errorf("%t, want %t", got, c.want)
				}
			})
		})
	}
}

func TestModemWithoutWDA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		always[qmi.GetVersionInfoRequest](s, &qmi.GetVersionInfoResponse{Services: []qmi.ServiceVersion{{Service: qmi.DMS, Major: 1}}})
		always[qmi.SetLinkFormatRequest](s, &qmi.SetLinkFormatResponse{Protocol: new(qmi.LinkProtocolIP)})
		m := open(t, s)
		if !m.RawIP() {
			t.Error("packets are not bare IP")
		}
		if _, err := m.Registration(t.Context()); !errors.Is(err, modem.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	})
}

func TestCloseReleasesAllButCalls(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if _, err := m.SIM(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Registration(ctx); err != nil {
			t.Fatal(err)
		}
		if err := m.Connect(ctx, 0, modem.APN{}); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if len(s.clients) != 2 || s.held(qmi.WDS) != 2 || len(s.calls) != 2 {
			t.Errorf("clients %v, calls %v", s.clients, s.calls)
		}
		if _, ok := <-m.Events(); ok {
			t.Error("Events goes on")
		}
		if _, err := m.SIM(ctx); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v", err)
		}
	})
}

func TestCloseOfASilentModemIsShort(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		if _, err := m.Registration(t.Context()); err != nil {
			t.Fatal(err)
		}
		always[qmi.ReleaseClientIDRequest](s, nil)
		if d := took(func() { _ = m.Close() }); d > 2*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// A modem that has started anew knows neither clients nor calls, and frames packets
// as it likes.
func TestModemStartsAnew(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if err := m.Connect(ctx, 0, modem.APN{Families: modem.IPv4}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Registration(ctx); err != nil {
			t.Fatal(err)
		}
		clear(s.clients)
		clear(s.calls)
		s.indicate(qmi.BroadcastClient, &qmi.SyncIndication{})
		if e := <-m.Events(); e != everything {
			t.Errorf("%v", e)
		}
		if _, err := m.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Errorf("%v", err)
		}
		if r, err := m.Registration(ctx); err != nil || !r.Registered() {
			t.Errorf("%v, %v", r, err)
		}
		if n := s.count((*qmi.SetDataFormatRequest)(nil).Kind()); n != 2 {
			t.Errorf("framing was set %d times", n)
		}
		if n := s.count((*qmi.SetNetworkEventsRequest)(nil).Kind()); n != 2 {
			t.Errorf("events were asked for %d times", n)
		}
		if err := m.Connect(ctx, 0, modem.APN{Families: modem.IPv4}); err != nil {
			t.Error(err)
		}
	})
}

// A client id that the modem has lost is replaced with the next question.
func TestLostClientIsReplaced(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if _, err := m.Radio(ctx); err != nil {
			t.Fatal(err)
		}
		clear(s.clients)
		if _, err := m.Radio(ctx); !errors.Is(err, qmi.ErrInvalidClientID) {
			t.Errorf("%v", err)
		}
		if _, err := m.Radio(ctx); err != nil {
			t.Error(err)
		}
	})
}
