package athost

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

var files = []string{"quectel-ec200.txt", "huawei-me909s.txt", "ublox-toby-l2.txt"}

// same fails the test unless got is want and there was no error.
func same[T any](t *testing.T, got T, err error, want T) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestQuectel(t *testing.T) {
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		ctx := t.Context()
		identity, err := h.Identity(ctx)
		same(t, identity, err, modem.Identity{Manufacturer: "Quectel", Model: "EC200A", Firmware: "EC200AEUHAR01A04M16", IMEI: "867698041234567", Protocol: "AT", Sessions: 1})
		sim, err := h.SIM(ctx)
		same(t, sim, err, modem.SIM{State: modem.SIMReady, ICCID: "8949020000012345678", IMSI: "262011234567890", MNCDigits: 2, Provider: "Telekom.de", GID1: "bae0", Attempts: 3})
		radio, err := h.Radio(ctx)
		same(t, radio, err, modem.Radio{Hardware: true, Software: true})
		registration, err := h.Registration(ctx)
		same(t, registration, err, modem.Registration{
			State: modem.Home, Attached: true, PLMN: "26201", Operator: "Telekom.de", Technology: modem.LTE,
			Cell: 0x1a2d003, Area: 0x2ee0, Band: "B3", Channel: 1300,
		})
		signal, err := h.Signal(ctx)
		same(t, signal, err, modem.Signal{RSSI: new(-61.0), RSRP: new(-91.0), RSRQ: new(-10.0), SINR: new(10.0)})
		slots, err := h.Slots(ctx)
		same(t, slots, err, []modem.Slot{{Number: 1, Active: true, Filled: true}, {Number: 2, Filled: true}})
		attach, err := h.AttachAPN(ctx)
		same(t, attach, err, modem.APN{Families: modem.IPv4v6})
		if _, err := h.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Error(err)
		}
		start := time.Now()
		if err := h.Connect(ctx, 0, modem.APN{Name: "internet", User: "branch", Password: "secret", Auth: modem.CHAP, Families: modem.IPv4}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > settleInterval {
			t.Errorf("connected in %v", took)
		}
		c, err := h.Connection(ctx, 0)
		same(t, c, err, modem.Connection{
			Address4: netip.MustParsePrefix("10.175.213.177/32"), Address6: netip.MustParsePrefix("2a01:598a:8000:1::1/128"), Gateway6: netip.MustParseAddr("fe80::1"),
			DNS: []netip.Addr{netip.MustParseAddr("10.74.210.210"), netip.MustParseAddr("10.74.210.211"), netip.MustParseAddr("2a01:598a::53")},
			MTU: 1430, APN: "internet.t-d1.de", DHCP: true,
		})
		if err := h.Disconnect(ctx, 0); err != nil {
			t.Error(err)
		}
		if got := s.said("AT+QNETDEVCTL=0"); len(got) != 1 {
			t.Errorf("it was told to disconnect: %q", got)
		}
	})
}

