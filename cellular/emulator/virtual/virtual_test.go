package virtual

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// inBubble runs f with a modem of the scenario in virtual time.
func inBubble(t *testing.T, s Scenario, f func(t *testing.T, m *Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, err := New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		f(t, m)
	})
}

// pass lets a time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// soon is longer than a modem takes for anything but to boot or to retry.
const soon = 2 * time.Second

func registration(m *Modem) (r modem.Registration) {
	m.Do(func() { r = m.Registration() })
	return r
}

// connect waits for the answer to a request for a connection.
func connect(t *testing.T, m *Modem, number int, apn modem.APN) (s *Session, err error) {
	t.Helper()
	answered := false
	m.Do(func() {
		err = m.Connect(number, apn, func(refusal error) { answered, err = true, refusal })
		if err == nil {
			s, _ = m.Session(number)
		}
	})
	pass(soon)
	if err == nil && !answered {
		t.Fatal("the network has not answered")
	}
	return s, err
}

func TestRegistersByItself(t *testing.T) {
	inBubble(t, Default(), func(t *testing.T, m *Modem) {
		m.Do(func() {
			if s := m.SIMState(); s != modem.SIMStarting {
				t.Errorf("the SIM is %v after power-on", s)
			}
			if err := m.Connect(0, modem.APN{}, nil); !errors.Is(err, ErrNoSIM) {
				t.Errorf("connects while the SIM starts: %v", err)
			}
		})
		pass(soon)
		want := modem.Registration{
			State: modem.Home, Attached: true, PLMN: "00101", Operator: "Testnet", Technology: modem.LTE,
			Cell: 27447297, Area: 4711, Band: "B20", Channel: 6300,
		}
		if r := registration(m); r != want {
			t.Errorf("%+v, want %+v", r, want)
		}
	})
}

func TestPINBlocksAndPUKUnblocks(t *testing.T) {
	s := Default()
	s.Slots[0].SIM.PIN, s.Slots[0].SIM.PUK = "4711", "87654321"
	inBubble(t, s, func(t *testing.T, m *Modem) {
		pass(soon)
		if r := registration(m); r.State != modem.NotRegistered {
			t.Errorf("registered as %v with a locked SIM", r.State)
		}
		m.Do(func() {
			for _, want := range []error{ErrWrongPIN, ErrWrongPIN, ErrPINBlocked, ErrPINBlocked} {
				if err := m.VerifyPIN("0000"); !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			}
			if err := m.VerifyPIN("4711"); !errors.Is(err, ErrPINBlocked) {
				t.Errorf("the right PIN of a blocked SIM: %v", err)
			}
			if err := m.UnblockPIN("00000000", "1234"); !errors.Is(err, ErrWrongPIN) || m.Card().PUKAttempts != 9 {
				t.Errorf("a wrong PUK: %v, %d are left", err, m.Card().PUKAttempts)
			}
			if err := m.UnblockPIN("87654321", "1234"); err != nil || m.SIMState() != modem.SIMReady {
				t.Errorf("the right PUK: %v, the SIM is %v", err, m.SIMState())
			}
		})
		pass(soon)
		if r := registration(m); r.State != modem.Home {
			t.Errorf("unlocked, and %v", r.State)
		}
		m.Do(m.Restart)
		pass(soon + 3*time.Second)
		m.Do(func() {
			if err := m.VerifyPIN("1234"); err != nil {
				t.Errorf("the new PIN after a restart: %v", err)
			}
		})
	})
}

func TestCountersSurviveDrawing(t *testing.T) {
	s := Default()
	s.Slots[0].SIM.PIN = "4711"
	inBubble(t, s, func(t *testing.T, m *Modem) {
		pass(soon)
		m.Do(func() {
			_ = m.VerifyPIN("0000")
			m.InsertSIM(0, m.DrawSIM(0))
		})
		pass(soon)
		m.Do(func() {
			if c := m.Card(); c.PINAttempts != 2 || c.State() != modem.SIMLocked {
				t.Errorf("%d attempts, %v", c.PINAttempts, c.State())
			}
		})
	})
}

