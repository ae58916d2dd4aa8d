package qmihost

import (
	"errors"
	"reflect"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// serving returns onLTE changed by change.
func serving(change func(*qmi.ServingSystem)) *qmi.GetServingSystemResponse {
	s := onLTE
	change(&s)
	return &qmi.GetServingSystemResponse{System: s}
}

func TestRegistration(t *testing.T) {
	radios := func(r ...qmi.RadioInterface) func(*qmi.ServingSystem) {
		return func(s *qmi.ServingSystem) { s.Network.Radios = r }
	}
	home := modem.Registration{
		State: modem.Home, Attached: true, PLMN: "26201", Operator: "Testnet", Technology: modem.LTE,
		Cell: 0x1234567, Area: 0x4321, Band: "B20", Channel: 6300,
	}
	with := func(change func(*modem.Registration)) modem.Registration {
		r := home
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		serving *qmi.GetServingSystemResponse
		system  qmi.System
		bands   *qmi.GetBandsResponse
		want    modem.Registration
	}{
		"home": {nil, qmi.System{}, nil, home},
		"roaming, three digits": {
			serving(func(s *qmi.ServingSystem) {
				s.Roaming, s.PLMN, s.MNCDigits = new(qmi.Roaming), &qmi.PLMN{MCC: 310, MNC: 41, Name: "R"}, &qmi.MNCDigits{MCC: 310, MNC: 41, Three: true}
			}), qmi.System{}, nil,
			with(func(r *modem.Registration) { r.State, r.PLMN, r.Operator = modem.Roaming, "310041", "R" }),
		},
		"MNC too large for two": {
			serving(func(s *qmi.ServingSystem) { s.PLMN, s.MNCDigits = &qmi.PLMN{MCC: 310, MNC: 410}, nil }), qmi.System{}, nil,
			with(func(r *modem.Registration) { r.PLMN, r.Operator = "310410", "" }),
		},
		"the system knows better": {
			serving(func(s *qmi.ServingSystem) { s.Network.PS, s.MNCDigits = qmi.AttachUnknown, nil }),
			qmi.System{LTESystem: &qmi.RadioSystem{Domain: new(qmi.DomainPS), Cell: new(uint32(7)), TAC: new(uint16(8)), Network: &qmi.NetworkID{MCC: "262", MNC: "001"}}}, nil,
			with(func(r *modem.Registration) { r.PLMN, r.Cell, r.Area = "262001", 7, 8 }),
		},
		"UMTS": {
			serving(radios(qmi.RadioUMTS)), qmi.System{WCDMASystem: &qmi.RadioSystem{LAC: new(uint16(9))}},
			&qmi.GetBandsResponse{Bands: []qmi.Band{{Radio: qmi.RadioUMTS, Band: 87, Channel: 3012}}},
			with(func(r *modem.Registration) { r.Technology, r.Area, r.Band, r.Channel = modem.UMTS, 9, "B8", 3012 }),
		},
		"GSM, no band": {
			serving(radios(qmi.RadioGSM)), qmi.System{}, nil,
			with(func(r *modem.Registration) { r.Technology, r.Area, r.Band, r.Channel = modem.GSM, 0xfffe, "", 0 }),
		},
		"5G": {
			serving(radios(qmi.RadioNR5G)),
			qmi.System{NR5GSystem: &qmi.RadioSystem{TAC: new(uint16(1))}, NR5GTAC: new(uint32(0x123456))},
			&qmi.GetBandsResponse{Wide: &[]qmi.WideBand{{Radio: qmi.RadioNR5G, Band: 269, Channel: 640000}}},
			with(func(r *modem.Registration) {
				r.Technology, r.Area, r.Band, r.Channel = modem.NR, 0x123456, "n78", 640000
			}),
		},
		"LTE with 5G by its radios": {
			serving(radios(qmi.RadioLTE, qmi.RadioNR5G)), qmi.System{}, nil,
			with(func(r *modem.Registration) { r.Technology = modem.NSA }),
		},
		"LTE with 5G by its bands": {
			nil, qmi.System{},
			&qmi.GetBandsResponse{Wide: &[]qmi.WideBand{{Radio: qmi.RadioLTE, Band: 122, Channel: 1300}, {Radio: qmi.RadioNR5G, Band: 257, Channel: 154570}}},
			with(func(r *modem.Registration) { r.Technology, r.Band, r.Channel = modem.NSA, "B3", 1300 }),
		},
		"band without a name": {
			nil, qmi.System{}, &qmi.GetBandsResponse{Bands: []qmi.Band{{Radio: qmi.RadioLTE, Band: 999, Channel: 1}}},
			with(func(r *modem.Registration) { r.Band, r.Channel = "band class 999", 1 }),
		},
		"no radio": {
			serving(radios()), qmi.System{}, nil,
			with(func(r *modem.Registration) { r.Technology, r.Area, r.Band, r.Channel = 0, 0xfffe, "", 0 }),
		},
		"searching": {
			&qmi.GetServingSystemResponse{System: qmi.ServingSystem{Network: qmi.ServingNetwork{State: qmi.Searching}}}, qmi.System{}, nil,
			modem.Registration{State: modem.Searching},
		},
		"denied": {
			&qmi.GetServingSystemResponse{System: qmi.ServingSystem{Network: qmi.ServingNetwork{State: qmi.RegistrationDenied}}},
			qmi.System{LTESystem: &qmi.RadioSystem{Reject: &qmi.Reject{Domain: qmi.DomainPS, Cause: 11}}}, nil,
			modem.Registration{State: modem.Denied, Cause: 11},
		},
		"not known": {
			&qmi.GetServingSystemResponse{System: qmi.ServingSystem{Network: qmi.ServingNetwork{State: qmi.RegistrationUnknown}}}, qmi.System{}, nil,
			modem.Registration{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				if c.serving != nil {
					always[qmi.GetServingSystemRequest](s, c.serving)
				}
				always[qmi.GetSystemRequest](s, &qmi.GetSystemResponse{System: c.system})
				if c.bands != nil {
					always[qmi.GetBandsRequest](s, c.bands)
				}
				if got, err := m.Registration(t.Context()); err != nil || got != c.want {
					t.Errorf("%+v, %v,\nwant %+v", got, err, c.want)
				}
			})
		})
	}
}