func TestHuawei(t *testing.T) {
	with(t, files[1], func(t *testing.T, h *Host, s *script) {
		ctx := t.Context()
		sim, err := h.SIM(ctx)
		same(t, sim, err, modem.SIM{State: modem.SIMLocked, ICCID: "8949229123456789012", Attempts: 3})
		s.set(`AT+CPIN="4711"`, "OK")
		if err := h.EnterPIN(ctx, "4711"); err != nil {
			t.Error(err)
		}
		s.set("AT+CPIN?", "+CPIN: READY", "OK")
		s.set("AT^CPIN?", "^CPIN: READY,,10,3,10,3", "OK")
		sim, err = h.SIM(ctx)
		same(t, sim, err, modem.SIM{State: modem.SIMReady, ICCID: "8949229123456789012", IMSI: "262031234567890", MNCDigits: 2, Attempts: 3})
		registration, err := h.Registration(ctx)
		same(t, registration, err, modem.Registration{
			State: modem.Roaming, Attached: true, PLMN: "26203", Operator: "o2 - de", Technology: modem.LTE, Cell: 0x1a2d003, Area: 0xd6d5,
		})
		signal, err := h.Signal(ctx)
		same(t, signal, err, modem.Signal{RSSI: new(-68.0), RSRP: new(-96.0), RSRQ: new(-11.0), SINR: new(16.0)})
		slots, err := h.Slots(ctx)
		same(t, slots, err, []modem.Slot{{Number: 1, Active: true, Filled: true}})
		if err := h.UseSlot(ctx, 2); !errors.Is(err, modem.ErrUnsupported) {
			t.Error(err)
		}
		if err := h.Connect(ctx, 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		if got := s.said("AT+CGDCONT="); len(got) != 0 {
			t.Errorf("the context was written although it was right: %q", got)
		}
		c, err := h.Connection(ctx, 0)
		same(t, c, err, modem.Connection{
			Address4: netip.MustParsePrefix("10.121.14.147/8"), Gateway4: netip.MustParseAddr("10.0.0.1"),
			DNS: []netip.Addr{netip.MustParseAddr("112.65.184.255"), netip.MustParseAddr("210.22.84.3")},
			APN: "internet.mnc003.mcc262.gprs",
		})
		s.set("AT^DHCP?", "ERROR")
		c, err = h.Connection(ctx, 0)
		same(t, c, err, modem.Connection{
			Address4: netip.MustParsePrefix("10.40.54.48/27"), Gateway4: netip.MustParseAddr("10.40.54.33"),
			DNS: []netip.Addr{netip.MustParseAddr("10.40.10.1"), netip.MustParseAddr("10.40.10.2")},
			APN: "internet.mnc003.mcc262.gprs", DHCP: true,
		})
		s.set("AT^NDISSTATQRY?", `^NDISSTATQRY: 0,,,"IPV4",1,,,"IPV6"`, "OK")
		if _, err := h.Connection(ctx, 0); err != nil {
			t.Error("one family of two is no connection:", err)
		}
	})
}

func TestUblox(t *testing.T) {
	with(t, files[2], func(t *testing.T, h *Host, s *script) {
		ctx := t.Context()
		sim, err := h.SIM(ctx)
		same(t, sim, err, modem.SIM{State: modem.SIMReady, ICCID: "89410123456789012345", IMSI: "228011234567890", Attempts: 3})
		registration, err := h.Registration(ctx)
		same(t, registration, err, modem.Registration{State: modem.Denied, Cause: 15})
		// It supports +CREG, if not +CREG=3.
		same(t, s.said("AT+CREG"), nil, []string{"AT+CREG=3", "AT+CREG=2", "AT+CREG?"})
		signal, err := h.Signal(ctx)
		same(t, signal, err, modem.Signal{RSSI: new(-83.0)})
		if err := h.Connect(ctx, 0, modem.APN{Name: "gprs.swisscom.ch"}); err != nil {
			t.Fatal(err)
		}
		c, err := h.Connection(ctx, 0)
		same(t, c, err, modem.Connection{
			Address4: netip.MustParsePrefix("10.1.2.3/24"), Gateway4: netip.MustParseAddr("10.1.2.1"),
			Address6: netip.MustParsePrefix("fe80::1:2:3:4/64"),
			DNS:      []netip.Addr{netip.MustParseAddr("10.9.9.1"), netip.MustParseAddr("10.9.9.2"), netip.MustParseAddr("2001:db8::53")},
			APN:      "gprs.swisscom.ch",
		})
		s.set("AT+UBMCONF?", "+UBMCONF: 1", "OK")
		c, err = h.Connection(ctx, 0)
		if err != nil || !c.DHCP {
			t.Errorf("a router: %+v, %v", c, err)
		}
	})
}

// TestUnknownMaker: a modem of which nothing is known is asked alone, and works by
// the standard.
func TestUnknownMaker(t *testing.T) {
	s := &script{answers: map[string][]string{}}
	for question, answer := range map[string]string{
		"ATQ0V1E0": "OK", "AT+CGSN": "123456789012345|OK", "ATI": "Acme|Rocket 5|OK", "AT+CGACT?": "+CGACT: 1,1|OK",
		"AT+CGPADDR=1": `+CGPADDR: 1,"10.0.0.7"|OK`, "AT+CPIN?": "+CPIN: READY|OK", "AT+CPINR": "+CPINR: SIM PIN,2,3|+CPINR: SIM PUK,9,10|OK",
		"AT+CRSM=176,12258,0,0,10": "+CRSM: 144,0,98940200002143658709|OK", "AT+CIMI": "310410123456789|OK",
		"AT+CRSM=176,28589,0,0,4":  "+CRSM: 144,0,01000003|OK",
		"AT+CRSM=176,28486,0,0,17": `+CRSM: 144,0,"00800041006200E9FFFFFFFFFFFFFFFFFF"|OK`,
	} {
		s.set(question, strings.Split(answer, "|")...)
	}
	withScript(t, s, func(t *testing.T, h *Host, s *script) {
		identity, err := h.Identity(t.Context())
		same(t, identity, err, modem.Identity{Manufacturer: "Acme", IMEI: "123456789012345", Protocol: "AT", Sessions: 1})
		for _, line := range s.heard {
			name, _, set := strings.Cut(line, "=")
			switch name {
			case "AT+CMEE", "AT+CREG", "AT+CGREG", "AT+CEREG", "AT+C5GREG", "AT+CGEREP":
			default:
				if set {
					t.Errorf("an unknown modem was told %s", line)
				}
			}
		}
		sim, err := h.SIM(t.Context())
		same(t, sim, err, modem.SIM{State: modem.SIMReady, ICCID: "89492000001234567890", IMSI: "310410123456789", MNCDigits: 3, Provider: "Abé", Attempts: 2})
		c, err := h.Connection(t.Context(), 0)
		same(t, c, err, modem.Connection{Address4: netip.MustParsePrefix("10.0.0.7/32"), DHCP: true})
		if _, err := h.Counters(t.Context(), 0); !errors.Is(err, modem.ErrUnsupported) {
			t.Error(err)
		}
		if err := h.Connect(t.Context(), 1, modem.APN{}); !errors.Is(err, modem.ErrUnsupported) {
			t.Error(err)
		}
	})
}

func TestPINs(t *testing.T) {
	for name, v := range map[string]struct {
		state, answer, after, attempts string
		pin                            modem.PIN
		want                           error
		sent                           int
	}{
		"right":              {"SIM PIN", "OK", "READY", "3", "1234", nil, 1},
		"wrong":              {"SIM PIN", "+CME ERROR: 16", "SIM PIN", "2", "1234", modem.ErrWrongPIN, 1},
		"wrong, in words":    {"SIM PIN", "+CME ERROR: incorrect password", "SIM PIN", "2", "1234", modem.ErrWrongPIN, 1},
		"wrong, and blocked": {"SIM PIN", "+CME ERROR: 12", "SIM PUK", "0", "1234", modem.ErrWrongPIN, 1},
		"wrong, no reason":   {"SIM PIN", "ERROR", "SIM PIN", "2", "1234", modem.ErrWrongPIN, 1},
		"not wrong, busy":    {"SIM PIN", "+CME ERROR: 14", "SIM PIN", "3", "1234", modem.ErrNoSIM, 1},
		"right after all":    {"SIM PIN", "ERROR", "READY", "3", "1234", nil, 1},
		"needless":           {"READY", "ERROR", "READY", "3", "1234", nil, 0},
		"PUK wanted":         {"SIM PUK", "ERROR", "SIM PUK", "0", "1234", modem.ErrNoSIM, 0},
		"network lock":       {"PH-NET PIN", "ERROR", "PH-NET PIN", "3", "1234", modem.ErrNoSIM, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := readScript(t, files[0])
			line := func(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }
			s.answers["AT+CPIN?"] = []string{line("+CPIN: "+v.state, "OK"), line("+CPIN: "+v.after, "OK")}
			s.answers[`AT+QPINC="SC"`] = []string{line(`+QPINC: "SC",3,10`, "OK"), line(`+QPINC: "SC",`+v.attempts+`,10`, "OK")}
			s.set(`AT+CPIN="1234"`, v.answer)
			withScript(t, s, func(t *testing.T, h *Host, s *script) {
				err := h.EnterPIN(t.Context(), v.pin)
				if !errors.Is(err, v.want) || (v.want != modem.ErrWrongPIN && errors.Is(err, modem.ErrWrongPIN)) {
					t.Errorf("%v, want %v", err, v.want)
				}
				if err != nil && strings.Contains(err.Error(), "1234") {
					t.Errorf("the PIN is in %q", err)
				}
				if got := s.said("AT+CPIN="); len(got) != v.sent {
					t.Errorf("sent %d times", len(got))
				}
			})
		})
	}
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		for _, pin := range []modem.PIN{"", "123", "123456789", "12a4", "1234\r"} {
			if err := h.EnterPIN(t.Context(), pin); err == nil {
				t.Errorf("%q was taken", string(pin))
			}
		}
		if got := s.said("AT+CPIN="); len(got) != 0 {
			t.Error("what is no PIN was sent")
		}
	})
}

