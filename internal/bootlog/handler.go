// Package bootlog is the log of both processes on the box. Every record goes
// to the kernel's ring buffer, which outlives the process that wrote it and,
// through pstore, the kernel; milestones and trouble go to the console as
// well, where somebody who unpacks a box sees how far it came.
//
// A line reads "component: message key=value …", on the console after the
// seconds since the kernel started, so that one clock orders the records of
// both processes and of the kernel.
package bootlog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// MilestoneKey is the attribute that marks a step of the boot timeline.
	// Its value names the step.
	MilestoneKey = "milestone"
	// componentKey is the attribute that replaces the process's name in front
	// of the message.
	componentKey = "component"
)

// Handler is a slog.Handler, safe for concurrent use.
type Handler struct {
	out       *output
	name      string       // of the component or the process
	text      slog.Handler // formats attributes into out.attrs
	milestone bool
}

// output is what a handler shares with those derived from it.
type output struct {
	mu            sync.Mutex
	kmsg, console io.Writer
	level         slog.Leveler
	uptime        func() time.Duration
	attrs, line   bytes.Buffer
}

// New returns the log of the named process. kmsg takes one record per write,
// as /dev/kmsg does; console takes lines. Records below level are dropped.
func New(process string, kmsg, console io.Writer, level slog.Leveler) *Handler {
	out := &output{kmsg: kmsg, console: console, level: level, uptime: Uptime}
	options := &slog.HandlerOptions{
		Level: slog.Level(-1 << 31),
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			// Time and level have a place of their own, and so has the message.
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{}
			}
			return a
		},
	}
	return &Handler{out: out, name: process, text: slog.NewTextHandler(&out.attrs, options)}
}

// Uptime is the time since the kernel started, by the clock of its own log.
func Uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.out.level.Level()
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	var rest []slog.Attr
	for _, a := range attrs {
		switch a.Key {
		case componentKey:
			derived.name = a.Value.String()
			continue
		case MilestoneKey:
			derived.milestone = true
		}
		rest = append(rest, a)
	}
	derived.text = h.text.WithAttrs(rest)
	return &derived
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	derived := *h
	derived.text = h.text.WithGroup(name)
	return &derived
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	milestone := h.milestone
	for a := range r.Attrs {
		milestone = milestone || a.Key == MilestoneKey
	}
	o := h.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attrs.Reset()
	if err := h.text.Handle(ctx, r); err != nil {
		return fmt.Errorf("format log record: %w", err)
	}
	o.line.Reset()
	fmt.Fprintf(&o.line, "%s: %s", h.name, r.Message)
	if attrs := bytes.TrimSpace(o.attrs.Bytes()); len(attrs) > 0 {
		o.line.WriteByte(' ')
		o.line.Write(attrs)
	}
	line := o.line.Bytes()
	err := WriteKmsg(o.kmsg, r.Level, line)
	if milestone || r.Level >= slog.LevelWarn {
		// The session on the console may have the terminal in raw mode, so
		// the line brings its own carriage return.
		fmt.Fprintf(o.console, "[%8.3f] %s\r\n", o.uptime().Seconds(), line)
	}
	return err
}
