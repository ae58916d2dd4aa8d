package nat64

import (
	"slices"
	"time"
)

// Finder knows the prefix to use, and when to ask for it. It is fed with what the
// network says and with instants, durations since whenever. The zero Finder knows
// nothing and asks at once.
//
// Routers are asked and name servers are, both at the beginning, so that the first
// answer is not waited for longer than needed. What a router says is preferred (RFC
// 8781, 5.1), and name servers are not asked again while it holds. An advertised
// prefix ends with its lifetime. One that DNS gave is asked for again before its time
// to live ends, and is kept while nobody answers: it ends when an answer says so.
// Among prefixes of one kind that which is in use stays.
type Finder struct {
	current Prefix
	// advertised are the offers of routers that hold, answered those of DNS.
	advertised []advertised
	answered   []Prefix
	// renewal is when what is advertised should have been so again.
	renewal time.Duration
	// routers and servers are the two that can be asked.
	routers, servers schedule
}

// advertised is an offer with the instants at which it came and ends.
type advertised struct {
	prefix    Prefix
	came, end time.Duration
}

// schedule is when to ask, and how often was asked in vain. There may be no need to.
type schedule struct {
	next  time.Duration
	tries int
	idle  bool
}

const (
	// solicitations are sent at most one after the other, with an interval
	// (RFC 4861, 10).
	solicitations        = 3
	solicitationInterval = 4 * time.Second
	// maxHeld bounds how many prefixes are held.
	maxHeld = 8
	// minLifetime is that of an answer which may be for less, so that a name server
	// is not asked all the time.
	minLifetime = 60 * time.Second
	// early is how long before the end of an answer it is asked for again (RFC
	// 7050, 3), unless half of its lifetime is less.
	early = 10 * time.Second
	// firstRetry and lastRetry bound the pause after a question that nobody
	// answered; each doubles it. That there is no NAT64 is asked again after
	// the last one.
	firstRetry = 2 * time.Second
	lastRetry  = 60 * time.Second
)

// Advertised says that a router has advertised, with the offers that there were.
func (f *Finder) Advertised(now time.Duration, offers []Offer) {
	for _, o := range offers {
		f.advertised = slices.DeleteFunc(f.advertised, func(a advertised) bool { return a.prefix == o.Prefix })
		if o.Lifetime > 0 && len(f.advertised) < maxHeld {
			f.advertised = append(f.advertised, advertised{o.Prefix, now, now + o.Lifetime})
		}
	}
	f.settle(now)
	f.routers = schedule{idle: true}
	for _, a := range f.advertised {
		if a.prefix == f.current {
			// Routers repeat themselves. Should they not, they are asked, and so
			// are the name servers, before this one ends.
			f.renewal = a.came + (a.end-a.came)/4*3
			f.routers, f.servers = schedule{next: f.renewal}, schedule{next: f.renewal}
		}
	}
}

// Answered says that a name server has answered, with the offers that there were,
// the best first.
func (f *Finder) Answered(now time.Duration, offers []Offer) {
	f.answered = nil
	pause := lastRetry
	for i, o := range offers[:min(len(offers), maxHeld)] {
		f.answered = append(f.answered, o.Prefix)
		lifetime := max(o.Lifetime, minLifetime)
		if again := max(lifetime-early, lifetime/2); i == 0 || again < pause {
			pause = again
		}
	}
	f.settle(now)
	f.servers = schedule{next: f.notBefore(now + pause)}
}

// Unanswered says that no name server has answered.
func (f *Finder) Unanswered(now time.Duration) {
	f.servers.next = f.notBefore(now + min(firstRetry<<min(f.servers.tries, 10), lastRetry))
	f.servers.tries++
}

// notBefore returns the instant, or a later one before which name servers need not
// be asked.
func (f *Finder) notBefore(instant time.Duration) time.Duration {
	if len(f.advertised) > 0 {
		return max(instant, f.renewal)
	}
	return instant
}

// Ask is what is to be done at an instant: to solicit advertisements, to ask the
// name servers.
type Ask struct{ Routers, Servers bool }

// Due returns what is to be asked now, which is taken to be done, and the instant
// at which to call Due again, at the latest. Each question to the name servers is
// followed by a call of Answered or Unanswered.
func (f *Finder) Due(now time.Duration) (ask Ask, again time.Duration) {
	f.settle(now)
	if !f.routers.idle && f.routers.next <= now {
		ask.Routers = true
		f.routers.tries++
		f.routers.next = now + solicitationInterval
		f.routers.idle = f.routers.tries == solicitations
	}
	if f.servers.next <= now {
		ask.Servers = true
		f.servers.next = now + lastRetry
	}
	again = f.servers.next
	if !f.routers.idle {
		again = min(again, f.routers.next)
	}
	for _, a := range f.advertised {
		again = min(again, a.end)
	}
	return ask, again
}

// Prefix returns the prefix to use, which is not valid if none is known.
func (f *Finder) Prefix() Prefix { return f.current }

// settle forgets what has ended and chooses the prefix to use. When the last that
// was advertised is gone, all are asked.
func (f *Finder) settle(now time.Duration) {
	var choice []Prefix
	f.advertised = slices.DeleteFunc(f.advertised, func(a advertised) bool { return a.end <= now })
	for _, a := range f.advertised {
		choice = append(choice, a.prefix)
	}
	if len(choice) == 0 {
		choice = f.answered
		if f.renewal > 0 {
			f.renewal = 0
			f.routers, f.servers = schedule{next: now}, schedule{next: now}
		}
	}
	switch {
	case len(choice) == 0:
		f.current = Prefix{}
	case !slices.Contains(choice, f.current):
		f.current = choice[0]
	}
}
