package pid1

import (
	"sync"
	"time"
)

const (
	// grace is how long the box may go without a proof of life while its
	// router process starts, or starts again and again. After that a restart
	// of the whole box is all that is left to try.
	grace = 5 * time.Minute
	// silence is how long a router that has been alive may say nothing. It is
	// much longer than privileged.AlivePeriod, for a box short of CPU, and
	// together with the watchdog's timeout what a hung box costs.
	silence = 20 * time.Second
)

// pulse decides from the router's proofs of life whether the watchdog is fed.
// It is safe for concurrent use.
type pulse struct {
	mu    sync.Mutex
	last  time.Time // of the last proof, at first of the box's start
	alive bool      // whether the router process that runs has given one
	beats int       // of all router processes
	calm  chan struct{}
}

// calmBeats is how many proofs of life the busy start of a router takes: it gives
// the first when its components have been built, and the second when they have
// run for privileged.AlivePeriod.
const calmBeats = 2

func newPulse(now time.Time) *pulse { return &pulse{last: now, calm: make(chan struct{})} }

// calmed is closed once the start of a router process is over.
func (p *pulse) calmed() <-chan struct{} { return p.calm }

// beat records a proof of life.
func (p *pulse) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.alive = now, true
	if p.beats++; p.beats == calmBeats {
		close(p.calm)
	}
}

// living says whether a router process runs that has given a proof of life, and
// gives them still.
func (p *pulse) living(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive && now.Sub(p.last) < silence
}

// ended records that the router process ended, so that another has to prove
// itself.
func (p *pulse) ended() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive = false
}

// judge says whether to feed the watchdog, and whether the box is lost: the
// grace is used up.
func (p *pulse) judge(now time.Time) (feed, lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := now.Sub(p.last)
	if p.alive {
		return since < silence, false
	}
	return since < grace, since >= grace
}