func TestDenied(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*Scenario)
		want    modem.RejectCause
		retried bool
	}{
		{"congestion", func(s *Scenario) { s.Networks[0].Deny = 22 }, 22, true},
		{"illegal", func(s *Scenario) { s.Networks[0].Deny = 3 }, 3, false},
		{"attach APN", func(s *Scenario) { s.Networks[0].Attach = []string{"IoT"} }, 19, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Default()
			test.change(&s)
			inBubble(t, s, func(t *testing.T, m *Modem) {
				pass(soon)
				if r := registration(m); r.State != modem.Denied || r.Cause != test.want {
					t.Errorf("%v for %v", r.State, r.Cause)
				}
				// The network has thought better of it, and nobody tells the modem.
				m.Do(func() { m.networks[0].Deny, m.networks[0].Attach = 0, nil })
				pass(time.Minute)
				if r := registration(m); r.Registered() != test.retried {
					t.Errorf("a minute later it is %v", r.State)
				}
			})
		})
	}
}

func TestAttachAPNThatFitsRegisters(t *testing.T) {
	s := Default()
	s.Networks[0].Attach = []string{"IoT"}
	inBubble(t, s, func(t *testing.T, m *Modem) {
		pass(soon)
		m.Do(func() {
			m.SetAttachAPN(modem.APN{Name: "iot"})
			m.Reattach()
		})
		pass(soon)
		if r := registration(m); r.State != modem.Home {
			t.Errorf("%v for %v", r.State, r.Cause)
		}
	})
}

func TestRoamsWhereHomeSaysNo(t *testing.T) {
	s := Default()
	visited := *s.Networks[0]
	visited.PLMN = "90170"
	s.Networks = append(s.Networks, &visited)
	s.Networks[0].Deny = 11
	inBubble(t, s, func(t *testing.T, m *Modem) {
		pass(soon)
		if r := registration(m); r.State != modem.Roaming || r.PLMN != "90170" {
			t.Errorf("%v in %s", r.State, r.PLMN)
		}
		m.Do(func() { m.Select(modem.Selection{PLMN: "00101"}) })
		pass(soon)
		if r := registration(m); r.State != modem.Denied || r.PLMN != "00101" {
			t.Errorf("with the network chosen by hand: %v in %s", r.State, r.PLMN)
		}
	})
}

func TestConnections(t *testing.T) {
	s := Default()
	pool4, pool6 := s.Networks[0].APNs[0].Pool4, s.Networks[0].APNs[0].Pool6
	s.Networks[0].APNs = append(s.Networks[0].APNs,
		&APN{Name: "corp", User: "branch", Password: "secret", Auth: modem.CHAP, Pool4: pool4, Pool6: pool6},
		&APN{Name: "four", Families: modem.IPv4, Pool4: pool4},
		&APN{Name: "six", Families: modem.IPv6, Pool6: pool6},
		&APN{Name: "full", Refuse: 26, Pool4: pool4, Pool6: pool6},
	)
	for _, test := range []struct {
		name     string
		apn      modem.APN
		families modem.Families
		cause    modem.SessionCause
	}{
		{"dual", modem.APN{Name: "INTERNET", Families: modem.IPv4v6}, modem.IPv4v6, 0},
		{"the network's own", modem.APN{Families: modem.IPv4}, modem.IPv4, 0},
		{"unknown", modem.APN{Name: "intranet"}, 0, 27},
		{"credentials", modem.APN{Name: "corp", User: "branch", Password: "secret", Auth: modem.CHAP}, modem.IPv4v6, 0},
		{"wrong way", modem.APN{Name: "corp", User: "branch", Password: "secret", Auth: modem.PAP}, 0, 29},
		{"wrong password", modem.APN{Name: "corp", User: "branch", Password: "guess", Auth: modem.CHAP}, 0, 29},
		{"half", modem.APN{Name: "four", Families: modem.IPv4v6}, modem.IPv4, 50},
		{"none", modem.APN{Name: "six", Families: modem.IPv4}, 0, 51},
		{"refused", modem.APN{Name: "full"}, 0, 26},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, s, func(t *testing.T, m *Modem) {
				pass(soon)
				session, err := connect(t, m, 3, test.apn)
				if test.families == 0 {
					var refusal modem.Refusal
					if !errors.As(err, &refusal) || refusal.Cause != test.cause {
						t.Errorf("%v, want cause %d", err, test.cause)
					}
					return
				}
				if err != nil || !session.Up || session.Families != test.families || session.Cause != test.cause {
					t.Fatalf("%v: %+v", err, session)
				}
				if g := session.Granted; g.Address4.IsValid() != (test.families != modem.IPv6) || g.Address6.IsValid() != (test.families != modem.IPv4) {
					t.Errorf("%v, and the addresses are %v and %v", test.families, g.Address4, g.Address6)
				}
			})
		})
	}
}

