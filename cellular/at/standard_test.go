package at

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
)

func TestRegistration(t *testing.T) {
	for line, want := range map[string]struct {
		Registration
		answer bool
	}{
		"+CREG: 0,1":                                        {Registration{State: modem.Home}, true},
		"+CREG: 1":                                          {Registration{State: modem.Home}, false},
		`+CREG: 2,5,"1F00","79D903",2`:                      {Registration{State: modem.Roaming, Technology: modem.UMTS, Area: 0x1f00, Cell: 0x79d903}, true},
		`+CEREG: 1,"1F00","0079D903",7`:                     {Registration{State: modem.Home, Technology: modem.LTE, Area: 0x1f00, Cell: 0x79d903}, false},
		"+CREG: 5,1F00,79D903":                              {Registration{State: modem.Roaming, Area: 0x1f00, Cell: 0x79d903}, false},
		"+CEREG: 3,3,,,,0,11":                               {Registration{State: modem.Denied, Cause: 11}, true},
		`+CEREG: 3,"FFFE","FFFFFFF",7,0,15`:                 {Registration{State: modem.Denied, Technology: modem.LTE, Cause: 15}, false},
		"+CEREG: 3,3,,,,1,11":                               {Registration{State: modem.Denied}, true},
		`+CGREG: 2,1,"1F00","79D903",6,"01"`:                {Registration{State: modem.Home, Technology: modem.UMTS, Area: 0x1f00, Cell: 0x79d903}, true},
		"+CGREG: 3,3,,,,,0,7":                               {Registration{State: modem.Denied, Cause: 7}, true},
		`+C5GREG: 3,1,"000001","000000101",11,4,"01000001"`: {Registration{State: modem.Home, Technology: modem.NR, Area: 1, Cell: 0x101}, true},
		"+C5GREG: 3,3,,,,,,0,27":                            {Registration{State: modem.Denied, Cause: 27}, true},
		"+CEREG: 2,6":                                       {Registration{State: modem.Home, ShortMessages: true}, true},
		"+CEREG: 2,2":                                       {Registration{State: modem.Searching}, true},
		"+CEREG: 2,4":                                       {Registration{}, true},
	} {
		got, answer, err := ParseRegistration(line)
		if err != nil || got != want.Registration || answer != want.answer {
			t.Errorf("%s: %+v, %v, %v", line, got, answer, err)
		}
	}
	for _, line := range []string{"+CSQ: 1,2", "+CREG:", "+CREG: x", `+CREG: "`, "1"} {
		if got, _, err := ParseRegistration(line); err == nil {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestTechnologies(t *testing.T) {
	for technology := modem.GSM; technology <= modem.NR; technology++ {
		if act, ok := ActOf(technology); !ok || TechnologyOf(act) != technology {
			t.Errorf("%v is %d", technology, act)
		}
	}
	if _, ok := ActOf(modem.UnknownTechnology); ok {
		t.Error("what is not known has a number")
	}
}

func TestContext(t *testing.T) {
	for line, want := range map[string]Context{
		// Quectel EC25, of a forum.
		`+CGCONTRDP: 1,5,"spe.inetd.vodafone.nbiot","10.175.213.177.255.255.255.255","","10.105.16.254","10.105.144.254","","",,,1430`: {
			CID: 1, APN: "spe.inetd.vodafone.nbiot", Address: netip.MustParsePrefix("10.175.213.177/32"),
			DNS: []netip.Addr{netip.MustParseAddr("10.105.16.254"), netip.MustParseAddr("10.105.144.254")}, MTU: 1430,
		},
		// Sequans, without quotation marks.
		"+CGCONTRDP: 1,5,apn.fr,10.40.54.48.255.255.255.224,10.40.54.33,10.40.10.1,10.40.10.2,,,": {
			CID: 1, APN: "apn.fr", Address: netip.MustParsePrefix("10.40.54.48/27"), Gateway: netip.MustParseAddr("10.40.54.33"),
			DNS: []netip.Addr{netip.MustParseAddr("10.40.10.1"), netip.MustParseAddr("10.40.10.2")},
		},
		`+CGCONTRDP: 2,6,"ims","254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1.255.255.255.255.255.255.255.255.0.0.0.0.0.0.0.0"`: {
			CID: 2, APN: "ims", Address: netip.MustParsePrefix("fe80::1/64"),
		},
		`+CGCONTRDP: 1,5,"v6","2001:db8::1/64","","2001:db8::53"`: {
			CID: 1, APN: "v6", Address: netip.MustParsePrefix("2001:db8::1/64"), DNS: []netip.Addr{netip.MustParseAddr("2001:db8::53")},
		},
		`+CGCONTRDP: 1,5,"","0.0.0.0"`: {CID: 1},
	} {
		if got, err := ParseContext(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{"+CGCONTRDP:", "+CREG: 1", `+CGCONTRDP: 1,"`} {
		if got, err := ParseContext(line); err == nil {
			t.Errorf("%s: %+v", line, got)
		}
	}
	for _, text := range []string{"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2.3.4.x.0.0.0", ":", "fe80::1%lo", "0.0.0.0", "::"} {
		if p, ok := ParsePrefix(text); ok && text != "1.2.3.4.x.0.0.0" {
			t.Errorf("%q is %v", text, p)
		}
	}
	if p, ok := ParsePrefix("2001:db8::1 ffff:ffff:ffff:ffff::"); !ok || p != netip.MustParsePrefix("2001:db8::1/64") {
		t.Error(p, ok)
	}
}

func TestContextsAreReadBack(t *testing.T) {
	for _, want := range []modem.Connection{
		{
			Address4: netip.MustParsePrefix("100.72.0.2/30"), Gateway4: netip.MustParseAddr("100.72.0.1"),
			Address6: netip.MustParsePrefix("2001:db8:72:1:200::11/64"), Gateway6: netip.MustParseAddr("fe80::1"),
			DNS: []netip.Addr{netip.MustParseAddr("100.72.0.53"), netip.MustParseAddr("2001:db8::53")}, MTU: 1430, APN: "internet",
		},
		{Address4: netip.MustParsePrefix("10.0.0.1/32"), APN: ""},
	} {
		lines, err := ContextLines(2, want)
		if err != nil {
			t.Fatal(err)
		}
		var got modem.Connection
		for _, line := range lines {
			c, err := ParseContext(line)
			if err != nil || c.CID != 2 {
				t.Fatalf("%s: %+v, %v", line, c, err)
			}
			got.APN, got.MTU = c.APN, c.MTU
			got.DNS = append(got.DNS, c.DNS...)
			if c.Address.Addr().Is4() {
				got.Address4, got.Gateway4 = c.Address, c.Gateway
			} else {
				got.Address6, got.Gateway6 = c.Address, c.Gateway
			}
		}
		if !got.Equal(want) {
			t.Errorf("%q: %+v", lines, got)
		}
	}
	if lines, err := ContextLines(1, modem.Connection{Address4: netip.MustParsePrefix("10.0.0.1/32"), APN: `a"b`}); err == nil {
		t.Errorf("%q", lines)
	}
}

func TestRegistrationsAreReadBack(t *testing.T) {
	for name := range causes {
		for _, want := range []Registration{
			{}, {State: modem.Searching}, {State: modem.Home, Technology: modem.LTE, Area: 0x12, Cell: 0x79d903},
			{State: modem.Roaming, ShortMessages: true}, {State: modem.Home, ShortMessages: true}, {State: modem.Roaming}, {State: modem.Denied, Cause: 11},
		} {
			for _, answer := range []bool{false, true} {
				line, err := want.Line(name, WithCause, answer)
				if err != nil {
					t.Fatal(err)
				}
				if got, is, err := ParseRegistration(line); err != nil || got != want || is != answer {
					t.Errorf("%s: %+v, %v, %v", line, got, is, err)
				}
			}
		}
	}
	r := Registration{State: modem.Home, Technology: modem.LTE, Area: 1, Cell: 2}
	if line, err := r.Line("+CREG", WithoutCell, true); err != nil || line != "+CREG: 1,1" {
		t.Error(line, err)
	}
	if line, err := r.Line("+CSQ", 1, true); err == nil {
		t.Error(line)
	}
}

func TestSignalsAreReadBack(t *testing.T) {
	for technology, want := range map[modem.Technology]modem.Signal{
		modem.GSM: {RSSI: new(-81.0)}, modem.UMTS: {RSSI: new(-81.0)}, modem.LTE: {RSRP: new(-97.0), RSRQ: new(-11.0)},
		modem.NR: {RSRP: new(-97.0), RSRQ: new(-11.0), SINR: new(12.0)}, modem.UnknownTechnology: {},
	} {
		if got := Signal(SignalParams(want, technology)); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v", technology, got)
		}
	}
	if got := RSSI(RSSIParams(modem.Signal{RSSI: new(-71.0)})); got == nil || *got != -71 {
		t.Error(got)
	}
	if got := RSSI(RSSIParams(modem.Signal{})); got != nil {
		t.Error(*got)
	}
}

func TestSessionCodes(t *testing.T) {
	for _, cause := range []modem.SessionCause{8, 26, 27, 29, 33, 38, 50, 51, 54, 65} {
		if code := SessionCode(cause); code.SessionCause() != cause {
			t.Errorf("%d is %v", cause, code)
		}
	}
	if code := SessionCode(250); code != ErrUnspecified {
		t.Error(code)
	}
}

func TestContextEvents(t *testing.T) {
	for text, want := range map[string]ContextEvent{
		"NW DETACH": Detached, "ME DETACH": Detached, "ME PDN ACT 1,0": Activated, "NW PDN DEACT 1": Deactivated,
		`NW DEACT "IP","10.1.2.3",1`: Deactivated, "NW MODIFY 1,0,0": Modified, "ME CLASS B": OtherEvent, "": OtherEvent,
	} {
		if got := ParseContextEvent(text); got != want {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestSignal(t *testing.T) {
	for text, want := range map[string]modem.Signal{
		"99,99,255,255,20,50":               {RSRQ: new(-10.0), RSRP: new(-91.0)},
		"99,99,255,255,255,255":             {},
		"30,0,255,255,255,255":              {RSSI: new(-81.0)},
		"99,99,40,20,255,255":               {RSSI: new(-81.0)},
		"99,99,255,255,255,255,65,60,67":    {RSRQ: new(-11.0), RSRP: new(-97.0), SINR: new(10.0)},
		"99,99,255,255,20,50,255,255,255,,": {RSRQ: new(-10.0), RSRP: new(-91.0)},
	} {
		p, err := ParseParams(text)
		if got := Signal(p); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if v := RSSI(Params{Int(21), Int(99)}); v == nil || *v != -71 {
		t.Error(v)
	}
	if v := RSSI(Params{Int(99), Int(99)}); v != nil {
		t.Error(*v)
	}
}

// FuzzStandardLines: no line of the standard's makes trouble.
func FuzzStandardLines(f *testing.F) {
	f.Add(`+CEREG: 3,3,,,,0,11`)
	f.Add(`+CGCONTRDP: 1,5,"v6","2001:db8::1/64"`)
	f.Add("+CGCONTRDP: 1,5,x,1.2.3.4.255.255.0.0")
	f.Fuzz(func(t *testing.T, line string) {
		_, _, _ = ParseRegistration(line)
		if c, err := ParseContext(line); err == nil && c.Address.IsValid() && c.Address.Addr().IsUnspecified() {
			t.Fatalf("%q has the address %v", line, c.Address)
		}
		_, rest := Split(line)
		if p, err := ParseParams(rest); err == nil {
			_ = Signal(p)
		}
		_ = ParseContextEvent(rest)
	})
}