func TestSIMStates(t *testing.T) {
	for answer, want := range map[string]modem.SIM{
		"+CME ERROR: 10":                {State: modem.SIMAbsent, Attempts: -1},
		"+CME ERROR: SIM busy":          {State: modem.SIMStarting, Attempts: -1},
		"+CME ERROR: 13":                {State: modem.SIMFailed, Attempts: -1},
		"+CPIN: NOT READY\r\nOK":        {State: modem.SIMStarting, Attempts: -1},
		"+CPIN: SIM PUK\r\nOK":          {State: modem.SIMBlocked, ICCID: "8949020000012345678", Attempts: 10},
		"+CPIN: PH-NET PIN\r\nOK":       {State: modem.SIMNetworkLocked, ICCID: "8949020000012345678", Attempts: 3},
		"+CPIN: something new\r\nOK":    {State: modem.SIMStarting, Attempts: -1},
		"+CPIN: \"SIM PIN\"\r\nOK":      {State: modem.SIMLocked, ICCID: "8949020000012345678", Attempts: 3},
		"+CPIN: SIM PIN2\r\nOK":         {State: modem.SIMReady, ICCID: "8949020000012345678", IMSI: "262011234567890", MNCDigits: 2, Provider: "Telekom.de", GID1: "bae0", Attempts: 3},
		"+CPIN: SIM PIN\r\n\r\nOK\r\n>": {State: modem.SIMLocked, ICCID: "8949020000012345678", Attempts: 3},
	} {
		with(t, files[0], func(t *testing.T, h *Host, s *script) {
			s.set("AT+CPIN?", answer)
			sim, err := h.SIM(t.Context())
			same(t, sim, err, want)
		})
	}
	// A locked SIM without attempts would be blocked: it has not been read yet. So has
	// not one whose IMSI is not to be had.
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		s.set(`AT+QPINC="SC"`, `+QPINC: "SC",0,0`, "OK")
		s.set("AT+CPIN?", "+CPIN: SIM PIN", "OK")
		sim, err := h.SIM(t.Context())
		same(t, sim.State, err, modem.SIMStarting)
		s.set("AT+CPIN?", "+CPIN: READY", "OK")
		s.set("AT+CIMI", "+CME ERROR: 14")
		sim, err = h.SIM(t.Context())
		same(t, sim.State, err, modem.SIMStarting)
	})
}

