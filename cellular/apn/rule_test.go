package apn

import (
	"fmt"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// attempts are how many are made in the time after the first, if all end with the
// same answer.
func attempts(s Situation, period time.Duration, answer func(Choice, time.Time) Attempt) int {
	now := start
	for n := 0; ; n++ {
		c := s.Next()
		if c.NotBefore.After(now) {
			now = c.NotBefore
		}
		if now.Sub(start) > period {
			return n
		}
		s.History = s.History.With(answer(c, now))
	}
}

// TestNobodyHammers counts what a network sees of a box that it always refuses, by
// cause: in the first hour, and in a day. Where the operator has dozens of virtual
// ones, each has its turn.
func TestNobodyHammers(t *testing.T) {
	many := modem.SIM{ICCID: "8961020000000000001", IMSI: "505021234567890", MNCDigits: 2}
	if count := len(Situation{SIM: many}.candidates()); count < 15 {
		t.Fatalf("there are %d candidates only", count)
	}
	for _, test := range []struct {
		sim       modem.SIM
		hour, day int // what is allowed
	}{{foreign, 24, 300}, {many, 130, 900}} {
		check := func(use Use, template Attempt) {
			answer := func(c Choice, now time.Time) Attempt {
				template.APN, template.Own, template.At = c.APN, c.Own, now
				return template
			}
			s := Situation{Use: use, SIM: test.sim}
			hour, day := attempts(s, time.Hour, answer), attempts(s, 24*time.Hour, answer)
			t.Logf("%v of %s, %s: %d in an hour, %d in a day", use, test.sim.IMSI[:5], template.Cause(), hour, day)
			if hour > test.hour || day > test.day {
				t.Errorf("%v of %s, %s: %d attempts in an hour, %d in a day; %d and %d are allowed", use, test.sim.IMSI[:5], template.Cause(), hour, day, test.hour, test.day)
			}
		}
		for _, cause := range representatives(sessionRules, 28, 29, 50, 51, 52, 57) {
			check(Data, Attempt{Session: cause})
		}
		for _, cause := range representatives(rejectRules) {
			check(Attach, Attempt{Reject: cause})
		}
	}
}

// representatives returns a cause for each rule, those that are special, and one
// without a rule.
func representatives[C ~uint8](rules map[C]rule, special ...C) []C {
	causes := append(special, 255)
	seen := make(map[rule]bool)
	for cause := range C(255) {
		if r, ok := rules[cause]; ok && !seen[r] {
			seen[r] = true
			causes = append(causes, cause)
		}
	}
	return causes
}

// TestWaits says for some causes what the network sees, with the spread left out.
func TestWaits(t *testing.T) {
	for _, test := range []struct {
		name     string
		a        Attempt
		waits    string
		hopeless bool
	}{
		{"unknown APN", Attempt{Session: 27}, "12m0s 24m0s 48m0s 1h36m0s 2h0m0s 2h0m0s", false},
		{"not subscribed", Attempt{Session: 33}, "12m0s 24m0s 48m0s 1h36m0s 3h12m0s 6h24m0s", false},
		{"barred", Attempt{Session: 8}, "12m0s 24m0s 48m0s 1h36m0s 3h12m0s 6h24m0s", true},
		{"no resources", Attempt{Session: 26}, "1m0s 2m0s 4m0s 8m0s 16m0s 30m0s", false},
		{"network failure", Attempt{Session: 38}, "10s 20s 40s 1m20s 2m40s 5m20s", false},
		{"reactivation requested", Attempt{Session: 39}, "5s 10s 20s 40s 1m20s 2m40s", false},
		{"unheard-of session cause", Attempt{Session: 200}, "1m0s 2m0s 4m0s 8m0s 16m0s 32m0s", false},
		{"no cause", Attempt{Reason: "no answer"}, "1m0s 2m0s 4m0s 8m0s 16m0s 32m0s", false},
		{"illegal UE", Attempt{Reject: 3}, "24h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s", true},
		{"PLMN not allowed", Attempt{Reject: 11}, "5m0s 10m0s 20m0s 40m0s 1h0m0s 1h0m0s", false},
		{"congestion", Attempt{Reject: 22}, "1m0s 2m0s 4m0s 8m0s 16m0s 30m0s", false},
		{"the session's cause is the more precise one", Attempt{Reject: 19, Session: 26}, "1m0s 2m0s 4m0s 8m0s 16m0s 30m0s", false},
	} {
		var waits string
		for n := range 6 {
			if n > 0 {
				waits += " "
			}
			waits += fmt.Sprint(test.a.rule().wait(n + 1))
		}
		if waits != test.waits || test.a.rule().hopeless != test.hopeless {
			t.Errorf("%s: waits %s, hopeless %v; want %s, %v", test.name, waits, test.a.rule().hopeless, test.waits, test.hopeless)
		}
	}
}

func TestEveryRuleWaits(t *testing.T) {
	for cause, r := range sessionRules {
		if r.first <= 0 || r.most < r.first {
			t.Errorf("session cause %d: %v to %v", cause, r.first, r.most)
		}
	}
	for cause, r := range rejectRules {
		if r.first <= 0 || r.most < r.first {
			t.Errorf("reject cause %d: %v to %v", cause, r.first, r.most)
		}
	}
}

// TestEveryCauseWithWordsHasARule compares with the words that package modem has for
// causes: those print as more than their number.
func TestEveryCauseWithWordsHasARule(t *testing.T) {
	for cause := range 256 {
		bare := fmt.Sprintf("cause %d", cause)
		if s := modem.SessionCause(cause); s.String() != bare {
			if _, ok := sessionRules[s]; !ok {
				t.Errorf("session: %v has no rule", s)
			}
		}
		if r := modem.RejectCause(cause); r.String() != bare {
			if _, ok := rejectRules[r]; !ok {
				t.Errorf("reject: %v has no rule", r)
			}
		}
	}
}

// TestFleetSpreads: a hundred SIMs that are refused at once do not all come back in
// the same moment.
func TestFleetSpreads(t *testing.T) {
	seconds := make(map[int]int)
	for n := range 100 {
		s := Situation{SIM: modem.SIM{ICCID: fmt.Sprintf("894902000000000%04d", n), IMSI: "999011234567890", MNCDigits: 2}}
		s.History = s.History.With(s.Next().Failed("", start, modem.Refusal{Cause: 27}))
		wait := s.Next().NotBefore.Sub(start)
		if wait < 12*time.Minute || wait >= 15*time.Minute {
			t.Errorf("SIM %d waits %v", n, wait)
		}
		seconds[int(wait/time.Second)]++
	}
	for second, n := range seconds {
		if n > 10 {
			t.Errorf("%d of 100 come back after %d s", n, second)
		}
	}
}

func TestHopelessIsSaid(t *testing.T) {
	s := Situation{Use: Attach, SIM: foreign}
	s.History = s.History.With(s.Next().Rejected(start, 3))
	if c := s.Next(); !c.Hopeless || c.NotBefore.Sub(start) < 24*time.Hour {
		t.Errorf("after an illegal SIM: hopeless %v, again after %v", c.Hopeless, c.NotBefore.Sub(start))
	}
	s.History = History{}.With(s.Next().Rejected(start, 17))
	if s.Next().Hopeless {
		t.Error("a network that has failed is hopeless")
	}
}
