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
	givenUp bool
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

func (p *paper) GiveUp() error {
	p.givenUp = true
	return nil
}

func TestJudge(t *testing.T) {
	a := bootstate.Record{Sequence: 5, Good: bootstate.A, Trial: bootstate.None}
	trial := bootstate.Record{Sequence: 5, Good: bootstate.A, Trial: bootstate.B, Tries: 1}
	counted := func(starts int) bootstate.Record {
		return bootstate.Record{Sequence: 5, Good: bootstate.A, Starts: starts, Trial: bootstate.None}
	}
	for name, c := range map[string]struct {
		runs     bootstate.Slot
		record   bootstate.Record
		err      error
		want     bootstate.Standing
		note     string
		unproved bool
		settles  bootstate.Slot
		givesUp  bool
	}{
		"nobody counts here": {"A", a, nil, bootstate.Good, "", false, "", false},
		"ordinary":           {"A", counted(1), nil, bootstate.Good, "", true, "", false},
		"older firmware":     {"A", counted(bootstate.Uncounted), nil, bootstate.Good, "", true, "", false},
		"rescue has failed":  {"A", counted(bootstate.MaxStarts), nil, bootstate.Good, "", true, "", false},
		"on trial":           {"B", trial, nil, bootstate.OnTrial, "", false, "", false},
		"trial has failed":   {"A", trial, nil, bootstate.Good, "slot B was on trial", false, "", true},
		"good is damaged":    {"B", counted(1), nil, bootstate.Rescue, "slot A, which is the good one, does not start", false, "", false},
		"good does not live": {"B", counted(bootstate.Rescued), nil, bootstate.Rescue, "slot A, which is the good one, was started 5 times and did not live", false, "", false},
		"rescue is damaged":  {"A", counted(bootstate.Rescued), nil, bootstate.Good, "", true, "", false},
		"no record":          {"B", bootstate.Record{}, errors.New("x"), bootstate.Good, "begins anew", false, "B", false},
	} {
		p := &paper{record: c.record, err: c.err}
		s := &slot{record: p, report: bootstate.Report{Slot: c.runs}, log: slog.New(slog.DiscardHandler)}
		err := s.judge()
		if (err == nil) != (c.note == "") {
			t.Errorf("%s: error %v, note %q", name, err, s.report.Note)
		}
		if s.report.Standing != c.want || !strings.Contains(s.report.Note, c.note) || s.unproved != c.unproved {
			t.Errorf("%s: %+v, unproved: %v", name, s.report, s.unproved)
		}
		if c.settles == "" && p.settled != nil || c.settles != "" && (len(p.settled) != 1 || p.settled[0] != c.settles) {
			t.Errorf("%s: settled %q, want %q", name, p.settled, c.settles)
		}
		if p.givenUp != c.givesUp {
			t.Errorf("%s: the trial is given up: %v", name, p.givenUp)
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

// TestTheGoodSlotHasTime lives late, and only then are its starts cleared.
func TestTheGoodSlotHasTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(paper)
		s := &slot{record: p, report: bootstate.Report{Slot: bootstate.A, Standing: bootstate.Good}, unproved: true, log: slog.New(slog.DiscardHandler)}
		begin := time.Now()
		s.prove(t.Context(), func(now time.Time) bool { return now.Sub(begin) > 2*trialLimit }, func(ending) { t.Error("the box ends") })
		if took := time.Since(begin); took != 2*trialLimit+proof || len(p.settled) != 1 || p.settled[0] != bootstate.A {
			t.Errorf("after %v it settled %q", took, p.settled)
		}
	})
}

func TestWhoHasNothingToProve(t *testing.T) {
	for _, standing := range []bootstate.Standing{bootstate.Good, bootstate.Rescue, bootstate.Unknown} {
		s := &slot{report: bootstate.Report{Slot: bootstate.A, Standing: standing}}
		s.prove(t.Context(), nil, nil)
	}
}
