package firewall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
)

// PacketLog is where rules log to. Netfilter is the real one.
type PacketLog interface {
	// Logs returns the packets that rules log from now on. The channel is
	// closed when ctx ends or there will be no more. The error is
	// ErrNoPacketLog if there is no such log at all.
	Logs(ctx context.Context) (<-chan Logged, error)
}

// Logger writes down what rules log.
type Logger struct {
	packets PacketLog
	log     *slog.Logger

	mu     sync.Mutex
	recent []Logged
}

// NewLogger returns a Logger that writes one line a packet to log.
func NewLogger(packets PacketLog, log *slog.Logger) *Logger {
	return &Logger{packets: packets, log: log}
}

// String is the component's name.
func (l *Logger) String() string { return "firewall-log" }

// Run writes until ctx ends, and then returns nil. A kernel that has no log of
// packets is told once, and nothing is written.
func (l *Logger) Run(ctx context.Context) error {
	lines, err := l.packets.Logs(ctx)
	if errors.Is(err, ErrNoPacketLog) {
		l.log.Warn("what the firewall drops is not logged", "why", err)
		<-ctx.Done()
		return nil
	}
	if err != nil {
		return err
	}
	for line := range lines {
		l.keep(line)
		l.write(ctx, line)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the kernel stopped telling what rules log")
}

// recentLines is how many lines Recent returns at most.
const recentLines = 100

// Recent returns the last lines, the newest last. It is safe for concurrent use.
func (l *Logger) Recent() []Logged {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.recent)
}

func (l *Logger) keep(line Logged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) == recentLines {
		l.recent = slices.Delete(l.recent, 0, 1)
	}
	l.recent = append(l.recent, line)
}

func (l *Logger) write(ctx context.Context, line Logged) {
	if line.Lost > 0 {
		l.log.Warn("lines of the firewall's log were lost", "lines", line.Lost)
	}
	l.log.LogAttrs(ctx, slog.LevelInfo, line.outcome(), line.attributes()...)
}

// outcome says what became of the packet.
func (d Decision) outcome() string {
	switch action(d.Verdict) {
	case actionDrop:
		return "dropped"
	case actionReject:
		return "rejected"
	case actionPass:
		return "passed"
	case actionInspect:
		return "inspected"
	default:
		return d.Verdict
	}
}

// attributes returns what is known of the packet.
func (l *Logged) attributes() []slog.Attr {
	var known []slog.Attr
	for _, a := range []struct{ key, value string }{
		{"from", l.From},
		{"to", l.To},
		{"class", l.Class},
		{"proto", l.Protocol},
		{"source", endpoint(l.Source, l.SourcePort)},
		{"destination", endpoint(l.Destination, l.DestinationPort)},
		{"flags", l.Flags},
		{"icmp", l.ICMP},
		{"in", l.In},
		{"out", l.Out},
	} {
		if a.value != "" {
			known = append(known, slog.String(a.key, a.value))
		}
	}
	return known
}

// endpoint is the text of an address, with the port if there is one.
func endpoint(addr netip.Addr, port uint16) string {
	switch {
	case !addr.IsValid():
		return ""
	case port == 0:
		return addr.String()
	default:
		return netip.AddrPortFrom(addr, port).String()
	}
}