func TestRefusals(t *testing.T) {
	for name, v := range map[string]struct {
		answer, ceer string
		want         modem.SessionCause
	}{
		"by number":            {"+CME ERROR: 133", "ERROR", 33},
		"authentication":       {"+CME ERROR: 149", "ERROR", 29},
		"u-blox +CEER":         {"+CME ERROR: 148", `+CEER: "SM signalling cause",27,"Missing or unknown APN"`, 27},
		"+CEER in words":       {"ERROR", "+CEER: Requested service option not subscribed", 33},
		"+CEER with ESM":       {"ERROR", "+CEER: EPS: ESM cause #54", 54},
		"+CEER knows nothing":  {"ERROR", `+CEER: "No cause information available"`, 0},
		"+CEER is not thereat": {"ERROR", "ERROR", 0},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, files[2], func(t *testing.T, h *Host, s *script) {
				s.set("AT+CGACT=1,1", v.answer)
				s.set("AT+CEER", v.ceer, "OK")
				var refusal modem.Refusal
				if err := h.Connect(t.Context(), 0, modem.APN{Name: "gprs.swisscom.ch"}); !errors.As(err, &refusal) || refusal.Cause != v.want || v.want == 0 && refusal.Reason == "" {
					t.Errorf("%v, %+v", err, refusal)
				}
			})
		})
	}
	// Huawei's says OK first, and why not later.
	with(t, files[1], func(t *testing.T, h *Host, s *script) {
		s.set("AT^NDISSTATQRY?", `^NDISSTATQRY: 0,,,"IPV4"`, "OK")
		time.AfterFunc(time.Second, func() { s.say("\r\n^NDISSTAT: 0,33,,\"IPV4\"\r\n") })
		start := time.Now()
		var refusal modem.Refusal
		if err := h.Connect(t.Context(), 0, modem.APN{Name: "internet"}); !errors.As(err, &refusal) || refusal.Cause != 33 {
			t.Error(err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
	// And if it says nothing, that ends too, and the path is taken down.
	with(t, files[1], func(t *testing.T, h *Host, s *script) {
		s.set("AT^NDISSTATQRY?", `^NDISSTATQRY: 0,,,"IPV4"`, "OK")
		var refusal modem.Refusal
		if err := h.Connect(t.Context(), 0, modem.APN{Name: "internet"}); !errors.As(err, &refusal) || refusal.Reason == "" {
			t.Error(err)
		}
		if got := s.said("AT^NDISDUP=1,0"); len(got) != 1 {
			t.Error("the path was left half up")
		}
	})
}

// TestAnotherAPN: a context in use takes another APN when the modem attaches again.
func TestAnotherAPN(t *testing.T) {
	with(t, files[2], func(t *testing.T, h *Host, s *script) {
		s.set("AT+CGACT?", "+CGACT: 1,1", "OK")
		s.set(`AT+CGDCONT=1,"IPV4V6","corp"`, "OK")
		s.set("AT+CGATT=0", "OK")
		s.set("AT+CGATT=1", "OK")
		s.set("AT+CGATT?", "+CGATT: 0", "OK")
		if err := h.SetAttachAPN(t.Context(), modem.APN{Name: "corp"}); err != nil {
			t.Error(err)
		}
		same(t, s.said("AT+CGATT="), nil, []string{"AT+CGATT=0", "AT+CGATT=1"})
		if err := h.SetAttachAPN(t.Context(), modem.APN{Name: `co"rp`}); err == nil {
			t.Error("an APN with a quotation mark was taken")
		}
		if err := h.SetAttachAPN(t.Context(), modem.APN{Name: "gprs.swisscom.ch", User: "u", Password: "p", Auth: modem.PAP}); err == nil {
			t.Error("a modem that takes no password has taken one")
		}
	})
}

func TestSelect(t *testing.T) {
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		for _, selection := range []modem.Selection{{}, {PLMN: "26202"}, {Technologies: []modem.Technology{modem.LTE}}} {
			if err := h.Select(t.Context(), selection); err != nil {
				t.Error(err)
			}
		}
		if err := h.Select(t.Context(), modem.Selection{Technologies: []modem.Technology{modem.LTE, modem.GSM}}); !errors.Is(err, modem.ErrUnsupported) {
			t.Error(err)
		}
		same(t, s.said("AT+COPS=1"), nil, []string{`AT+COPS=1,2,"26202"`})
		same(t, s.said("AT+COPS=0"), nil, nil) // it was automatic already
	})
	with(t, files[2], func(t *testing.T, h *Host, s *script) {
		s.set("AT+COPS=3,2", "OK")
		s.set("AT+COPS?", `+COPS: 1,2,"22801",7`, "OK")
		s.set(`AT+COPS=1,2,"22801",7`, "OK")
		s.set("AT+COPS=0", "OK")
		if err := h.Select(t.Context(), modem.Selection{PLMN: "22801"}); err != nil {
			t.Error(err)
		}
		same(t, s.said("AT+COPS=1"), nil, nil) // it was so already
		if err := h.Select(t.Context(), modem.Selection{PLMN: "22801", Technologies: []modem.Technology{modem.LTE}}); err != nil {
			t.Error(err)
		}
		if err := h.Select(t.Context(), modem.Selection{}); err != nil {
			t.Error(err)
		}
		same(t, s.said("AT+COPS=0"), nil, []string{"AT+COPS=0"})
		if err := h.Select(t.Context(), modem.Selection{Technologies: []modem.Technology{modem.LTE}}); !errors.Is(err, modem.ErrUnsupported) {
			t.Error(err)
		}
	})
}

func TestEvents(t *testing.T) {
	for line, want := range map[string]modem.Event{
		`+CEREG: 1,"2EE0","01A2D003",7`: modem.RegistrationChanged | modem.SignalChanged,
		"+CGEV: NW DETACH":              modem.RegistrationChanged | modem.ConnectionChanged,
		"+CGEV: ME PDN DEACT 1":         modem.ConnectionChanged,
		`^NDISSTAT: 0,,,"IPV4"`:         modem.ConnectionChanged,
		"+CPIN: READY":                  modem.SIMChanged,
		"^RSSI: 12":                     modem.SignalChanged,
	} {
		with(t, files[0], func(t *testing.T, h *Host, s *script) {
			<-h.Events() // of the line among the answers of setting up
			s.say("\r\n" + line + "\r\n")
			if e := <-h.Events(); e != want {
				t.Errorf("%s: %v", line, e)
			}
			s.say("\r\n+CGEV: ME CLASS B\r\nNO CARRIER\r\n\x00\xff\r\n+CME ERROR: 3\r\n")
			synctest.Wait()
			select {
			case e := <-h.Events():
				t.Errorf("%v by what is no change", e)
			default:
			}
		})
	}
}

// TestModemStartsAgain: a modem that has started again by itself is set up again
// before anything else is asked.
func TestModemStartsAgain(t *testing.T) {
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		s.say("\r\nRDY\r\n")
		if e := <-h.Events(); e&modem.ConnectionChanged == 0 || e&modem.SIMChanged == 0 {
			t.Error(e)
		}
		synctest.Wait()
		before := len(s.said("AT+CMEE"))
		if _, err := h.Signal(t.Context()); err != nil {
			t.Error(err)
		}
		if got := len(s.said("AT+CMEE")); got != before+1 {
			t.Errorf("set up %d times more", got-before)
		}
	})
}

