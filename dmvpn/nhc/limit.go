package nhc

import (
	"net/netip"
	"time"
)

const (
	// peerBurst packets are answered to one peer at once, peerRate each second.
	peerBurst, peerRate = 20, 5
	// serverBurst and serverRate are those of a hub, which brings the questions of
	// all others.
	serverBurst, serverRate = 100, 50
	// allBurst and allRate bound the answers to all peers together.
	allBurst, allRate = 200, 100
	// maxBuckets bounds the peers that are counted apart.
	maxBuckets = 1024
)

// bucket is a token bucket.
type bucket struct {
	rate, burst, tokens float64
	at                  Instant
}

func newBucket(rate, burst float64, now Instant) *bucket { return &bucket{rate, burst, burst, now} }

// take takes a token if there is one.
func (b *bucket) take(now Instant) bool {
	b.fill(now)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) fill(now Instant) {
	b.tokens = min(b.burst, b.tokens+b.rate*float64(now-b.at)/float64(time.Second))
	b.at = now
}

// limits bounds what peers can provoke us to send or do.
type limits struct {
	all   *bucket
	peers map[netip.Addr]*bucket
}

func newLimits(now Instant) limits {
	return limits{all: newBucket(allRate, allBurst, now), peers: make(map[netip.Addr]*bucket)}
}

// provoked reports whether what a packet from a peer provokes may be done. What
// it may not is counted.
func (c *Client) provoked(from netip.Addr) bool {
	l := &c.limits
	b := l.peers[from]
	if b == nil {
		l.makeRoom(c.now)
		b = newBucket(peerRate, peerBurst, c.now)
		if c.isServer(from) {
			b = newBucket(serverRate, serverBurst, c.now)
		}
		l.peers[from] = b
	}
	if b.take(c.now) && l.all.take(c.now) {
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
		if b.fill(now); b.tokens == b.burst {
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