func TestTheNetworkTakesAConnectionAway(t *testing.T) {
	inBubble(t, Default(), func(t *testing.T, m *Modem) {
		pass(soon)
		s, err := connect(t, m, 0, modem.APN{})
		if err != nil {
			t.Fatal(err)
		}
		var told []*Session
		m.Do(func() {
			m.Listen(func(e Event) {
				if e.Change == SessionChanged {
					told = append(told, e.Session)
				}
			})
			before := s.Granted.Address4
			if err := m.Readdress(0); err != nil || s.Granted.Address4 == before {
				t.Errorf("%v, the address is still %v", err, before)
			}
			if err := m.Drop(0, 39); err != nil || s.Up || s.Cause != 39 {
				t.Errorf("%v: %+v", err, s)
			}
		})
		if !slices.Equal(told, []*Session{s, s}) {
			t.Errorf("told %d times", len(told))
		}
		if _, err := connect(t, m, 0, modem.APN{}); err != nil {
			t.Errorf("once more: %v", err)
		}
		m.Do(func() { m.SetRadio(false) })
		m.Do(func() {
			if len(m.Sessions()) != 0 {
				t.Error("connected without radio")
			}
		})
	})
}

func TestPackets(t *testing.T) {
	inBubble(t, Default(), func(t *testing.T, m *Modem) {
		pass(soon)
		s, err := connect(t, m, 5, modem.APN{})
		if err != nil {
			t.Fatal(err)
		}
		var up, down int
		m.Do(func() {
			m.SetCarrier(func([]byte) { up++ })
			m.Receive(func(number int, _ []byte) { down += number })
			out, in := packet4(s.Granted.Address4.Addr(), s.Granted.Gateway4), packet4(s.Granted.Gateway4, s.Granted.Address4.Addr())
			m.Send(5, out)
			m.SendBySource(out)
			m.Send(5, in) // another's address
			m.Send(0, out)
			m.Send(5, out[:19])
			m.Deliver(in)
			m.Deliver(out)
			m.LoseData(true)
			m.Send(5, out)
			m.Deliver(in)
			if up != 2 || down != 5 || s.Counters != (modem.Counters{OctetsIn: 20, OctetsOut: 60, PacketsIn: 1, PacketsOut: 3}) {
				t.Errorf("%d up, %d down, %+v", up, down, s.Counters)
			}
		})
	})
}

func packet4(from, to netip.Addr) []byte {
	p := make([]byte, 12, 20)
	p[0] = 0x45
	return append(append(p, from.AsSlice()...), to.AsSlice()...)
}