func TestRestart(t *testing.T) {
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		if err := h.Restart(t.Context()); err != nil {
			t.Error(err)
		}
	})
	with(t, files[1], func(t *testing.T, h *Host, s *script) {
		s.change(func() { s.leaveAfter = 1 }) // gone before it has said OK
		if err := h.Restart(t.Context()); err != nil {
			t.Error(err)
		}
	})
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		if err := h.UseSlot(t.Context(), 1); err != nil || len(s.said("AT+QUIMSLOT=1")) > 0 {
			t.Error(err)
		}
		if err := h.UseSlot(t.Context(), 2); err != nil || len(s.said("AT+QUIMSLOT=2")) != 1 {
			t.Error(err)
		}
	})
}

// everyMethod calls all that a Host can and returns the errors.
func everyMethod(ctx context.Context, h *Host) map[string]error {
	all := map[string]error{}
	_, all["SIM"] = h.SIM(ctx)
	_, all["Slots"] = h.Slots(ctx)
	_, all["Radio"] = h.Radio(ctx)
	all["SetRadio"] = h.SetRadio(ctx, false)
	_, all["AttachAPN"] = h.AttachAPN(ctx)
	all["SetAttachAPN"] = h.SetAttachAPN(ctx, modem.APN{Name: "x"})
	all["Select"] = h.Select(ctx, modem.Selection{PLMN: "26201"})
	_, all["Registration"] = h.Registration(ctx)
	all["Attach"] = h.Attach(ctx)
	all["Connect"] = h.Connect(ctx, 0, modem.APN{Name: "x"})
	_, all["Connection"] = h.Connection(ctx, 0)
	_, all["Signal"] = h.Signal(ctx)
	all["Disconnect"] = h.Disconnect(ctx, 0)
	all["EnterPIN"] = h.EnterPIN(ctx, "1234")
	all["UseSlot"] = h.UseSlot(ctx, 2)
	return all
}

