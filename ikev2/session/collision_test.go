package session

import (
	"testing"
	"time"
)

// collision is what two Sessions do to each other.
type collision struct {
	name       string
	spoke, hub Config
	// one and other are what the two sides do, one after another, at any time.
	one, other []command
	// apart says that there is no SA at first.
	apart bool
	// gap is how long traffic may stand still, ends says that nothing is left.
	gap  Instant
	ends bool
}

var (
	always   = func(*Session) bool { return true }
	hasChild = func(s *Session) bool { return s.current() != nil }
	isUp     = func(s *Session) bool { return s.up() != nil }

	want       = command{"wants an SA", always, func(s *Session) { s.state.Wanted, s.state.Closing = true, false }}
	rekeyChild = command{"rekeys the child SA", hasChild, func(s *Session) { s.current().RekeyAt = s.now }}
	rekeyIKE   = command{"rekeys the IKE SA", isUp, func(s *Session) { s.up().RekeyAt = s.now }}
)

func collisions(t *testing.T) []collision {
	c := config(t, testIKE, testESP)
	c.Lifetime, c.IKELifetime = 2*time.Hour, 24*time.Hour
	var all []collision
	add := func(name string, one, other []command, change ...func(*collision)) {
		x := collision{name: name, spoke: c, hub: c, one: one, other: other}
		for _, f := range change {
			f(&x)
		}
		all = append(all, x)
	}
	add("child rekey", []command{rekeyChild}, nil)
	add("child rekey collision", []command{rekeyChild}, []command{rekeyChild})
	add("IKE rekey", []command{rekeyIKE}, nil)
	add("IKE rekey collision", []command{rekeyIKE}, []command{rekeyIKE})
	add("child rekey and IKE rekey", []command{rekeyChild}, []command{rekeyIKE})
	return all
}
