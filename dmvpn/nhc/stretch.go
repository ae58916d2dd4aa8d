package nhc

import "time"

// stretch is for how long something has been up, or not been up.
type stretch struct {
	up    bool
	since Instant
}

// note begins another stretch if up has changed.
func (s *stretch) note(up bool, now Instant) {
	if s.up != up {
		*s = stretch{up, now}
	}
}

// seconds returns how long the stretch lasts.
func (s stretch) seconds(now Instant) int { return int(max(0, now-s.since) / time.Second) }

// noteStretches notes which servers and paths carry traffic.
func (c *Client) noteStretches() {
	for _, s := range c.order {
		s.stretch.note(s.live, c.now)
	}
	for _, p := range c.peers {
		p.stretch.note(p.phase == PathUp, c.now)
	}
}