func TestRouterAdvertisement(t *testing.T) {
	s := Default()
	s.Networks[0].APNs[0].Families = modem.IPv6
	s.Networks[0].APNs[0].NAT64 = netip.MustParsePrefix("64:ff9b::/96")
	inBubble(t, s, func(t *testing.T, m *Modem) {
		pass(soon)
		session, err := connect(t, m, 0, modem.APN{})
		if err != nil {
			t.Fatal(err)
		}
		var answer []byte
		m.Do(func() {
			m.Receive(func(_ int, packet []byte) { answer = packet })
			m.Send(0, icmpv6Packet(netip.MustParseAddr("fe80::2"), netip.MustParseAddr("ff02::2"), []byte{routerSolicitation, 0, 0, 0, 0, 0, 0, 0}))
		})
		prefix := session.Granted.Address6.Masked().Addr().As16()
		for _, want := range []string{
			string(prefix[:]), "\x05\x01\x00\x00\x00\x00\x05\x96",
			"\x26\x02\xff\xf8\x00\x64\xff\x9b\x00\x00\x00\x00\x00\x00\x00\x00",
		} {
			if !strings.Contains(string(answer), want) {
				t.Errorf("% x has no % x", answer, want)
			}
		}
		sum := uint32(len(answer)-headerIPv6) + icmpv6 + sum16(answer[8:])
		if sum = sum>>16 + sum&0xffff; sum != 0xffff {
			t.Errorf("the checksum sums up to %04x", sum)
		}
	})
}

func TestPowerAlone(t *testing.T) {
	inBubble(t, Default(), func(t *testing.T, m *Modem) {
		m.Do(m.HangUp)
		pass(time.Hour)
		m.Do(func() {
			m.Restart()
			m.Bounce(0)
		})
		pass(time.Hour)
		m.Do(func() {
			if m.OnBus() {
				t.Error("a modem that has hung up is back")
			}
			m.SetPower(false)
			m.Bounce(0)
			m.SetPower(true)
		})
		pass(time.Minute)
		if r := registration(m); r.State != modem.Home {
			t.Errorf("a minute after power: %v", r.State)
		}
	})
}

func TestLinkTo(t *testing.T) {
	for addr, want := range map[string]string{
		"100.72.0.5": "100.72.0.5/30 100.72.0.6", "100.72.0.6": "100.72.0.6/30 100.72.0.5",
		"100.72.0.3": "100.72.0.3/29 100.72.0.4", "100.72.0.4": "100.72.0.4/29 100.72.0.5", "100.72.0.7": "100.72.0.7/28 100.72.0.8",
	} {
		if own, gateway := linkTo(netip.MustParseAddr(addr)); own.String()+" "+gateway.String() != want {
			t.Errorf("%s: %v by %v, want %s", addr, own, gateway, want)
		}
	}
}

func TestRead(t *testing.T) {
	s, err := Read(strings.NewReader(`{"timing": {"connect": "2s"}, "networks": [{"plmn": "26201", "technology": "UMTS"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Timing.Connect != Duration(2*time.Second) || s.Timing.Boot != Default().Timing.Boot || s.Networks[0].Technology != modem.UMTS || s.Slots[0].SIM == nil {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{
		`{"slotz": []}`, `{"slots": []}`, `{"timing": {"boot": "-1s"}}`, `{"networks": [{"plmn": "abcde"}]}`,
		`{"slots": [{"sim": {"iccid": "89", "imsi": "001010", "mncDigits": 4}}]}`,
		`{"networks": [{"plmn": "00101", "apns": [{"name": "a", "families": "ipv4", "pool4": "10.0.0.0/30"}]}]}`,
		`{"networks": [null]}`, `{"networks": [{"plmn": "00101", "apns": [null]}]}`,
		`{"networks": [{"plmn": "00101", "apns": [{"name": "a"}]}]}`, `{"device": {"mbimex": "3.0"}}`,
	} {
		if _, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// FuzzRead: what is read as a scenario is one that a modem can have.
func FuzzRead(f *testing.F) {
	text, err := json.Marshal(Default())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"slots": [{"sim": null}], "networks": [{"plmn": "310410", "apns": [{"name": "a", "families": "ipv6", "pool6": "2001:db8::/32"}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := New(ctx, s); err != nil {
			t.Errorf("read and not taken: %v", err)
		}
	})
}
