package pid1

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/internal/bootstate"
)

// paper is a record that is not on a disk.
type paper struct {
	record  bootstate.Record
	err     error
	settled []bootstate.Slot
	ordered int
}

func (p *paper) Record() (bootstate.Record, error) { return p.record, p.err }

func (p *paper) OrderReset() error {
	p.ordered++
	return p.err
}

func (p *paper) Settle(s bootstate.Slot) error {
	p.settled = append(p.settled, s)
	return nil
}

func TestJudge(t *testing.T) {
	a := bootstate.Record{Sequence: 5, Good: bootstate.A, Trial: bootstate.None}
	trial := bootstate.Record{Sequence: 5, Good: bootstate.A, Trial: bootstate.B, Tries: 1}
	for name, c := range map[string]struct {
		runs    bootstate.Slot
		record  bootstate.Record
		err     error
		want    bootstate.Standing
		note    string
		settles bootstate.Slot
	}{
		"ordinary":         {"A", a, nil, bootstate.Good, "", ""},
		"on trial":         {"B", trial, nil, bootstate.OnTrial, "", ""},
		"trial has failed": {"A", trial, nil, bootstate.Good, "slot B was on trial", "A"},
		"good is damaged":  {"B", a, nil, bootstate.Rescue, "slot A, which is the good one", ""},
		"no record":        {"B", bootstate.Record{}, errors.New("x"), bootstate.Good, "begins anew", "B"},
	} {
		p := &paper{record: c.record, err: c.err}
		s := &slot{record: p, report: bootstate.Report{Slot: c.runs}, log: slog.New(slog.DiscardHandler)}
		err := s.judge()
		if (err == nil) != (c.note == "") {
			t.Errorf("%s: error %v, note %q", name, err, s.report.Note)
		}
		if s.report.Standing != c.want || !strings.Contains(s.report.Note, c.note) {
			t.Errorf("%s: %+v", name, s.report)
		}
		if c.settles == "" && p.settled != nil || c.settles != "" && (len(p.settled) != 1 || p.settled[0] != c.settles) {
			t.Errorf("%s: settled %q, want %q", name, p.settled, c.settles)
		}
	}
}

// TestProve lets a slot on trial run until it is good, or the box ends.
func TestProve(t *testing.T) {
	for name, c := range map[string]struct {
		living func(since time.Duration) bool
		good   bool
		after  time.Duration
	}{
		"alive at once":     {func(time.Duration) bool { return true }, true, proof},
		"alive after 20 s":  {func(s time.Duration) bool { return s > 20*time.Second }, true, 20*time.Second + proof},
		"dies now and then": {func(s time.Duration) bool { return int(s.Seconds())%8 != 0 }, false, trialLimit},
		"never alive":       {func(time.Duration) bool { return false }, false, trialLimit},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := new(paper)
			s := &slot{record: p, report: bootstate.Report{Slot: bootstate.B, Standing: bootstate.OnTrial}, log: slog.New(slog.DiscardHandler)}
			begin, ended := time.Now(), false
			s.prove(context.Background(), func(now time.Time) bool { return c.living(now.Sub(begin)) }, func(ending) { ended = true })
			if good := len(p.settled) == 1 && p.settled[0] == bootstate.B; good != c.good || ended == c.good {
				t.Errorf("%s: settled %q, the box ended: %v", name, p.settled, ended)
			}
			if took := time.Since(begin); took != c.after {
				t.Errorf("%s: it took %v, want %v", name, took, c.after)
			}
		})
	}
}

func TestWhatIsNotOnTrialProvesNothing(t *testing.T) {
	for _, standing := range []bootstate.Standing{bootstate.Good, bootstate.Rescue, bootstate.Unknown} {
		s := &slot{report: bootstate.Report{Slot: bootstate.A, Standing: standing}}
		s.prove(t.Context(), nil, nil)
	}
}
