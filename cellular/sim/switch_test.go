package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

var (
	noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	both = []modem.Slot{{Number: 1, Filled: true, ICCID: "1"}, {Number: 2, Filled: true, ICCID: "2"}}
	only = func(filled int) []modem.Slot {
		return []modem.Slot{{Number: 1, Filled: filled == 1}, {Number: 2, Filled: filled == 2}}
	}
)

// step is what is so from a time on.
type step struct {
	after   time.Duration // noon
	slots   []modem.Slot
	service Service
	want    string // the Decision's Why, and Again as a duration after noon
}

func TestSwitch(t *testing.T) {
	twins := Policy{Order: []int{1, 2}}
	for _, test := range []struct {
		name    string
		policy  Policy
		inUse   int
		service Service
		steps   []step
	}{
		{"all is well", twins, 1, Starting, []step{
			{0, both, Starting, "slot 1: it is preferred, 3m0s"},
			{10 * time.Second, both, Serving, "slot 1: it is preferred"},
			{9 * time.Hour, both, Serving, "slot 1: it is preferred"},
		}},
		{"a short failure changes nothing", twins, 1, Serving, []step{
			{0, both, Serving, "slot 1: it serves"},
			{time.Hour, both, NoNetwork, "slot 1: it serves, 1h3m0s"},
			{time.Hour + 179*time.Second, both, NoNetwork, "slot 1: it serves, 1h3m0s"},
			{time.Hour + 180*time.Second, both, Serving, "slot 1: it serves"},
		}},
		{"fail-over and return", twins, 1, Serving, []step{
			{0, both, Serving, "slot 1: it serves"},
			{time.Minute, both, NoData, "slot 1: it serves, 4m0s"},
			{4 * time.Minute, both, NoData, "slot 2: slot 1 has no data connection for 3m0s, 7m0s"},
			{5 * time.Minute, both, Serving, "slot 2: slot 1 has no data connection for 3m0s, 34m0s"},
			{34 * time.Minute, both, Serving, "slot 1: it is preferred and has been left alone for 30m0s, 37m0s"},
			{35 * time.Minute, both, Serving, "slot 1: it is preferred and has been left alone for 30m0s"},
			// It serves, but not for long: the next return takes twice as long.
			{40 * time.Minute, both, Unreached, "slot 1: it is preferred and has been left alone for 30m0s, 43m0s"},
			{43 * time.Minute, both, Unreached, "slot 2: slot 1 does not reach the far end for 3m0s, 46m0s"},
			{44 * time.Minute, both, Serving, "slot 2: slot 1 does not reach the far end for 3m0s, 1h43m0s"},
			{103 * time.Minute, both, Serving, "slot 1: it is preferred and has been left alone for 1h0m0s, 1h46m0s"},
			// Now it serves for long enough to be trusted again.
			{107 * time.Minute, both, Serving, "slot 1: it is preferred and has been left alone for 1h0m0s"},
			{137 * time.Minute, both, Serving, "slot 1: it is preferred and has been left alone for 1h0m0s"},
			{138 * time.Minute, both, NoData, "slot 1: it is preferred and has been left alone for 1h0m0s, 2h21m0s"},
		}},
		{"a refusal is not waited for", twins, 1, Starting, []step{
			{time.Second, both, Refused, "slot 2: slot 1 is refused by the network, 3m1s"},
			{2 * time.Second, both, Refused, "slot 2: slot 1 is refused by the network, 3m1s"},
			{181 * time.Second, both, Refused, "slot 1: slot 2 is refused by the network for 3m0s, 9m1s"},
		}},
		{"all fail, and take turns with growing patience", twins, 1, Starting, []step{
			{0, both, NoNetwork, "slot 1: it is preferred, 3m0s"},
			{3 * time.Minute, both, NoNetwork, "slot 2: slot 1 has no network for 3m0s, 6m0s"},
			{6 * time.Minute, both, NoNetwork, "slot 1: slot 2 has no network for 3m0s, 12m0s"},
			{12 * time.Minute, both, NoNetwork, "slot 2: slot 1 has no network for 6m0s, 18m0s"},
			{18 * time.Minute, both, NoNetwork, "slot 1: slot 2 has no network for 6m0s, 30m0s"},
			{30 * time.Minute, both, NoNetwork, "slot 2: slot 1 has no network for 12m0s, 42m0s"},
			{42 * time.Minute, both, NoNetwork, "slot 1: slot 2 has no network for 12m0s, 57m0s"},
			{57 * time.Minute, both, NoNetwork, "slot 2: slot 1 has no network for 15m0s, 1h12m0s"},
		}},
		{"an absent SIM is skipped", twins, 1, Starting, []step{
			{0, only(2), Unusable, "slot 2: slot 1 cannot be used"},
			{time.Minute, only(2), NoNetwork, "slot 2: slot 1 cannot be used"},
			{time.Hour, only(2), NoNetwork, "slot 2: slot 1 cannot be used"},
		}},
		{"a SIM that is put in is preferred", twins, 1, Starting, []step{
			{0, only(2), Unusable, "slot 2: slot 1 cannot be used"},
			{time.Minute, only(2), Serving, "slot 2: slot 1 cannot be used"},
			{5 * time.Minute, both, Serving, "slot 1: it is preferred, 8m0s"},
		}},
		{"a loose contact is no new SIM", twins, 1, Serving, []step{
			{0, both, Serving, "slot 1: it serves"},
			{time.Minute, only(2), Unusable, "slot 2: slot 1 cannot be used"},
			{2 * time.Minute, both, Serving, "slot 2: slot 1 cannot be used, 31m0s"},
			{31 * time.Minute, both, Serving, "slot 1: it is preferred and has been left alone for 30m0s, 34m0s"},
		}},
		{"another SIM in the same slot has not failed", twins, 1, Starting, []step{
			{0, both, Unusable, "slot 2: slot 1 cannot be used"},
			{time.Minute, both, Serving, "slot 2: slot 1 cannot be used"},
			{2 * time.Minute, []modem.Slot{{Number: 1, Filled: true, ICCID: "3"}, both[1]}, Serving, "slot 1: it is preferred, 5m0s"},
		}},
		{"a blocked SIM is skipped, for as long as it takes", twins, 1, Starting, []step{
			{0, both, Unusable, "slot 2: slot 1 cannot be used"},
			{time.Minute, both, NoData, "slot 2: slot 1 cannot be used"},
			{48 * time.Hour, both, NoData, "slot 2: slot 1 cannot be used"},
		}},
		{"a new process does not disturb what serves", twins, 2, Serving, []step{
			{0, both, Serving, "slot 2: it serves, 30m0s"},
			{30 * time.Minute, both, Serving, "slot 1: it is preferred, 33m0s"},
		}},
		{"a box that starts begins with the preferred one", twins, 2, Starting, []step{
			{0, both, Starting, "slot 1: it is preferred, 3m0s"},
		}},
		{"the second slot may be the preferred one", Policy{Order: []int{2, 1}, FailOver: time.Minute, Return: time.Hour}, 1, Starting, []step{
			{0, both, NoNetwork, "slot 2: it is preferred, 1m0s"},
			{time.Minute, both, NoNetwork, "slot 1: slot 2 has no network for 1m0s, 2m0s"},
			{2 * time.Minute, both, Serving, "slot 1: slot 2 has no network for 1m0s, 1h1m0s"},
		}},
		{"a slot that is not configured does not exist", Policy{Order: []int{1}}, 2, Serving, []step{
			{0, both, NoNetwork, "slot 1: it is preferred"},
			{time.Hour, both, Unusable, "slot 1: it is preferred"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewSwitch(noon, test.policy, test.inUse, test.service)
			for _, step := range test.steps {
				d := s.Decide(noon.Add(step.after), step.slots, step.service)
				got := d.Why
				if !d.Again.IsZero() {
					got += fmt.Sprintf(", %v", d.Again.Sub(noon))
				}
				if got != step.want || !strings.HasPrefix(d.Why, fmt.Sprintf("slot %d: ", d.Slot)) {
					t.Errorf("after %v: slot %d, %q; want %q", step.after, d.Slot, got, step.want)
				}
			}
		})
	}
}

// TestSwitchCalmsDown lets the preferred SIM fail a minute after each return, for a
// week.
func TestSwitchCalmsDown(t *testing.T) {
	s := NewSwitch(noon, Policy{Order: []int{1, 2}}, 1, Starting)
	changes, used := 0, 1
	var since time.Time
	for now := noon; now.Sub(noon) < 7*24*time.Hour; now = now.Add(30 * time.Second) {
		service := Serving
		if used == 1 && now.Sub(since) > time.Minute {
			service = Unreached
		}
		if d := s.Decide(now, both, service); d.Slot != used {
			changes++
			used, since = d.Slot, now
		}
	}
	if changes > 30 {
		t.Errorf("%d changes in a week", changes)
	}
}

// TestSwitchNeverRestsOnWhatFails: after any history the only SIM that serves is in
// use within an hour, and remains so but for looks at the preferred one.
func TestSwitchNeverRestsOnWhatFails(t *testing.T) {
	services := []Service{NoNetwork, Refused, NoData, Unreached, Serving}
	for seed := range 300 {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		s := NewSwitch(noon, Policy{Order: []int{1, 2, 3}}, 1+r.IntN(3), services[r.IntN(len(services))])
		three := append([]modem.Slot{{Number: 3, Filled: true, ICCID: "3"}}, both...)
		now, slot := noon, 1
		var gives [4]Service
		for range 200 {
			for i := range gives {
				gives[i] = services[r.IntN(len(services))]
			}
			for range 20 {
				slot = s.Decide(now, three, gives[slot]).Slot
				now = now.Add(time.Duration(r.IntN(120)) * time.Second)
			}
		}
		gives = [4]Service{1: NoNetwork, 2: Serving, 3: NoData}
		const found, watched, pause = time.Hour, 6 * time.Hour, 30 * time.Second
		var served time.Duration
		for begin := now; now.Sub(begin) < found+watched; now = now.Add(pause) {
			if slot = s.Decide(now, three, gives[slot]).Slot; slot == 2 && now.Sub(begin) >= found {
				served += pause
			}
		}
		if served < watched*8/10 {
			t.Errorf("seed %d: the SIM that serves is in use for %v of %v", seed, served, watched)
		}
	}
}

func TestServiceInWords(t *testing.T) {
	for want, service := range map[string]Service{"serves": Serving, "cannot be used": Unusable, "service 9": 9} {
		if service.String() != want {
			t.Errorf("%q, want %q", service, want)
		}
	}
}
