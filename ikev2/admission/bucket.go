package admission

import "time"

// Bucket is a token bucket: it lets Burst events pass at once, and Rate a second
// over time. It begins full.
type Bucket struct {
	Rate, Burst int

	// spent is how much of Burst is gone, in time to refill it.
	spent time.Duration
	at    time.Duration
}

// Take reports whether one more event may pass now. The clock must not go back.
func (b *Bucket) Take(now time.Duration) bool {
	one := time.Second / time.Duration(b.Rate)
	b.spent = max(b.spent-(now-b.at), 0)
	b.at = now
	if b.spent+one > one*time.Duration(b.Burst) {
		return false
	}
	b.spent += one
	return true
}