func TestRegistrationOfAModemThatSaysLittle(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.SetNetworkEventsRequest](s, qmi.ErrInvalidCommand)
		always[qmi.GetSystemRequest](s, qmi.ErrInvalidCommand)
		always[qmi.GetBandsRequest](s, qmi.ErrInfoUnavailable)
		if r, err := m.Registration(t.Context()); err != nil || r.State != modem.Home {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// The cause of a reject is told once, and holds until a network serves the modem.
func TestRejectCauseIsKept(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if _, err := m.Registration(ctx); err != nil {
			t.Fatal(err)
		}
		always[qmi.GetServingSystemRequest](s, &qmi.GetServingSystemResponse{System: qmi.ServingSystem{Network: qmi.ServingNetwork{State: qmi.Searching}}})
		s.indicate(1, &qmi.RejectIndication{Radio: qmi.RadioLTE, Domain: qmi.DomainPS, Cause: 13})
		if e := <-m.Events(); e != modem.RegistrationChanged {
			t.Errorf("%v", e)
		}
		for range 2 {
			if r, err := m.Registration(ctx); err != nil || r.Cause != 13 {
				t.Errorf("%+v, %v", r, err)
			}
		}
		for _, state := range []qmi.RegistrationState{qmi.Registered, qmi.Searching} {
			always[qmi.GetServingSystemRequest](s, &qmi.GetServingSystemResponse{System: qmi.ServingSystem{Network: qmi.ServingNetwork{State: state}}})
			if r, err := m.Registration(ctx); err != nil || r.Cause != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

func TestSignal(t *testing.T) {
	for name, c := range map[string]struct {
		answer any
		want   modem.Signal
	}{
		"LTE":             {nil, modem.Signal{RSSI: new(-65.0), RSRP: new(-93.0), RSRQ: new(-11.0), SINR: new(12.4)}},
		"LTE beside 5G":   {&qmi.GetSignalResponse{Signal: qmi.Signal{LTE: &qmi.LTESignal{RSSI: -70, RSRQ: -9, RSRP: -0x8000, SNR: -0x8000}, NR5G: &qmi.NR5GSignal{RSRP: -80}}}, modem.Signal{RSSI: new(-70.0), RSRQ: new(-9.0)}},
		"5G":              {&qmi.GetSignalResponse{Signal: qmi.Signal{NR5G: &qmi.NR5GSignal{RSRP: -102, SNR: -30}, NR5GRSRQ: new(int16(-12))}}, modem.Signal{RSRP: new(-102.0), RSRQ: new(-12.0), SINR: new(-3.0)}},
		"UMTS":            {&qmi.GetSignalResponse{Signal: qmi.Signal{WCDMA: &qmi.WCDMASignal{RSSI: -80, EcIo: 12}}}, modem.Signal{RSSI: new(-80.0)}},
		"GSM":             {&qmi.GetSignalResponse{Signal: qmi.Signal{GSM: new(int8(-87))}}, modem.Signal{RSSI: new(-87.0)}},
		"none":            {&qmi.GetSignalResponse{}, modem.Signal{}},
		"none, in a word": {qmi.ErrInfoUnavailable, modem.Signal{}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				if c.answer != nil {
					always[qmi.GetSignalRequest](s, c.answer)
				}
				if got, err := m.Signal(t.Context()); err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("%v, %v, want %v", got, err, c.want)
				}
			})
		})
	}
}

