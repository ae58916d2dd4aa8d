// Package probe watches the lab from outside: a ping that notes the fate of
// each packet, and a capture that says what crosses the carrier's network.
package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// Ping sends an ICMP echo request at a fixed interval, answered or not, and
// keeps when each was sent and answered. Methods are safe for concurrent
// use.
type Ping struct {
	conn        *icmp.PacketConn
	destination netip.Addr
	interval    time.Duration
	id          int

	mu      sync.Mutex
	sent    []time.Time
	round   []time.Duration // until the answer; 0 while there is none
	ttl     []int           // of the answer; 0 while there is none
	changed chan struct{}   // closed and replaced with every answer
}

// NewPing prepares a ping from an address of the network namespace the caller
// is in.
func NewPing(source, destination netip.Addr, interval time.Duration) (*Ping, error) {
	conn, err := listen(source)
	if err != nil {
		return nil, err
	}
	return &Ping{
		conn:        conn,
		destination: destination,
		interval:    interval,
		id:          int(time.Now().UnixNano() & 0xffff),
		changed:     make(chan struct{}),
	}, nil
}

// Run pings until ctx ends.
func (p *Ping) Run(ctx context.Context) error {
	var receiver sync.WaitGroup
	receiver.Go(p.receive)
	defer receiver.Wait()
	defer p.conn.Close()
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for {
		if err := p.send(); err != nil {
			return fmt.Errorf("ping %s: %w", p.destination, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *Ping) send() error {
	p.mu.Lock()
	number := len(p.sent)
	p.sent = append(p.sent, time.Now())
	p.round = append(p.round, 0)
	p.ttl = append(p.ttl, 0)
	p.mu.Unlock()
	// The sequence number of ICMP has 16 bits; the rest of ours is payload.
	payload := binary.BigEndian.AppendUint64(nil, uint64(number))
	message := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: p.id, Seq: number & 0xffff, Data: payload}}
	packet, err := message.Marshal(nil)
	if err != nil {
		return err
	}
	_, err = p.conn.WriteTo(packet, &net.IPAddr{IP: p.destination.AsSlice()})
	if _, ok := errors.AsType[*net.OpError](err); ok && !errors.Is(err, net.ErrClosed) {
		return nil // no route, no neighbour: a lost packet like others
	}
	return err
}

// receive takes answers until the socket is closed.
func (p *Ping) receive() {
	for e := range echoes(p.conn, ipv4.ICMPTypeEchoReply) {
		if e.from == p.destination && e.id == p.id {
			p.answered(e.number, e.at, e.ttl)
		}
	}
}

func (p *Ping) answered(number uint64, at time.Time, ttl int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if number >= uint64(len(p.sent)) || p.round[number] != 0 {
		return
	}
	p.round[number], p.ttl[number] = at.Sub(p.sent[number]), ttl
	close(p.changed)
	p.changed = make(chan struct{})
}

// Mark returns the number of the next packet.
func (p *Ping) Mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}

// Answer waits for the first answered packet after mark, and returns its
// number and when its answer came.
func (p *Ping) Answer(ctx context.Context, mark int) (number int, at time.Time, err error) {
	for {
		p.mu.Lock()
		changed := p.changed
		for i := mark; i < len(p.sent); i++ {
			if p.round[i] != 0 {
				defer p.mu.Unlock()
				return i, p.sent[i].Add(p.round[i]), nil
			}
		}
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, time.Time{}, fmt.Errorf("wait for an answer from %s: %w", p.destination, context.Cause(ctx))
		}
	}
}

// Begun waits for the first answer, and returns the number of the first packet that
// was sent after it. A router that tracks connections takes each packet before that
// for the first of a connection, and of several that come in at once it passes one.
func (p *Ping) Begun(ctx context.Context) (number int, err error) {
	_, at, err := p.Answer(ctx, 0)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for number < len(p.sent) && p.sent[number].Before(at) {
		number++
	}
	return number, nil
}

// Silence waits until n packets in a row after mark have gone unanswered for a
// second each, and returns when the first of them was sent.
func (p *Ping) Silence(ctx context.Context, mark, n int) (time.Time, error) {
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for {
		if at, found := p.gap(mark, n); found {
			return at, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for silence from %s: %w", p.destination, context.Cause(ctx))
		}
	}
}

func (p *Ping) gap(mark, n int) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	run := 0
	for i := mark; i < len(p.sent); i++ {
		if p.round[i] != 0 || time.Since(p.sent[i]) < time.Second {
			run = 0
			continue
		}
		if run++; run == n {
			return p.sent[i-n+1], true
		}
	}
	return time.Time{}, false
}

// Steady waits until n packets in a row after mark were answered, and returns
// the first of them.
func (p *Ping) Steady(ctx context.Context, mark, n int) (number int, err error) {
	for {
		number, _, err := p.Answer(ctx, mark)
		if err != nil {
			return 0, err
		}
		run := number
		for run-number < n {
			answered, _, err := p.Answer(ctx, run)
			if err != nil {
				return 0, err
			}
			if answered != run {
				break
			}
			run++
		}
		if run-number == n {
			return number, nil
		}
		mark = run
	}
}

// Lost returns how many of the packets from mark up to but without end have no
// answer, and how many there are.
func (p *Ping) Lost(mark, end int) (lost, sent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := mark; i < min(end, len(p.sent)); i++ {
		sent++
		if p.round[i] == 0 {
			lost++
		}
	}
	return lost, sent
}

// Gaps tells which packets from mark up to but without end have no answer, by
// the time since the first was sent.
func (p *Ping) Gaps(mark, end int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var gaps []string
	for i := mark; i < min(end, len(p.sent)); i++ {
		if p.round[i] == 0 {
			gaps = append(gaps, fmt.Sprintf("%.2f s", p.sent[i].Sub(p.sent[mark]).Seconds()))
		}
	}
	return strings.Join(gaps, ", ")
}
