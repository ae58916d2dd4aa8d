package probe

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// firstTTL is the time to live that Linux begins with.
const firstTTL = 64

// Arrivals notes over how many routers the packets of a Ping come to where they
// are sent to. With the answers' it tells which way they take. Methods are safe
// for concurrent use.
type Arrivals struct {
	conn *icmp.PacketConn
	ping *Ping

	mu      sync.Mutex
	routers map[uint64]int
	at      map[uint64]time.Time
}

// NewArrivals prepares to note the packets of ping at an address of the network
// namespace the caller is in.
func NewArrivals(at netip.Addr, ping *Ping) (*Arrivals, error) {
	conn, err := listen(at)
	if err != nil {
		return nil, err
	}
	return &Arrivals{conn: conn, ping: ping, routers: make(map[uint64]int), at: make(map[uint64]time.Time)}, nil
}

// Run notes until ctx ends.
func (a *Arrivals) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { a.conn.Close() })
	defer stop()
	for e := range echoes(a.conn, ipv4.ICMPTypeEcho) {
		if e.id == a.ping.id {
			a.mu.Lock()
			a.routers[e.number], a.at[e.number] = firstTTL-e.ttl, e.at
			a.mu.Unlock()
		}
	}
	return nil
}

// First returns when the first packet from mark on came over so many routers.
func (a *Arrivals) First(mark, routers int) (at time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for number, passed := range a.routers {
		if int(number) >= mark && passed == routers && (!ok || a.at[number].Before(at)) {
			at, ok = a.at[number], true
		}
	}
	return at, ok
}

// Routers returns over how many routers a packet came and its answer went back; 0
// is for one that did not.
func (a *Arrivals) Routers(number int) (there, back int) {
	a.ping.mu.Lock()
	if number < len(a.ping.ttl) && a.ping.ttl[number] != 0 {
		back = firstTTL - a.ping.ttl[number]
	}
	a.ping.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.routers[uint64(number)], back
}
