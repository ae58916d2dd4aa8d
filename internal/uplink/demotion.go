package uplink

import "time"

const (
	// firstPause is how long an underlay is left alone that led nowhere. To try it
	// again costs the time until its silence is noticed, so each time that follows
	// is twice as long, up to longestPause.
	firstPause   = 10 * time.Minute
	longestPause = time.Hour
)

// demotions are the underlays that led nowhere.
type demotions map[Source]demotion

// demotion is the last one of an underlay.
type demotion struct {
	active bool
	// until is when it ends or ended, and pause how long it was to last.
	until time.Time
	pause time.Duration
}

// begin notes that an underlay led nowhere, and returns how long to leave it
// alone. One that had worked for long since begins anew.
func (d demotions) begin(s Source, now time.Time) time.Duration {
	last := d[s]
	pause := firstPause
	if last.pause != 0 && now.Sub(last.until) < longestPause {
		pause = min(2*last.pause, longestPause)
	}
	d[s] = demotion{active: true, until: now.Add(pause), pause: pause}
	return pause
}

// end ends a demotion, and reports whether there was one.
func (d demotions) end(s Source) bool {
	last, ok := d[s]
	if !ok || !last.active {
		return false
	}
	last.active = false
	d[s] = last
	return true
}

// next returns a channel that tells when the first demotion is over, nil if there
// is none.
func (d demotions) next() <-chan time.Time {
	var first time.Time
	for _, last := range d {
		if last.active && (first.IsZero() || last.until.Before(first)) {
			first = last.until
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}
