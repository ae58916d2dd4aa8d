package apn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

var (
	start   = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	telekom = modem.SIM{State: modem.SIMReady, ICCID: "8949020000000000001", IMSI: "262011234567890", MNCDigits: 2}
	foreign = modem.SIM{State: modem.SIMReady, ICCID: "8999010000000000001", IMSI: "999011234567890", MNCDigits: 2}
)

// network answers attempts: nil is success.
type network func(c Choice) error

func refuse(cause modem.SessionCause) error { return modem.Refusal{Cause: cause} }

// try lets n attempts be made, each when it is due, until one succeeds. It returns
// the choices and the situation after them.
func try(s Situation, n int, answer network) ([]Choice, Situation) {
	var choices []Choice
	now := start
	for range n {
		c := s.Next()
		if c.NotBefore.After(now) {
			now = c.NotBefore
		}
		choices = append(choices, c)
		err := answer(c)
		if err == nil {
			return choices, s
		}
		s.History = s.History.With(c.Failed(s.Network, now, err))
		now = now.Add(100 * time.Millisecond)
	}
	return choices, s
}

// names lists the choices as explanations name them.
func names(choices []Choice) string {
	var words []string
	for _, c := range choices {
		words = append(words, label(c.APN, c.Own))
	}
	return strings.Join(words, ", ")
}

func TestOrder(t *testing.T) {
	known := &Variant{Name: "internet.telekom", Families: modem.IPv4}
	for _, test := range []struct {
		name string
		s    Situation
		want string
	}{
		{"data", Situation{SIM: telekom}, "empty apn, internet.t-d1.de, "},
		{"data of an unknown operator", Situation{SIM: foreign}, "empty apn"},
		{"attach", Situation{Use: Attach, SIM: telekom}, "the modem's own apn, empty apn, "},
		{"attach of an unknown operator", Situation{Use: Attach, SIM: foreign}, "the modem's own apn, empty apn"},
		{"known", Situation{SIM: telekom, Known: known}, "internet.telekom with ipv4, empty apn, "},
		{"known attach", Situation{Use: Attach, SIM: telekom, Known: known}, "internet.telekom with ipv4, the modem's own apn, empty apn, "},
		{"known, where families are given", Situation{SIM: telekom, Known: known, Families: modem.IPv6}, "internet.telekom with ipv6, empty apn with ipv6, "},
		{"known, and unknown to the database", Situation{SIM: foreign, Known: &Variant{Name: "corp"}}, "corp, empty apn"},
		{"known, with a password that is known no longer", Situation{SIM: foreign, Known: &Variant{Name: "corp", User: "branch"}}, "empty apn"},
		{"empty is what is known", Situation{SIM: telekom, Known: &Variant{Families: modem.IPv4}}, "empty apn with ipv4, internet.t-d1.de, "},
		{"configured", Situation{SIM: telekom, Configured: &modem.APN{Name: "corp"}}, "corp"},
		{"configured, another known", Situation{SIM: telekom, Configured: &modem.APN{Name: "corp"}, Known: known}, "corp"},
		{"configured, and known how", Situation{SIM: telekom, Configured: &modem.APN{Name: "corp", User: "u"}, Known: &Variant{Name: "corp", User: "u", Auth: modem.PAP, Families: modem.IPv6}}, "corp as u by pap with ipv6"},
		{"configured throughout, and known otherwise", Situation{Configured: &modem.APN{Name: "corp", User: "u", Auth: modem.CHAP, Families: modem.IPv4}, Known: &Variant{Name: "corp", User: "u", Auth: modem.PAP, Families: modem.IPv6}}, "corp as u by chap with ipv4"},
		{"configured to be empty", Situation{SIM: telekom, Configured: &modem.APN{}}, "empty apn"},
		{"configured attach APN", Situation{Use: Attach, SIM: telekom, Configured: &modem.APN{Name: "corp"}}, "corp"},
	} {
		t.Run(test.name, func(t *testing.T) {
			choices, _ := try(test.s, len(test.s.candidates()), func(Choice) error { return refuse(27) })
			got := names(choices)
			// What ends in a comma goes on with the database.
			if goesOn := strings.HasSuffix(test.want, ", "); goesOn && !strings.HasPrefix(got, test.want) || !goesOn && got != test.want {
				t.Errorf("tried %s; want %s", got, test.want)
			}
		})
	}
}

func TestNothingIsAskedOfTheModemThatTheSourceDoesNotSay(t *testing.T) {
	for _, s := range []Situation{{Use: Attach, SIM: foreign}, {Use: Attach, SIM: foreign, History: History{{Own: true, At: start, Reject: 19}}}} {
		if c := s.Next(); c.APN != (modem.APN{}) {
			t.Errorf("%s: %v", c.Why, c.APN)
		}
	}
	if c := (Situation{SIM: foreign}).Next(); c.APN != (modem.APN{Families: modem.IPv4v6}) {
		t.Errorf("%s: %v", c.Why, c.APN)
	}
}

