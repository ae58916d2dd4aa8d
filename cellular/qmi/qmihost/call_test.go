package qmihost

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// refuse has s refuse calls of family with the network's cause.
func refuse(s *script, family qmi.IPFamily, cause int16) {
	good := goodAnswers(s)[(*qmi.StartNetworkRequest)(nil).Kind()]
	before := s.answers[(*qmi.StartNetworkRequest)(nil).Kind()]
	if before == nil {
		before = good
	}
	on(s, func(client uint8, r *qmi.StartNetworkRequest) any {
		if *r.Family == family {
			return &qmi.StartNetworkResponse{
				Result: qmi.Result{Code: qmi.ErrCallFailed}, Reason: new(qmi.CallEndReason(1)),
				Verbose: &qmi.VerboseCallEndReason{Type: qmi.CallEnd3GPP, Reason: cause},
			}
		}
		return before(client, r)
	})
}

func TestConnectDualStack(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		apn := modem.APN{Name: "internet", User: "u", Password: "p", Auth: modem.CHAP, Families: modem.IPv4v6}
		if err := m.Connect(ctx, 0, apn); err != nil {
			t.Fatal(err)
		}
		want := []qmi.Body{}
		for _, family := range families {
			want = append(want, &qmi.StartNetworkRequest{APN: new("internet"), Auth: new(qmi.AuthCHAP), User: new("u"), Password: new(qmi.Password("p")), Family: &family})
		}
		if asked := s.asked((*qmi.StartNetworkRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v", asked)
		}
		got, err := m.Connection(ctx, 0)
		if want := (modem.Connection{
			Address4: netip.MustParsePrefix("100.64.0.2/30"), Gateway4: netip.MustParseAddr("100.64.0.1"),
			Address6: netip.MustParsePrefix("2001:db8:0:1::2/64"), Gateway6: netip.MustParseAddr("2001:db8:0:1::1"),
			DNS: []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("2001:4860:4860::8888")},
			MTU: 1430, APN: "internet.mnc001.mcc262.gprs",
		}); err != nil || !got.Equal(want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		counters, err := m.Counters(ctx, 0)
		if want := (modem.Counters{PacketsIn: 3, PacketsOut: 2, OctetsIn: 300, OctetsOut: 200 + 1<<33}); err != nil || counters != want {
			t.Errorf("%+v, %v, want %+v", counters, err, want)
		}
		if err := m.Disconnect(ctx, 0); err != nil || len(s.calls) != 0 || s.held(qmi.WDS) != 0 {
			t.Errorf("%v, calls %v, clients %v", err, s.calls, s.clients)
		}
		if _, err := m.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Errorf("%v", err)
		}
		if _, err := m.Counters(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Errorf("%v", err)
		}
		if err := m.Disconnect(ctx, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestConnectWithNoName(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		if err := m.Connect(t.Context(), 0, modem.APN{Families: modem.IPv6}); err != nil {
			t.Fatal(err)
		}
		want := []qmi.Body{&qmi.StartNetworkRequest{Family: new(qmi.FamilyIPv6)}}
		if asked := s.asked((*qmi.StartNetworkRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v", asked)
		}
	})
}

func TestConnectAsSomebody(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		apn := modem.APN{User: "u", Families: modem.IPv4}
		if err := m.Connect(t.Context(), 0, apn); err != nil {
			t.Fatal(err)
		}
		want := []qmi.Body{&qmi.StartNetworkRequest{Auth: new(qmi.AuthPAP | qmi.AuthCHAP), User: new("u"), Password: new(qmi.Password("")), Family: new(qmi.FamilyIPv4)}}
		if asked := s.asked((*qmi.StartNetworkRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v", asked)
		}
		apn.Auth = modem.MSCHAPv2
		if err := m.Connect(t.Context(), 0, apn); !errors.Is(err, modem.ErrUnsupported) {
			t.Errorf("%v", err)
		}
		if err := m.SetAttachAPN(t.Context(), apn); !errors.Is(err, modem.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	})
}

func TestConnectOneFamily(t *testing.T) {
	for name, c := range map[string]struct {
		cause4, cause6 int16
		wants          [2]bool // IPv4, IPv6
		cause          modem.SessionCause
		starts         int
	}{
		"only IPv4":        {0, 50, [2]bool{true, false}, 0, 2},
		"only IPv6":        {51, 0, [2]bool{false, true}, 0, 2},
		"no IPv4":          {28, 0, [2]bool{false, true}, 0, 2},
		"neither":          {51, 33, [2]bool{}, 33, 2},
		"APN not known":    {27, 27, [2]bool{}, 27, 1},
		"IPv6 just failed": {0, 26, [2]bool{true, false}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				ctx := t.Context()
				if c.cause4 != 0 {
					refuse(s, qmi.FamilyIPv4, c.cause4)
				}
				if c.cause6 != 0 {
					refuse(s, qmi.FamilyIPv6, c.cause6)
				}
				err := m.Connect(ctx, 0, modem.APN{})
				var refusal modem.Refusal
				if errors.As(err, &refusal); refusal.Cause != c.cause || (err == nil) != (c.cause == 0) {
					t.Errorf("%v, want cause %d", err, c.cause)
				}
				if n := s.count((*qmi.StartNetworkRequest)(nil).Kind()); n != c.starts {
					t.Errorf("%d calls were tried, want %d", n, c.starts)
				}
				if n := s.held(qmi.WDS); n != len(s.calls) {
					t.Errorf("%d clients for %d calls", n, len(s.calls))
				}
				got, err := m.Connection(ctx, 0)
				if up := [2]bool{got.Address4.IsValid(), got.Address6.IsValid()}; up != c.wants || (err == nil) != (c.cause == 0) {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer any
		want   modem.Refusal
	}{
		"code alone": {qmi.ErrPolicyMismatch, modem.Refusal{Reason: qmi.ErrPolicyMismatch.Error()}},
		"short": {
			&qmi.StartNetworkResponse{Result: qmi.Result{Code: qmi.ErrCallFailed}, Reason: new(qmi.CallEndReason(1013))},
			modem.Refusal{Cause: 27, Reason: qmi.CallEndReason(1013).String()},
		},
		"the modem's": {
			&qmi.StartNetworkResponse{
				Result: qmi.Result{Code: qmi.ErrCallFailed}, Reason: new(qmi.CallEndReason(1)),
				Verbose: &qmi.VerboseCallEndReason{Type: qmi.CallEndInternal, Reason: 219},
			},
			modem.Refusal{Reason: "the radio is off (modem 219)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				always[qmi.StartNetworkRequest](s, c.answer)
				var got modem.Refusal
				if err := m.Connect(t.Context(), 0, modem.APN{}); !errors.As(err, &got) || got != c.want {
					t.Errorf("%v, want %v", err, c.want)
				}
				if s.held(qmi.WDS) != 0 {
					t.Error("the client was kept")
				}
			})
		})
	}
}

func TestCallOfTheModemItself(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		on(s, func(client uint8, r *qmi.StartNetworkRequest) any {
			s.calls[client] = *r.Family
			return qmi.ErrNoEffect
		})
		always[qmi.StopNetworkRequest](s, &qmi.StopNetworkResponse{})
		if err := m.Connect(t.Context(), 0, modem.APN{Families: modem.IPv4}); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Connection(t.Context(), 0); err != nil || !got.Address4.IsValid() {
			t.Errorf("%+v, %v", got, err)
		}
		if err := m.Disconnect(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		want := []qmi.Body{&qmi.StopNetworkRequest{Handle: 0xffffffff, DisableAutoconnect: new(true)}}
		if asked := s.asked((*qmi.StopNetworkRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v", asked)
		}
	})
}

// A call that nobody has waited for to the end must not come up in secret.
func TestCallWithoutAnswerEndsWithItsClient(t *testing.T) {
	for name, c := range map[string]struct {
		patience time.Duration
		want     error
		limit    time.Duration
	}{
		"the modem is silent":   {time.Hour, modem.ErrSilent, startLimit},
		"the caller has enough": {time.Second, context.DeadlineExceeded, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				always[qmi.StartNetworkRequest](s, nil)
				var err error
				if d := took(func() { err = m.Connect(ctx, 0, modem.APN{}) }); d != c.limit || !errors.Is(err, c.want) {
					t.Errorf("%v after %v, want %v after %v", err, d, c.want, c.limit)
				}
				if s.held(qmi.WDS) != 0 {
					t.Error("the client was kept")
				}
			})
		})
	}
}

