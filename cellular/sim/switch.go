package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Service is what the SIM in use gives.
type Service uint8

// What it may give.
const (
	// Starting: it has not had the time yet.
	Starting Service = iota
	// Serving: all is well.
	Serving
	// NoNetwork: none is heard, or none takes the modem now.
	NoNetwork
	// Refused: the network refuses the SIM as such, see apn.Choice.Hopeless.
	Refused
	// NoData: registered, and no connection.
	NoData
	// Unreached: connected, and nobody answers at the far end.
	Unreached
	// Unusable: absent, blocked, or locked by a PIN that it cannot be given.
	Unusable
)

// String says the service in words.
func (s Service) String() string {
	words := []string{"is starting", "serves", "has no network", "is refused by the network", "has no data connection", "does not reach the far end", "cannot be used"}
	if int(s) < len(words) {
		return words[s]
	}
	return fmt.Sprintf("service %d", uint8(s))
}

// Policy is which of several SIMs to prefer, and how much patience to have.
type Policy struct {
	// Order is the slots, the preferred one first. There is at least one.
	Order []int
	// FailOver is how long a SIM may be without service before the next one has its
	// turn (0: 3 minutes), and Return for how long a SIM that failed is left alone
	// before it is preferred again (0: 30 minutes). Both double where it was in vain.
	FailOver, Return time.Duration
}

const (
	defaultFailOver = 3 * time.Minute
	defaultReturn   = 30 * time.Minute
	// longestPatience bounds what FailOver grows to: when all SIMs are without
	// network, the one whose network comes back first should not have to wait long.
	longestPatience = 15 * time.Minute
	// longestReturn bounds what Return grows to.
	longestReturn = 24 * time.Hour
)

// Decision is which slot to use.
type Decision struct {
	Slot int
	// Why says it in one line.
	Why string
	// Again is when the decision may be another if nothing changes; zero if never.
	Again time.Time
}

// Switch decides between the SIMs of a modem. It has no clock: times come in.
type Switch struct {
	policy  Policy
	current int
	why     string
	// without is since when the SIM in use has been without service, and with since
	// when it serves; one of them is zero.
	without, with time.Time
	slots         map[int]*slot
}

// slot is what is remembered of a slot.
type slot struct {
	iccid string
	// failures is how often in a row its SIM failed, the last time at failed, and it is
	// not preferred again before retry.
	failures      int
	failed, retry time.Time
	// good: it served when it was left for one that is preferred.
	good bool
	// unusable: the SIM in it cannot be used.
	unusable bool
	// empty is since when there is no SIM in it; zero if there is one.
	empty time.Time
}

// NewSwitch returns a Switch for a modem that uses the slot in use now. If that serves,
// which it does when only this process is new, a preferred one waits as if it had
// just failed.
func NewSwitch(now time.Time, policy Policy, inUse int, service Service) *Switch {
	policy.FailOver = cmp.Or(policy.FailOver, defaultFailOver)
	policy.Return = cmp.Or(policy.Return, defaultReturn)
	s := &Switch{policy: policy, current: policy.Order[0], why: "it is preferred", slots: make(map[int]*slot)}
	for _, number := range policy.Order {
		s.slots[number] = &slot{}
	}
	if service == Serving && slices.Contains(policy.Order, inUse) {
		s.current, s.why = inUse, "it serves"
		for _, preferred := range s.preferred() {
			s.slots[preferred].retry = now.Add(policy.Return)
		}
	}
	return s
}

// Decide says which slot to use, from what the modem tells of all and what the SIM in
// use gives. Call it when either changes, and at the time that the last Decision
// names. What it decides it takes for done: from then on the service is that of the
// other SIM, which begins as Starting.
func (s *Switch) Decide(now time.Time, slots []modem.Slot, service Service) Decision {
	s.look(now, slots)
	current := s.slots[s.current]
	switch {
	case service == Serving:
		s.serves(now, current)
	case s.without.IsZero():
		s.with, s.without = time.Time{}, now
	}
	if service == Unusable {
		current.unusable = true
	}
	why, leave := s.leave(now, current, service)
	if next, ok := s.next(); leave && ok {
		current.fail(now, s.policy.Return)
		s.use(now, next, why)
	} else if back, ok := s.back(now); ok && service == Serving {
		current.good = true
		s.use(now, back, s.slots[back].comesBack(now))
	}
	return Decision{Slot: s.current, Why: fmt.Sprintf("slot %d: %s", s.current, s.why), Again: s.again()}
}