func TestVariants(t *testing.T) {
	only := func(f modem.Families, cause modem.SessionCause) network {
		return func(c Choice) error {
			if c.APN.Families == f {
				return nil
			}
			return refuse(cause)
		}
	}
	account := &modem.APN{Name: "corp", User: "u", Password: "p"}
	for _, test := range []struct {
		name   string
		s      Situation
		answer network
		want   string
	}{
		{"only IPv4", Situation{SIM: foreign}, only(modem.IPv4, 50), "empty apn, empty apn with ipv4"},
		{"only IPv6", Situation{SIM: foreign}, only(modem.IPv6, 51), "empty apn, empty apn with ipv6"},
		{"one at a time", Situation{SIM: foreign}, only(modem.IPv4, 52), "empty apn, empty apn with ipv4"},
		{"one at a time, the other", Situation{SIM: foreign}, only(modem.IPv6, 52), "empty apn, empty apn with ipv4, empty apn with ipv6"},
		{"unknown type", Situation{SIM: foreign}, only(modem.IPv6, 28), "empty apn, empty apn with ipv4, empty apn with ipv6"},
		{"only both", Situation{SIM: foreign, Known: &Variant{Families: modem.IPv4}}, only(modem.IPv4v6, 57), "empty apn with ipv4, empty apn"},
		{"families are given", Situation{SIM: foreign, Families: modem.IPv6}, only(modem.IPv4, 50), "empty apn with ipv6, empty apn with ipv6, empty apn with ipv6, empty apn with ipv6"},
		{"families are configured", Situation{Configured: &modem.APN{Name: "corp", Families: modem.IPv6}}, only(modem.IPv4, 50), "corp with ipv6, corp with ipv6, corp with ipv6, corp with ipv6"},
		{"contradictory network", Situation{SIM: foreign}, func(c Choice) error {
			if c.APN.Families == modem.IPv4 {
				return refuse(51)
			}
			return refuse(50)
		}, "empty apn, empty apn with ipv4, empty apn with ipv6, empty apn"},
		{"by PAP", Situation{Configured: account}, func(c Choice) error {
			if c.APN.Auth == modem.PAP && c.APN.Password == "p" {
				return nil
			}
			return refuse(29)
		}, "corp as u by chap, corp as u by pap"},
		{"wrong password", Situation{Configured: account}, func(Choice) error { return refuse(29) }, "corp as u by chap, corp as u by pap, corp as u by chap, corp as u by pap"},
		{"authentication is configured", Situation{Configured: &modem.APN{Name: "corp", User: "u", Auth: modem.PAP}}, func(Choice) error { return refuse(29) }, "corp as u by pap, corp as u by pap, corp as u by pap, corp as u by pap"},
		{"no user", Situation{SIM: foreign}, func(Choice) error { return refuse(29) }, "empty apn, empty apn, empty apn, empty apn"},
		{"the other families, then unknown", Situation{Configured: account}, func(c Choice) error {
			if c.APN.Families == modem.IPv4 {
				return refuse(27)
			}
			return refuse(50)
		}, "corp as u by chap, corp as u by chap with ipv4, corp as u by chap with ipv4, corp as u by chap with ipv4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			choices, _ := try(test.s, 4, test.answer)
			if got := names(choices); got != test.want {
				t.Errorf("tried %s; want %s", got, test.want)
			}
		})
	}
}

// TestAnyNetworkIsFound: whatever single APN of the database a network takes, and
// whatever it says of others, it is found, in minutes.
func TestAnyNetworkIsFound(t *testing.T) {
	for _, sim := range []modem.SIM{telekom, {IMSI: "505021234567890", MNCDigits: 2}, {IMSI: "310410123456789"}, {IMSI: "234101234567890"}} {
		for _, e := range lookup(sim) {
			for _, cause := range []modem.SessionCause{0, 27, 33, 31, 30, 66, 96, 111} {
				choices, s := try(Situation{SIM: sim}, 100, func(c Choice) error {
					if c.APN.Name == e.apn.Name && c.APN.User == e.apn.User {
						return nil
					}
					return refuse(cause)
				})
				last := choices[len(choices)-1]
				if last.APN.Name != e.apn.Name || last.APN.User != e.apn.User {
					t.Fatalf("%s with cause %d is not found, but %s", e.apn.Name, cause, names(choices))
				}
				if took := s.History.duration(); took > 15*time.Minute {
					t.Errorf("%s with cause %d took %v", e.apn.Name, cause, took)
				}
			}
		}
	}
}

func (h History) duration() time.Duration {
	if len(h) == 0 {
		return 0
	}
	return h[len(h)-1].At.Sub(h[0].At)
}

// TestOutageForOneAPNMovesOn: some networks claim to be out of order when they do
// not know an APN.
func TestOutageForOneAPNMovesOn(t *testing.T) {
	choices, s := try(Situation{SIM: telekom}, 100, func(c Choice) error {
		if c.APN.Name == "internet.telekom" {
			return nil
		}
		return refuse(38)
	})
	last := choices[len(choices)-1]
	if last.APN.Name != "internet.telekom" {
		t.Errorf("tried %s", names(choices))
	}
	if took := s.History.duration(); took > 3*time.Hour {
		t.Errorf("took %v", took)
	}
	if got := names(choices[:4]); got != "empty apn, empty apn, empty apn, internet.t-d1.de" {
		t.Errorf("tried %s", got)
	}
}

