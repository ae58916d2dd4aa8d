package probe

import "time"

// Outage returns the longest time for which traffic was interrupted between the
// packets mark and end: from when a packet that was answered was sent, or packet
// mark in any case, until when the next that was answered was. Without a loss
// it is the interval of the ping, the finest that can be seen.
func (p *Ping) Outage(mark, end int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	end = min(end, len(p.sent))
	if mark >= end {
		return 0
	}
	longest, last := time.Duration(0), p.sent[mark]
	for i := mark; i < end; i++ {
		if p.round[i] != 0 || i == end-1 {
			longest = max(longest, p.sent[i].Sub(last))
			last = p.sent[i]
		}
	}
	return longest
}

// Last returns the last packet from mark up to but without end that was
// answered, false if none was.
func (p *Ping) Last(mark, end int) (number int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := min(end, len(p.sent)) - 1; i >= mark; i-- {
		if p.round[i] != 0 {
			return i, true
		}
	}
	return 0, false
}
