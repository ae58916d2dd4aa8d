package mbimhost

import (
	"errors"
	"reflect"
	"testing"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

func TestRadio(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		on := false
		f.on(mbim.CmdRadioState, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusOK, &mbim.RadioState{Hardware: true, Software: on}
		})
		f.on(mbim.CmdRadioState, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			on = q.(*mbim.RadioSwitch).On
			return mbim.StatusOK, &mbim.RadioState{Hardware: true, Software: on}
		})
		m := f.open()
		if got, err := m.Radio(t.Context()); err != nil || got != (modem.Radio{Hardware: true}) {
			t.Errorf("%+v, %v", got, err)
		}
		if err := m.SetRadio(t.Context(), true); err != nil || !on {
			t.Errorf("%v, %v", on, err)
		}
	})
}

func TestRegistration(t *testing.T) {
	lte := &mbim.BaseStations{SystemType: mbim.DataClassLTE, LTE: &mbim.LTECell{CellID: 0x1234567, EARFCN: 6300, TrackingAreaCode: 0x4711, RSRP: -97, RSRQ: -11}}
	for _, tt := range []struct {
		name     string
		register mbim.Registration
		service  *mbim.PacketService
		cells    *mbim.BaseStations
		want     modem.Registration
	}{
		{"searching", mbim.Registration{State: mbim.RegisterStateSearching}, nil, nil, modem.Registration{State: modem.Searching}},
		{"deregistered", mbim.Registration{State: mbim.RegisterStateDeregistered}, nil, nil, modem.Registration{}},
		{"denied", mbim.Registration{State: mbim.RegisterStateDenied, NwError: 13, ProviderID: "26202"}, nil, nil, modem.Registration{State: modem.Denied, Cause: 13}},
		{"denied by a cause that is not 3GPP's", mbim.Registration{State: mbim.RegisterStateDenied, NwError: 70000}, nil, nil, modem.Registration{State: modem.Denied}},
		{"home, after a denial", mbim.Registration{State: mbim.RegisterStateHome, ProviderID: "26201", ProviderName: "Home", NwError: 15},
			&mbim.PacketService{State: mbim.PacketServiceStateAttached, DataClass: mbim.DataClassLTE | mbim.DataClassUMTS}, lte,
			modem.Registration{State: modem.Home, Attached: true, PLMN: "26201", Operator: "Home", Technology: modem.LTE, Cell: 0x1234567, Area: 0x4711, Band: "B20", Channel: 6300}},
		{"roaming, not attached", mbim.Registration{State: mbim.RegisterStatePartner, ProviderID: "26202"},
			&mbim.PacketService{State: mbim.PacketServiceStateDetached, NwError: 14, DataClass: mbim.DataClassHSDPA},
			&mbim.BaseStations{UMTS: &mbim.UMTSCell{CellID: 5, LocationAreaCode: 6, UARFCN: 10700}},
			modem.Registration{State: modem.Roaming, PLMN: "26202", Technology: modem.UMTS, Cause: 14, Cell: 5, Area: 6, Channel: 10700}},
		{"GSM", mbim.Registration{State: mbim.RegisterStateRoaming},
			&mbim.PacketService{DataClass: mbim.DataClassEDGE}, &mbim.BaseStations{GSM: &mbim.GSMCell{CellID: 5, LocationAreaCode: mbim.UnknownCell, ARFCN: 62}},
			modem.Registration{State: modem.Roaming, Technology: modem.GSM, Cell: 5, Channel: 62}},
		{"5G beside LTE, cell unknown", mbim.Registration{State: mbim.RegisterStateHome},
			&mbim.PacketService{DataClass: mbim.DataClassLTE | mbim.DataClass5GNSA}, &mbim.BaseStations{LTE: &mbim.LTECell{CellID: mbim.UnknownCell, TrackingAreaCode: mbim.UnknownCell, EARFCN: mbim.UnknownCell}},
			modem.Registration{State: modem.Home, Technology: modem.NSA}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.says(mbim.CmdRegisterState, mbim.Query, &tt.register)
				if tt.service != nil {
					f.says(mbim.CmdPacketService, mbim.Query, tt.service)
				}
				if tt.cells != nil {
					f.says(mbim.CmdBaseStationsInfo, mbim.Query, tt.cells)
				}
				got, err := f.open().Registration(t.Context())
				if err != nil || got != tt.want {
					t.Errorf("%+v, %v, want %+v", got, err, tt.want)
				}
			})
		})
	}
}

// TestRegistrationOfAModemThatTellsLittle: what is refused is left out.
func TestRegistrationOfAModemThatTellsLittle(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdRegisterState, mbim.Query, &mbim.Registration{State: mbim.RegisterStateHome, ProviderID: "26201"})
		f.refuses(mbim.CmdPacketService, mbim.Query, mbim.StatusBusy)
		f.refuses(mbim.CmdBaseStationsInfo, mbim.Query, mbim.StatusFailure)
		got, err := f.open().Registration(t.Context())
		if want := (modem.Registration{State: modem.Home, PLMN: "26201"}); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	})
}