// A second family that gets no answer takes the first with it: half a connection
// that the caller does not know of is none.
func TestSilenceOfTheSecondFamilyEndsTheFirst(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		good := goodAnswers(s)[(*qmi.StartNetworkRequest)(nil).Kind()]
		on(s, func(client uint8, r *qmi.StartNetworkRequest) any {
			if *r.Family == qmi.FamilyIPv6 {
				return nil
			}
			return good(client, r)
		})
		var err error
		if d := took(func() { err = m.Connect(t.Context(), 0, modem.APN{}) }); d > startLimit+2*partingLimit || !errors.Is(err, modem.ErrSilent) {
			t.Errorf("%v after %v", err, d)
		}
		if len(s.calls) != 0 || s.held(qmi.WDS) != 0 {
			t.Errorf("calls %v, clients %v", s.calls, s.clients)
		}
	})
}

func TestNetworkEndsTheCall(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if err := m.Connect(ctx, 0, modem.APN{}); err != nil {
			t.Fatal(err)
		}
		end := func(ended qmi.IPFamily) {
			for client, family := range s.calls {
				if family == ended {
					delete(s.calls, client)
					s.indicate(client, &qmi.PacketStatusIndication{Status: qmi.PacketStatus{Status: qmi.Disconnected}, Family: &family})
				}
			}
			if e := <-m.Events(); e != modem.ConnectionChanged {
				t.Errorf("%v", e)
			}
		}
		end(qmi.FamilyIPv6)
		if got, err := m.Connection(ctx, 0); err != nil || !got.Address4.IsValid() || got.Address6.IsValid() {
			t.Errorf("%+v, %v, want IPv4 alone", got, err)
		}
		if err := m.Connect(ctx, 0, modem.APN{}); err != nil {
			t.Fatal(err)
		}
		end(qmi.FamilyIPv4) // what is left is not a network without IPv4
		if got, err := m.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Errorf("%+v, %v", got, err)
		}
		if err := m.Connect(ctx, 0, modem.APN{}); err != nil || len(s.calls) != 2 || s.held(qmi.WDS) != 2 {
			t.Errorf("%v, calls %v, clients %v", err, s.calls, s.clients)
		}
	})
}