func TestAnotherNetworkIsAskedAtOnce(t *testing.T) {
	s := Situation{SIM: foreign, Network: "99901"}
	_, s = try(s, 1, func(Choice) error { return refuse(33) })
	if c := s.Next(); c.NotBefore.Sub(start) < 12*time.Minute {
		t.Errorf("the network that refused is asked again %v after", c.NotBefore.Sub(start))
	}
	s.Network = "99902"
	if c := s.Next(); !c.NotBefore.IsZero() {
		t.Errorf("another network is asked not before %v", c.NotBefore)
	}
}

func TestExplanations(t *testing.T) {
	refused := func(causes ...modem.SessionCause) func(Situation) Situation {
		return func(s Situation) Situation {
			_, s = try(s, len(causes), func(Choice) error {
				cause := causes[0]
				causes = causes[1:]
				return refuse(cause)
			})
			return s
		}
	}
	for _, test := range []struct {
		s    Situation
		then func(Situation) Situation
		want string
	}{
		{Situation{SIM: telekom}, nil, "empty apn (the network decides)"},
		{Situation{Use: Attach, SIM: telekom}, nil, "the modem's own apn (left as it is)"},
		{Situation{SIM: telekom, Known: &Variant{Name: "internet.telekom"}}, nil, "apn internet.telekom (worked before)"},
		{Situation{Configured: &modem.APN{Name: "corp", User: "branch", Password: "hidden"}}, nil, "apn corp as branch by chap (configured)"},
		{
			Situation{SIM: modem.SIM{IMSI: "228011234567890", MNCDigits: 2}}, refused(27),
			"apn gprs.swisscom.ch (database: Swisscom, tried 2nd; empty apn was refused: the network does not know the APN (cause 27))",
		},
		{
			Situation{SIM: telekom, Configured: &modem.APN{Name: "corp"}}, refused(50, 33),
			"apn corp with ipv4 (configured, tried 3rd; corp with ipv4 was refused: not in the subscription: the APN or its IP type (cause 33); nothing else is tried, as it is configured; ask the operator what the SIM may use)",
		},
		{
			Situation{SIM: foreign}, refused(8),
			"empty apn (the network decides, tried 2nd; empty apn was refused: the operator bars it (cause 8); ask the operator why the SIM is barred)",
		},
		{
			Situation{Use: Attach, SIM: foreign}, func(s Situation) Situation {
				s.History = s.History.With(s.Next().Rejected(start, 19))
				return s
			},
			"empty apn (the network decides, tried 2nd; the modem's own apn was refused: the network refused the data connection that goes with registration: check the attach APN (cause 19))",
		},
		{
			Situation{SIM: foreign}, func(s Situation) Situation {
				s.History = s.History.With(s.Next().Failed("", start, errors.New("no answer in 180 s")))
				return s
			},
			"empty apn (the network decides, tried 2nd; empty apn was refused: no answer in 180 s)",
		},
	} {
		if test.then != nil {
			test.s = test.then(test.s)
		}
		if got := test.s.Next().Why; got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 101: "101st", 111: "111th"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}

func TestPasswordsAreInNoExplanation(t *testing.T) {
	s := Situation{Configured: &modem.APN{Name: "corp", User: "branch", Password: "hidden"}}
	_, s = try(s, 3, func(Choice) error { return refuse(29) })
	if text := fmt.Sprintf("%v %+v %#v %s", s.Next(), s, s, s.Next().Why); strings.Contains(text, "hidden") {
		t.Errorf("the password shows in %s", text)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	_, s := try(Situation{SIM: telekom}, 3*maxAttempts, func(Choice) error { return refuse(27) })
	if len(s.History) != maxAttempts {
		t.Errorf("the history has %d attempts", len(s.History))
	}
	if !slices.IsSortedFunc(s.History, func(a, b Attempt) int { return a.At.Compare(b.At) }) {
		t.Error("the history is out of order")
	}
}

// TestHistoryOutlivesTheProcess: a router process that is new takes up the history
// of the last one, without its passwords, and goes on as that would have.
func TestHistoryOutlivesTheProcess(t *testing.T) {
	causes := []modem.SessionCause{50, 29, 27, 33, 52, 28, 38, 8, 0}
	for seed := range 200 {
		s := Situation{SIM: telekom, Network: "26201"}
		if seed%2 == 0 {
			s.Configured = &modem.APN{Name: "corp", User: "branch", Password: "hidden"}
		}
		n := 0
		_, s = try(s, 1+seed%20, func(Choice) error {
			n++
			return refuse(causes[(seed*7+n*n)%len(causes)])
		})
		text, err := json.Marshal(s.History)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "hidden") {
			t.Fatalf("the password is in %s", text)
		}
		again := s
		again.History = nil
		if err := json.Unmarshal(text, &again.History); err != nil {
			t.Fatal(err)
		}
		if before, after := s.Next(), again.Next(); before != after {
			t.Errorf("seed %d: %+v, then %+v", seed, before, after)
		}
	}
}