func TestSelect(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		mode := mbim.RegisterModeAutomatic
		var got []mbim.Register
		f.on(mbim.CmdRegisterState, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) { return mbim.StatusOK, &mbim.Registration{Mode: mode} })
		f.on(mbim.CmdRegisterState, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			got = append(got, *q.(*mbim.Register))
			return mbim.StatusOK, &mbim.Registration{}
		})
		m := f.open()
		step := func(s modem.Selection, want ...mbim.Register) {
			t.Helper()
			got = nil
			if err := m.Select(t.Context(), s); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: %+v, %v, want %+v", s, got, err, want)
			}
		}
		step(modem.Selection{})
		step(modem.Selection{PLMN: "26201", Technologies: []modem.Technology{modem.LTE, modem.NR}},
			mbim.Register{ProviderID: "26201", Action: mbim.RegisterActionManual, DataClass: mbim.DataClassLTE | mbim.DataClass5GSA})
		step(modem.Selection{Technologies: []modem.Technology{modem.UMTS, modem.GSM, modem.NSA}}, mbim.Register{DataClass: 0x7f})
		step(modem.Selection{}, mbim.Register{})
		step(modem.Selection{})
		mode = mbim.RegisterModeManual // by another
		step(modem.Selection{}, mbim.Register{})
		f.refuses(mbim.CmdRegisterState, mbim.Set, mbim.StatusProviderNotVisible)
		if err := m.Select(t.Context(), modem.Selection{PLMN: "26203"}); !errors.Is(err, mbim.StatusProviderNotVisible) {
			t.Error(err)
		}
	})
}

func TestAttach(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		state, asked := mbim.PacketServiceStateAttached, 0
		f.on(mbim.CmdPacketService, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusOK, &mbim.PacketService{State: state}
		})
		f.on(mbim.CmdPacketService, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			asked++
			if q.(*mbim.AttachPacketService).Action != mbim.PacketServiceActionAttach {
				t.Error("it was detached")
			}
			return mbim.StatusOK, &mbim.PacketService{State: mbim.PacketServiceStateAttached}
		})
		m := f.open()
		if err := m.Attach(t.Context()); err != nil || asked != 0 {
			t.Errorf("attached already: %v, %d times", err, asked)
		}
		state = mbim.PacketServiceStateDetached
		if err := m.Attach(t.Context()); err != nil || asked != 1 {
			t.Errorf("detached: %v, %d times", err, asked)
		}
		f.on(mbim.CmdPacketService, mbim.Set, func(mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusFailure, &mbim.PacketService{NwError: 7}
		})
		var refusal modem.Refusal
		if err := m.Attach(t.Context()); !errors.As(err, &refusal) || refusal.Reason != "the subscription has no packet service (cause 7)" {
			t.Error(err)
		}
		f.refuses(mbim.CmdPacketService, mbim.Set, mbim.StatusSIMNotInserted)
		if err := m.Attach(t.Context()); !errors.Is(err, modem.ErrNoSIM) {
			t.Error(err)
		}
	})
}

// attachSettings scripts a modem that keeps what it is told to register with.
func attachSettings(f *fake, settings ...mbim.AttachSettings) *[]mbim.AttachSettings {
	f.on(mbim.CmdLTEAttachConfiguration, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
		return mbim.StatusOK, &mbim.LTEAttachConfiguration{Settings: settings}
	})
	f.on(mbim.CmdLTEAttachConfiguration, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
		settings = q.(*mbim.SetLTEAttachConfiguration).Settings
		return mbim.StatusOK, &mbim.LTEAttachConfiguration{Settings: settings}
	})
	return &settings
}

func TestAttachAPN(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		settings := attachSettings(f)
		m := f.open()
		for _, want := range []modem.APN{
			{}, {Name: "corp", User: "u", Password: "p", Auth: modem.CHAP, Families: modem.IPv4v6}, {Name: "v6", Families: modem.IPv6},
		} {
			if err := m.SetAttachAPN(t.Context(), want); err != nil {
				t.Error(err)
			}
			if s := *settings; len(s) != 3 || s[2].Roaming != mbim.LTEAttachContextRoamingControlNonPartner || s[2].AccessString != want.Name {
				t.Errorf("%+v", s)
			}
			if got, err := m.AttachAPN(t.Context()); err != nil || got != want {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		}
		(*settings)[0].IPType = mbim.ContextIPTypeIPv4AndIPv6
		if got, _ := m.AttachAPN(t.Context()); got.Families != modem.IPv4v6 {
			t.Errorf("%v", got)
		}
		(*settings)[0].Roaming = mbim.LTEAttachContextRoamingControlPartner
		if got, err := m.AttachAPN(t.Context()); err == nil {
			t.Errorf("the home network's is %v", got)
		}
	})
}

