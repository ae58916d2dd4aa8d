package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/bootlog"
)

// milestones is a slog.Handler that remembers when each step of the boot
// timeline was first logged, and passes everything on.
type milestones struct {
	next  slog.Handler
	steps *steps
}

// steps is what a handler shares with those derived from it.
type steps struct {
	mu    sync.Mutex
	first []api.Milestone
}

func newMilestones(next slog.Handler) *milestones {
	return &milestones{next: next, steps: new(steps)}
}

// First returns the milestones in the order in which they were reached.
func (m *milestones) First() []api.Milestone {
	m.steps.mu.Lock()
	defer m.steps.mu.Unlock()
	return slices.Clone(m.steps.first)
}

// Enabled implements slog.Handler.
func (m *milestones) Enabled(ctx context.Context, level slog.Level) bool {
	return m.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (m *milestones) Handle(ctx context.Context, r slog.Record) error {
	for a := range r.Attrs {
		if a.Key == bootlog.MilestoneKey {
			m.steps.reach(a.Value.String())
		}
	}
	return m.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (m *milestones) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &milestones{next: m.next.WithAttrs(attrs), steps: m.steps}
}

// WithGroup implements slog.Handler.
func (m *milestones) WithGroup(name string) slog.Handler {
	return &milestones{next: m.next.WithGroup(name), steps: m.steps}
}

func (s *steps) reach(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.first, func(m api.Milestone) bool { return m.Name == name }) {
		s.first = append(s.first, api.Milestone{Name: name, At: bootlog.Uptime().Seconds()})
	}
}