// TestSilence: each method of a modem that says nothing any more ends in its limit,
// and works again when the modem does.
func TestSilence(t *testing.T) {
	for _, file := range files {
		with(t, file, func(t *testing.T, h *Host, s *script) {
			s.change(func() { s.silent = true })
			for name, err := range everyMethod(t.Context(), h) {
				if !errors.Is(err, modem.ErrSilent) {
					t.Errorf("%s: %s: %v", file, name, err)
				}
			}
			s.change(func() { s.silent = false })
			if _, err := h.SIM(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUnplug: whenever a modem leaves the bus, everything says so and the events
// end.
func TestUnplug(t *testing.T) {
	for _, file := range files {
		for after := 1; ; after++ {
			left := false
			s := readScript(t, file)
			s.change(func() { s.leaveAfter = after })
			synctest.Test(t, func(t *testing.T) {
				h, err := Open(t.Context(), s.plug(), slog.New(slog.DiscardHandler))
				if err != nil {
					if !errors.Is(err, modem.ErrGone) {
						t.Errorf("%s, after %d lines: %v", file, after, err)
					}
					left = true
					return
				}
				for _, err := range everyMethod(t.Context(), h) {
					left = left || errors.Is(err, modem.ErrGone)
				}
				if left {
					for range h.Events() {
					}
					for name, err := range everyMethod(t.Context(), h) {
						if !errors.Is(err, modem.ErrGone) {
							t.Errorf("%s, after %d lines: %s: %v", file, after, name, err)
						}
					}
				}
				h.Close()
				s.port.Close()
			})
			if !left {
				break // it was asked less than that
			}
		}
	}
}

// TestStorm: what modems say unasked changes no answer.
func TestStorm(t *testing.T) {
	noise := "\r\n+CREG: 1\r\n+CEREG: 2\r\n^RSSI: 3\r\nRING\r\n+CGEV: NW MODIFY 1,0,0\r\n\x00\xfe\r\nNO CARRIER\r\n" + strings.Repeat("^HCSQ: \"LTE\",1,2,3,4\r\n", 50)
	with(t, files[0], func(t *testing.T, h *Host, s *script) {
		quiet, err := h.SIM(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		registration, err := h.Registration(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.set("AT+COPS?", `+COPS: 0,2,"26201",7`, "OK")
		s.change(func() { s.noise = noise })
		h.card = card{}
		sim, err := h.SIM(t.Context())
		same(t, sim, err, quiet)
		again, err := h.Registration(t.Context())
		same(t, again, err, registration)
	})
}

// FuzzAnswers: whatever a modem answers, nothing panics or hangs.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{"OK", "+CPIN: READY\r\nOK", "+CRSM: 108,255\r\nOK", "\"\r\nOK", "+CGCONTRDP: 1,5,,1.2.3.4\r\nOK", "+COPS: (((\r\nOK", "+CME ERROR: 10"} {
		f.Add(seed, "+CEREG: 3,3,,,,0,11", uint8(0))
		f.Add(seed, "^NDISSTAT: 0,33", uint8(1))
		f.Add(seed, "+QNWINFO: \"\",\"\",\"LTE BAND \",9", uint8(2))
	}
	f.Fuzz(func(t *testing.T, answer, unasked string, file uint8) {
		s := readScript(t, files[int(file)%len(files)])
		synctest.Test(t, func(t *testing.T) {
			h, err := Open(t.Context(), s.plug(), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			for question := range s.answers {
				if question != "AT" && question != "ATE1" && question != "ATE0" {
					s.answers[question] = []string{answer + "\r\nOK\r\n"}
				}
			}
			s.noise = unasked + "\r\n"
			s.mu.Unlock()
			everyMethod(t.Context(), h)
			h.Close()
			s.port.Close()
		})
	})
}

// TestOpen: a modem that is deaf at first, and one that stays so.
func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := readScript(t, files[0])
		s.change(func() { s.silent = true })
		port := s.plug()
		time.AfterFunc(3*time.Second, func() { s.change(func() { s.silent = false }) })
		h, err := Open(t.Context(), port, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		s.port.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		host, other := net.Pipe()
		if _, err := Open(t.Context(), host, slog.New(slog.DiscardHandler)); !errors.Is(err, modem.ErrSilent) {
			t.Error(err)
		}
		other.Close()
	})
}
