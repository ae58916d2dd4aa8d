package session

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"
)

var exploreFaults = flag.Int("explore.faults", 0, "how many faults of the network each case is explored with")

// instance is a case with all that it leaves open decided.
type instance struct {
	*collision
	mirrored bool
	lowest   nonce
}

// explorer walks through all that can come of one universe.
type explorer struct {
	instance
	seen  map[uint64]struct{}
	rests int
}

// activeTime is how long the network and the operators may do their worst, and
// restTime how long the two then have to agree.
const (
	activeTime = 35 * time.Second
	restTime   = 150 * time.Second
)

// walk goes on in every way from u.
func (x *explorer) walk(u *universe) (*universe, error) {
	if u.settled() {
		if err := x.rest(u); err == nil || u.now >= u.quiet+restTime {
			x.rests++
			return u, err
		}
	}
	if u.now >= u.quiet && u.before != nil && u.before.now < u.quiet && u.able() {
		return nil, nil // what is left to do was done earlier elsewhere
	}
	for _, m := range u.moves() {
		next, err := u.make(m)
		if err == nil && next != nil {
			err = x.check(next)
		}
		if err != nil {
			return next, err
		}
		if next == nil {
			continue
		}
		digest := next.digest()
		if _, known := x.seen[digest]; known {
			continue
		}
		x.seen[digest] = struct{}{}
		if bad, err := x.walk(next); err != nil {
			return bad, err
		}
	}
	return nil, nil
}

// settled reports whether nothing is going on.
func (u *universe) settled() bool {
	if u.now < u.quiet || len(u.flying) > 0 {
		return false
	}
	for _, e := range u.ends {
		for _, sa := range e.session.state.SAs {
			if sa.Request != nil {
				return u.now >= u.quiet+restTime
			}
		}
	}
	return true
}

// able reports whether a side could still do something.
func (u *universe) able() bool {
	for _, e := range u.ends {
		if len(e.todo) > 0 && e.todo[0].can(e.session) {
			return true
		}
	}
	return false
}

// check demands what must hold at every moment.
func (x *explorer) check(u *universe) error {
	if u.gap > x.gap {
		return fmt.Errorf("traffic stands still for %v, allowed are %v: %w", u.gap, x.gap, u.traffic())
	}
	for _, event := range u.events {
		if x.gap == 0 && (event.Kind == Lost || event.Kind == Failed) {
			return fmt.Errorf("an event: %s", event.Text)
		}
	}
	for _, e := range u.ends {
		if s := e.session.State(); len(s.SAs) > 5 || len(s.Children) > 5 {
			return fmt.Errorf("%s holds %d IKE SAs and %d child SAs", e.name, len(s.SAs), len(s.Children))
		}
	}
	if u.sent > 150 {
		return fmt.Errorf("%d messages were sent", u.sent)
	}
	return nil
}

// rest demands that both agree once nothing is going on any more.
func (x *explorer) rest(u *universe) error {
	sas, children := 1, 1
	switch x.left {
	case ikeOnly:
		children = 0
	case nothing:
		sas, children = 0, 0
	}
	for _, e := range u.ends {
		if s := e.session.State(); len(s.SAs) != sas || len(s.Children) != children || len(e.kernel) != 2*children {
			return fmt.Errorf("%s ends with %d IKE SAs, %d child SAs and %d SAs in the kernel", e.name, len(s.SAs), len(s.Children), len(e.kernel))
		}
	}
	if x.left != everything {
		return nil
	}
	a, b := u.ends[0].session.state.SAs[0], u.ends[1].session.state.SAs[0]
	if a.SPIi != b.SPIi || a.SPIr != b.SPIr || a.Initiator == b.Initiator {
		return fmt.Errorf("the IKE SAs differ: %s and %s", a, b)
	}
	return u.traffic()
}

// TestExplore finds every way in which two Sessions can get through what is
// listed in collision_test.go, with their real messages and keys, in virtual
// time. From each state it goes on by every move: any message that flies arrives,
// before or after any other; a message is held, and so lost, or late by as much as
// the peer repeats it, or it arrives and a copy is held; what was held arrives;
// either side carries out its next command; time passes to the next deadline.
// Orders, commands and deadlines are free; each message held or copied is a
// fault, of which a run has a given number. States that have the same future
// are gone on from once. A restart between any two moves is covered as well: each
// State is compared with what is restored of it.
//
// At every moment: no SA is installed twice or removed that is not there, no two
// messages leave under one message id, lists and messages stay few, and traffic
// flows both ways by SAs of both kernels, or stands still for no longer than the
// case allows. It does where a child SA or the IKE SA is deleted (the next one
// takes a round trip, from a peer that told us nothing the time to notice).
// At rest: both have the same one IKE SA, one child SA and two SAs in the kernel,
// or nothing where that is the purpose.
//
// Every case is explored with either side in either part, and where nonces
// decide with each of the four the lowest. Without faults that is some 25,000
// states, with one more than half a million, with two several millions:
//
//	go test ./ikev2/session -run '^TestExplore$' -explore.faults 1
//
// Additional key exchanges (RFC 9370) are not part of it.
func TestExplore(t *testing.T) {
	for _, c := range collisions(t) {
		t.Run(c.name, func(t *testing.T) {
			states, rests := 0, 0
			for _, i := range c.instances() {
				x := &explorer{instance: i, seen: map[uint64]struct{}{}}
				bad, err := x.walk(x.begin(t))
				states, rests = states+len(x.seen), rests+x.rests
				if err != nil {
					t.Fatalf("mirrored %v, lowest nonce %+v, state %d: %v\n%v", x.mirrored, x.lowest, states, err, bad)
				}
			}
			t.Logf("%d states, %d ends", states, rests)
		})
	}
}

// instances returns the case in every form that makes a difference.
func (c *collision) instances() (all []instance) {
	lowest := []nonce{spokeAsks}
	if c.race {
		lowest = []nonce{spokeAsks, hubAnswers, hubAsks, spokeAnswers}
	}
	alike := slices.EqualFunc(c.one, c.other, func(a, b command) bool { return a.name == b.name })
	for _, n := range lowest {
		all = append(all, instance{c, false, n})
		if !alike {
			all = append(all, instance{c, true, n})
		}
	}
	return all
}

// begin returns the universe in which the case begins.
func (x *explorer) begin(t *testing.T) *universe {
	t.Helper()
	u := meet(x.spoke, x.hub)
	u.laws.lowest = x.lowest
	if x.from != apart {
		var err error
		u.ends[0].todo = does(want)
		u, err = u.make(move{act, 0})
		for err == nil && len(u.flying) > 0 {
			u, err = u.make(move{deliver, 0})
		}
		if err == nil {
			err = u.traffic()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	u.faults, u.quiet = *exploreFaults, u.now+activeTime
	u.before, u.sent, u.broken, u.gap = nil, 0, 0, 0
	u.ends = [2]*end{u.ends[0].fork(), u.ends[1].fork()}
	u.ends[0].todo, u.ends[1].todo = x.one, x.other
	if x.mirrored {
		u.ends[0].todo, u.ends[1].todo = x.other, x.one
	}
	for i, e := range u.ends {
		e.session.state.Wanted = x.both || !x.neither && (i == 0)
		if x.from == childless {
			e.session.removeChild(e.session.current())
			e.kernel = nil
		}
	}
	if x.later != nil {
		u.ends[1].session.config = *x.later
	}
	return u
}
