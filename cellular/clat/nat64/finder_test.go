package nat64

import (
	"testing"
	"time"
)

// play drives a Finder from instant to instant, in seconds.
type play struct {
	*testing.T
	Finder
	now time.Duration
}

// due moves on to the instant and checks what is to be asked.
func (p *play) due(second float64, want Ask) {
	p.Helper()
	p.now = time.Duration(second * float64(time.Second))
	ask, again := p.Due(p.now)
	if ask != want {
		p.Errorf("at %v: %+v is to be asked, want %+v", p.now, ask, want)
	}
	if again <= p.now {
		p.Errorf("at %v: due again at %v", p.now, again)
	}
}

// next moves on to when something is due and checks what is to be asked.
func (p *play) next(second float64, want Ask) {
	p.Helper()
	if _, again := p.Due(p.now); again != time.Duration(second*float64(time.Second)) {
		p.Errorf("at %v: due again at %v, want %v s", p.now, again, second)
	}
	p.due(second, want)
}

func (p *play) advertised(offers ...Offer) { p.Advertised(p.now, offers) }
func (p *play) answered(offers ...Offer)   { p.Answered(p.now, offers) }

// want checks the prefix in use, "" for none.
func (p *play) want(text string) {
	p.Helper()
	got := ""
	if p.Prefix().IsValid() {
		got = p.Prefix().String()
	}
	if got != text {
		p.Errorf("at %v: the prefix is %q, want %q", p.now, got, text)
	}
}

const (
	prefixA = "64:ff9b::/96"
	prefixB = "2001:db8:b::/96"
)

func (p *play) offer(text string, seconds int) Offer {
	p.Helper()
	return Offer{prefix(p, text), time.Duration(seconds) * time.Second}
}

var (
	both    = Ask{Routers: true, Servers: true}
	routers = Ask{Routers: true}
	servers = Ask{Servers: true}
	nobody  = Ask{}
)

// TestNobodySaysAnything: routers are asked three times, name servers for ever.
func TestNobodySaysAnything(t *testing.T) {
	p := &play{T: t}
	p.due(0, both)
	p.Unanswered(p.now)
	p.next(2, servers)
	p.Unanswered(p.now)
	p.next(4, routers)
	p.next(6, servers)
	p.Unanswered(p.now)
	p.next(8, routers)
	p.next(14, servers)
	p.Unanswered(p.now)
	p.next(30, servers)
	p.Unanswered(p.now)
	p.next(62, servers)
	p.Unanswered(p.now)
	p.next(122, servers)
	p.Unanswered(p.now)
	p.next(182, servers)
	p.want("")
}

// TestDNSAlone: the answer is asked for again ten seconds before its end, is kept
// while nobody answers, and ends when an answer says so.
func TestDNSAlone(t *testing.T) {
	p := &play{T: t}
	p.due(0, both)
	p.now = time.Second
	p.answered(p.offer(prefixA, 300))
	p.want(prefixA)
	p.next(4, routers)
	p.next(8, routers)
	p.next(291, servers)
	p.Unanswered(p.now)
	p.next(293, servers)
	p.now = 1000 * time.Second
	p.Unanswered(p.now)
	p.due(1004, servers)
	p.want(prefixA)
	p.answered()
	p.want("")
	p.next(1064, servers)
	p.answered(p.offer(prefixB, 1))
	p.want(prefixB)
	p.next(1114, servers) // not after half a second
}

// TestRouterIsPreferred, and while it says something, name servers are not asked.
func TestRouterIsPreferred(t *testing.T) {
	p := &play{T: t}
	p.due(0, both)
	p.answered(p.offer(prefixA, 300))
	p.want(prefixA)
	p.now = time.Second
	p.advertised(p.offer(prefixB, 1600))
	p.want(prefixB)
	p.due(600, nobody)
	p.advertised(p.offer(prefixB, 1600)) // by itself
	p.due(1799, nobody)
	p.next(1800, both)
	p.answered(p.offer(prefixA, 300))
	p.want(prefixB)
	p.next(1804, routers)
	p.next(1808, routers)
	p.due(2199, servers)
	p.want(prefixB)
	p.next(2200, both)
	p.want(prefixA) // what DNS said, without a gap
}

// TestLateAnswer: an answer that comes after the advertisement has no say in when to
// ask again.
func TestLateAnswer(t *testing.T) {
	p := &play{T: t}
	p.due(0, both)
	p.now = time.Second
	p.advertised(p.offer(prefixB, 1600))
	p.now = 2 * time.Second
	p.Unanswered(p.now)
	p.due(1200, nobody)
	p.next(1201, both)
	p.want(prefixB)
}

// TestWithdrawn: a router that takes its only prefix back has the others asked.
func TestWithdrawn(t *testing.T) {
	p := &play{T: t}
	p.due(0, both)
	p.advertised(p.offer(prefixB, 1600), p.offer(prefixA, 1600))
	p.want(prefixB)
	p.due(100, nobody)
	p.advertised(p.offer(prefixB, 0))
	p.want(prefixA)
	p.due(200, nobody)
	p.advertised(p.offer(prefixB, 1600))
	p.want(prefixA) // what is in use stays
	p.advertised(p.offer(prefixA, 0), p.offer(prefixB, 0))
	p.want("")
	p.due(200, servers)
	p.answered()
	p.want("")
}

// TestAdvertisedWithoutAPrefix: routers are not asked again, name servers are.
func TestAdvertisedWithoutAPrefix(t *testing.T) {
	p := &play{T: t}
	p.due(0, both)
	p.advertised()
	p.Unanswered(p.now)
	p.next(2, servers)
	p.answered(p.offer(prefixA, 300))
	p.want(prefixA)
	p.due(291, nobody)
	p.next(292, servers)
}

// TestAtMostEightPrefixes are held, of routers as of DNS.
func TestAtMostEightPrefixes(t *testing.T) {
	p := &play{T: t}
	var many []Offer
	for i := range 20 {
		octets := prefix(t, "2001:db8::/96").octets
		octets[5] = byte(i)
		many = append(many, Offer{Prefix{octets, 12}, time.Hour})
	}
	p.advertised(many...)
	p.answered(many...)
	if len(p.Finder.advertised) != maxHeld || len(p.Finder.answered) != maxHeld {
		t.Errorf("%d and %d are held", len(p.Finder.advertised), len(p.Finder.answered))
	}
}