func TestNewAddress(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if err := m.Connect(ctx, 0, modem.APN{Families: modem.IPv4}); err != nil {
			t.Fatal(err)
		}
		always[qmi.GetSettingsRequest](s, &qmi.GetSettingsResponse{IPv4: qmi.IPv4Settings{Address: address("10.0.0.7"), DNS1: address("0.0.0.0")}, MTU: new(uint32(0))})
		s.indicate(1, &qmi.SettingsIndication{Changed: new(qmi.SettingAddress)})
		if e := <-m.Events(); e != modem.ConnectionChanged {
			t.Errorf("%v", e)
		}
		got, err := m.Connection(ctx, 0)
		if want := (modem.Connection{Address4: netip.MustParsePrefix("10.0.0.7/32")}); err != nil || !got.Equal(want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	})
}

func TestOnlyOneSession(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		if err := m.Connect(t.Context(), 1, modem.APN{}); !errors.Is(err, modem.ErrUnsupported) {
			t.Errorf("%v", err)
		}
		if _, err := m.Connection(t.Context(), 1); !errors.Is(err, modem.ErrNotConnected) {
			t.Errorf("%v", err)
		}
		if err := m.Disconnect(t.Context(), 1); err != nil {
			t.Errorf("%v", err)
		}
	})
}

func TestPrefixLength(t *testing.T) {
	for mask, want := range map[string]int{"255.255.255.252": 30, "255.255.255.255": 32, "255.0.255.0": 32, "0.0.0.0": 32} {
		if got := prefixLength(address(mask)); got != want {
			t.Errorf("%s: %d, want %d", mask, got, want)
		}
	}
	if got := prefixLength(nil); got != 32 {
		t.Errorf("none: %d", got)
	}
}