func TestSelect(t *testing.T) {
	automatic := func(radios qmi.Radios) *qmi.SetSelectionRequest {
		return &qmi.SetSelectionRequest{Radios: &radios, Network: &qmi.NetworkSelection{}, Duration: new(qmi.Permanent)}
	}
	all := qmi.UseUMTS | qmi.UseLTE
	for name, c := range map[string]struct {
		s    modem.Selection
		now  any
		want *qmi.SetSelectionRequest
	}{
		"nothing new":     {modem.Selection{}, nil, nil},
		"back to all":     {modem.Selection{}, &qmi.GetSelectionResponse{Radios: new(qmi.UseLTE), Mode: new(qmi.SelectAutomatic)}, automatic(all)},
		"back to any":     {modem.Selection{}, &qmi.GetSelectionResponse{Radios: &all, Mode: new(qmi.SelectManual)}, automatic(all)},
		"modem won't say": {modem.Selection{}, qmi.ErrInvalidCommand, automatic(all)},
		"LTE and 5G": {
			modem.Selection{Technologies: []modem.Technology{modem.NSA}}, nil, automatic(qmi.UseLTE | qmi.UseNR5G),
		},
		"all older": {
			modem.Selection{Technologies: []modem.Technology{modem.GSM, modem.UMTS, modem.LTE}}, nil, automatic(qmi.UseGSM | qmi.UseUMTS | qmi.UseLTE),
		},
		"5G alone, and CDMA is on": {
			modem.Selection{Technologies: []modem.Technology{modem.NR}},
			&qmi.GetSelectionResponse{Radios: new(qmi.UseNR5G | 1), Mode: new(qmi.SelectAutomatic)}, nil,
		},
		"by hand": {
			modem.Selection{PLMN: "310041"}, nil,
			&qmi.SetSelectionRequest{Radios: &all, Network: &qmi.NetworkSelection{Mode: qmi.SelectManual, MCC: 310, MNC: 41}, Duration: new(qmi.Permanent), ThreeDigits: new(true)},
		},
		"by hand already": {
			modem.Selection{PLMN: "26201"}, &qmi.GetSelectionResponse{Radios: &all, Mode: new(qmi.SelectManual), Network: &qmi.MNCDigits{MCC: 262, MNC: 1}}, nil,
		},
		"by hand another": {
			modem.Selection{PLMN: "26202"}, &qmi.GetSelectionResponse{Radios: &all, Mode: new(qmi.SelectManual), Network: &qmi.MNCDigits{MCC: 262, MNC: 1}},
			&qmi.SetSelectionRequest{Radios: &all, Network: &qmi.NetworkSelection{Mode: qmi.SelectManual, MCC: 262, MNC: 2}, Duration: new(qmi.Permanent), ThreeDigits: new(false)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				if c.now != nil {
					always[qmi.GetSelectionRequest](s, c.now)
				}
				if err := m.Select(t.Context(), c.s); err != nil {
					t.Error(err)
				}
				var want []qmi.Body
				if c.want != nil {
					want = append(want, c.want)
				}
				if asked := s.asked((*qmi.SetSelectionRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
					t.Errorf("asked %+v, want %+v", asked, want)
				}
			})
		})
	}
}