// TestAttachAPNIsGivenBack whole, with what differed abroad.
func TestAttachAPNIsGivenBack(t *testing.T) {
	own := []mbim.AttachSettings{
		{Roaming: mbim.LTEAttachContextRoamingControlHome, AccessString: "home", Source: mbim.ContextSourceOperator},
		{Roaming: mbim.LTEAttachContextRoamingControlNonPartner, AccessString: "abroad", Source: mbim.ContextSourceOperator},
	}
	bubble(t, func(t *testing.T, f *fake) {
		settings := attachSettings(f, own...)
		m := f.open()
		had, err := m.AttachAPN(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.SetAttachAPN(t.Context(), modem.APN{Name: "corp"}); err != nil {
			t.Error(err)
		}
		if s := *settings; len(s) != 2 || s[0].AccessString != "corp" || s[1].AccessString != "corp" || s[1].Roaming != mbim.LTEAttachContextRoamingControlNonPartner {
			t.Errorf("%+v", s)
		}
		if err := m.SetAttachAPN(t.Context(), had); err != nil || !reflect.DeepEqual(*settings, own) {
			t.Errorf("%+v, %v, want %+v", *settings, err, own)
		}
	})
}

func TestSignalWithoutExtensions(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdSignalState, mbim.Query, &mbim.SignalState{RSSI: mbim.UnknownRSSI})
		f.says(mbim.CmdBaseStationsInfo, mbim.Query, &mbim.BaseStations{LTE: &mbim.LTECell{RSRP: -97, RSRQ: -11}})
		got, err := f.open().Signal(t.Context())
		if want := "RSRP -97 dBm, RSRQ -11 dB"; err != nil || got.String() != want {
			t.Errorf("%v, %v, want %s", got, err, want)
		}
	})
}

func TestSignalThatIsNotKnown(t *testing.T) {
	for _, unknown := range []int32{mbim.UnknownCellSignal, 0} {
		bubble(t, func(t *testing.T, f *fake) {
			f.native = mbim.V2
			f.says(mbim.CmdSignalState, mbim.Query, &mbim.SignalState{RSSI: mbim.UnknownRSSI, Technologies: []mbim.TechnologySignal{{RSRP: mbim.UnknownRSRP, SNR: mbim.UnknownSNR}}})
			f.says(mbim.CmdBaseStationsInfo, mbim.Query, &mbim.BaseStations{LTE: &mbim.LTECell{RSRP: unknown, RSRQ: unknown}})
			if got, err := f.open().Signal(t.Context()); err != nil || got != (modem.Signal{}) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestSignalOfTwoTechnologies is LTE's, which holds the registration.
func TestSignalOfTwoTechnologies(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.native = mbim.V2
		f.says(mbim.CmdSignalState, mbim.Query, &mbim.SignalState{RSSI: 20, Technologies: []mbim.TechnologySignal{
			{RSRP: 50, SNR: 40, SystemType: mbim.DataClass5GNSA}, {RSRP: 60, SNR: 71, SystemType: mbim.DataClassLTE}, {RSRP: 20, SNR: 20, SystemType: mbim.DataClass5GNSA},
		}})
		got, err := f.open().Signal(t.Context())
		if want := "RSSI -73 dBm, RSRP -97 dBm, SINR 12 dB"; err != nil || got.String() != want {
			t.Errorf("%v, %v, want %s", got, err, want)
		}
	})
}

func TestBands(t *testing.T) {
	for earfcn, want := range map[uint32]string{0: "B1", 1300: "B3", 3449: "B7", 3450: "B8", 6300: "B20", 9360: "B28", 38000: "B38", 5000: "", 1 << 30: ""} {
		if got := bandOf(earfcn); got != want {
			t.Errorf("%d is in %q, want %q", earfcn, got, want)
		}
	}
	for i, b := range bands {
		if b.first > b.last || i > 0 && b.first <= bands[i-1].last {
			t.Errorf("B%d is out of order", b.band)
		}
	}
}

func TestWhatAModemCannotDo(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		m := f.open()
		_, attach := m.AttachAPN(t.Context())
		_, counters := m.Counters(t.Context(), 0)
		_, radio := m.Radio(t.Context()) // says so itself
		for name, err := range map[string]error{
			"restart": m.Restart(t.Context()), "attach APN": attach, "set attach APN": m.SetAttachAPN(t.Context(), modem.APN{}),
			"counters": counters, "radio": radio,
		} {
			if !errors.Is(err, modem.ErrUnsupported) {
				t.Errorf("%s: %v, want %v", name, err, modem.ErrUnsupported)
			}
		}
	})
}

func TestRestartAndCounters(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdDeviceReset, mbim.Set, mbim.CmdDeviceReset)
		f.says(mbim.CmdPacketStatistics, mbim.Query, &mbim.PacketStatistics{InOctets: 1, InPackets: 2, OutOctets: 3, OutPackets: 4})
		m := f.open()
		got, err := m.Counters(t.Context(), 0)
		if want := (modem.Counters{OctetsIn: 1, PacketsIn: 2, OctetsOut: 3, PacketsOut: 4}); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		f.sinceLast()
		if err := m.Restart(t.Context()); err != nil || f.sinceLast() != "DEVICE_RESET set" {
			t.Error(err)
		}
	})
}
