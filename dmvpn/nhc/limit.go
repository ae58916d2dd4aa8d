package nhc

import (
	"net/netip"
	"time"
)

const (
	// peerBurst packets are answered to one peer at once, peerRate each second.
	peerBurst, peerRate = 20, 5
	// allBurst and allRate bound the answers to all peers together.
	allBurst, allRate = 200, 100
	// maxBuckets bounds the peers that are counted apart.
	maxBuckets = 1024
)

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     Instant
}

// take takes a token if there is one.
func (b *bucket) take(now Instant, rate, burst float64) bool {
	b.fill(now, rate, burst)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) fill(now Instant, rate, burst float64) {
	b.tokens = min(burst, b.tokens+rate*float64(now-b.at)/float64(time.Second))
	b.at = now
}

// limits bounds what peers can provoke us to send or do.
type limits struct {
	all   bucket
	peers map[netip.Addr]*bucket
}

func newLimits(now Instant) limits {
	return limits{all: bucket{allBurst, now}, peers: make(map[netip.Addr]*bucket)}
}

// provoked reports whether what a packet from a peer provokes may be done. What
// it may not is counted.
func (c *Client) provoked(from netip.Addr) bool {
	l := &c.limits
	b := l.peers[from]
	if b == nil {
		l.makeRoom(c.now)
		b = &bucket{peerBurst, c.now}
		l.peers[from] = b
	}
	if b.take(c.now, peerRate, peerBurst) && l.all.take(c.now, allRate, allBurst) {
		return true
	}
	c.counters.Limited++
	return false
}

// makeRoom forgets the peers that have all their tokens again, or any if there
// are too many others: the bound on all of them together holds still.
func (l *limits) makeRoom(now Instant) {
	if len(l.peers) < maxBuckets {
		return
	}
	for peer, b := range l.peers {
		if b.fill(now, peerRate, peerBurst); b.tokens == peerBurst {
			delete(l.peers, peer)
		}
	}
	for peer := range l.peers {
		if len(l.peers) < maxBuckets {
			return
		}
		delete(l.peers, peer)
	}
}