func TestSelectNonsense(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		for _, plmn := range []string{"2620", "2620100", "26x01", "-26201"} {
			if err := m.Select(t.Context(), modem.Selection{PLMN: plmn}); err == nil {
				t.Errorf("%q was selected", plmn)
			}
		}
	})
}

func TestAttach(t *testing.T) {
	for answer, want := range map[any]error{
		qmi.ErrNoEffect: nil, qmi.ErrInvalidCommand: modem.ErrUnsupported, qmi.ErrNetworkNotReady: qmi.ErrNetworkNotReady, nil: modem.ErrSilent,
	} {
		in(t, func(t *testing.T, s *script, m *Modem) {
			if err := m.Attach(t.Context()); err != nil {
				t.Error(err)
			}
			always[qmi.SetPacketAttachRequest](s, answer)
			if err := m.Attach(t.Context()); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
}

func TestAttachAPN(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		ctx := t.Context()
		if apn, err := m.AttachAPN(ctx); err != nil || apn != (modem.APN{Name: "internet", Families: modem.IPv4v6}) {
			t.Errorf("%v, %v", apn, err)
		}
		if err := m.SetAttachAPN(ctx, modem.APN{Name: "internet"}); err != nil {
			t.Error(err)
		}
		modified := (*qmi.ModifyProfileRequest)(nil).Kind()
		if n := s.count(modified); n != 0 {
			t.Errorf("what is so already was written %d times", n)
		}
		if err := m.SetAttachAPN(ctx, modem.APN{User: "u", Password: "p", Auth: modem.PAP, Families: modem.IPv6}); err != nil {
			t.Error(err)
		}
		if err := m.SetAttachAPN(ctx, modem.APN{}); err != nil {
			t.Error(err)
		}
		id := qmi.ProfileID{Index: 3}
		want := []qmi.Body{
			&qmi.ModifyProfileRequest{ID: id, Profile: qmi.Profile{PDPType: new(qmi.PDPIPv6), APN: new(""), User: new("u"), Password: new(qmi.Password("p")), Auth: new(qmi.AuthPAP)}},
			&qmi.ModifyProfileRequest{ID: id, Profile: qmi.Profile{PDPType: new(qmi.PDPIPv4v6), APN: new(""), User: new(""), Password: new(qmi.Password("")), Auth: new(qmi.AuthNone)}},
		}
		if asked := s.asked(modified); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v, want %+v", asked, want)
		}
	})
}

func TestAttachAPNIsTheFirstProfilesWhereNoListSaysOtherwise(t *testing.T) {
	for name, answer := range map[string]any{
		"not supported": qmi.ErrInvalidCommand,
		"empty":         &qmi.GetAttachProfilesResponse{Current: new([]uint16), Pending: new([]uint16)},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				always[qmi.GetAttachProfilesRequest](s, answer)
				if _, err := m.AttachAPN(t.Context()); err != nil {
					t.Error(err)
				}
				want := []qmi.Body{&qmi.GetProfileRequest{ID: qmi.ProfileID{Index: 1}}}
				if asked := s.asked((*qmi.GetProfileRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
					t.Errorf("asked %+v", asked)
				}
			})
		})
	}
}