// look takes in what the modem tells of its slots.
func (s *Switch) look(now time.Time, slots []modem.Slot) {
	for _, told := range slots {
		known, ours := s.slots[told.Number]
		switch {
		case !ours:
		case !told.Filled:
			if known.empty.IsZero() {
				known.empty = now
			}
		default:
			// A SIM that was out for as long was not a loose contact: somebody changed it,
			// or did something about it.
			changed := !known.empty.IsZero() && now.Sub(known.empty) >= s.policy.FailOver ||
				told.ICCID != "" && known.iccid != "" && told.ICCID != known.iccid
			if changed {
				*known = slot{iccid: known.iccid}
			} else if !known.empty.IsZero() {
				known.empty, known.unusable = time.Time{}, false
			}
			if told.ICCID != "" {
				known.iccid = told.ICCID
			}
		}
	}
}

// serves notes that the SIM in use serves. What it did wrong is forgotten when it has
// done so for as long as it would have been left alone.
func (s *Switch) serves(now time.Time, current *slot) {
	if s.with.IsZero() {
		s.with, s.without = now, time.Time{}
	}
	current.unusable = false
	if now.Sub(s.with) >= s.policy.Return {
		current.failures = 0
	}
}

// leave says whether the SIM in use has had its time, and what it did with it.
func (s *Switch) leave(now time.Time, current *slot, service Service) (why string, leave bool) {
	switch {
	case service == Serving:
		return "", false
	case !current.usable():
		return fmt.Sprintf("slot %d cannot be used", s.current), true
	case service == Refused && s.fresh(now):
		return fmt.Sprintf("slot %d %v", s.current, service), true
	case now.Sub(s.without) >= s.patience(current):
		return fmt.Sprintf("slot %d %v for %v", s.current, service, now.Sub(s.without).Round(time.Second)), true
	}
	return "", false
}

// fresh reports whether the next SIM has not just failed itself.
func (s *Switch) fresh(now time.Time) bool {
	next, ok := s.next()
	return ok && (s.slots[next].good || !now.Before(s.slots[next].retry))
}

// patience is for how long the SIM may be without service: longer each time, unless
// there is a better one.
func (s *Switch) patience(current *slot) time.Duration {
	if next, ok := s.next(); ok && s.slots[next].good {
		return s.policy.FailOver
	}
	return double(s.policy.FailOver, current.failures, max(s.policy.FailOver, longestPatience))
}

// next is the slot to go to from the one in use: of those that can be used one that
// was good, else the one that has not failed for the longest time.
func (s *Switch) next() (int, bool) {
	best, found := 0, false
	for _, number := range s.policy.Order {
		if number == s.current || !s.slots[number].usable() {
			continue
		}
		if !found || s.slots[number].before(s.slots[best]) {
			best, found = number, true
		}
	}
	return best, found
}

// back is the most preferred slot that may be returned to.
func (s *Switch) back(now time.Time) (int, bool) {
	for _, number := range s.preferred() {
		if slot := s.slots[number]; slot.usable() && !now.Before(slot.retry) {
			return number, true
		}
	}
	return 0, false
}

// preferred are the slots before the one in use.
func (s *Switch) preferred() []int {
	return s.policy.Order[:slices.Index(s.policy.Order, s.current)]
}

func (s *Switch) use(now time.Time, number int, why string) {
	s.current, s.why = number, why
	s.with, s.without = time.Time{}, now
}

// again is when time alone changes something.
func (s *Switch) again() time.Time {
	current := s.slots[s.current]
	if s.with.IsZero() {
		if _, ok := s.next(); !ok {
			return time.Time{}
		}
		return s.without.Add(s.patience(current))
	}
	var first time.Time
	for _, number := range s.preferred() {
		if slot := s.slots[number]; slot.usable() && (first.IsZero() || slot.retry.Before(first)) {
			first = slot.retry
		}
	}
	return first
}

func (t *slot) before(o *slot) bool {
	if t.good != o.good {
		return t.good
	}
	return t.failed.Before(o.failed)
}

func (t *slot) usable() bool { return !t.unusable && t.empty.IsZero() }

// fail notes that the SIM was left.
func (t *slot) fail(now time.Time, patience time.Duration) {
	t.failures++
	t.failed, t.good = now, false
	t.retry = now.Add(double(patience, t.failures-1, longestReturn))
}

// comesBack says why the SIM is used again, or now that it is there.
func (t *slot) comesBack(now time.Time) string {
	if t.failures == 0 {
		return "it is preferred"
	}
	return fmt.Sprintf("it is preferred and has been left alone for %v", now.Sub(t.failed).Round(time.Second))
}

// double doubles d n times, up to most.
func double(d time.Duration, n int, most time.Duration) time.Duration {
	for ; n > 0 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}
