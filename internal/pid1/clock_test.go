package pid1

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestClockHasAFloor(t *testing.T) {
	built := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name      string
		now, want time.Time
	}{
		{"empty battery", time.Unix(0, 0), built},
		{"just below", built.Add(-time.Second), built},
		{"good hardware clock", built.Add(time.Hour), built.Add(time.Hour)},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := test.now
			c := &clock{floor: built, now: func() time.Time { return now }, set: func(t time.Time) error { now = t; return nil }}
			if err := c.start(slog.New(slog.DiscardHandler)); err != nil || !now.Equal(test.want) {
				t.Errorf("started at %v, %v, want %v", now, err, test.want)
			}
		})
	}
}

func TestSetTimeRefusesWhatIsBelowTheFloor(t *testing.T) {
	built := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var set []time.Time
	c := &clock{floor: built, now: time.Now, set: func(t time.Time) error { set = append(set, t); return nil }}
	if err := c.SetTime(built.Add(-time.Nanosecond)); err == nil || !strings.Contains(err.Error(), "2026-11-21T12:00:00Z") {
		t.Errorf("got %v, want a refusal that says when the image was built", err)
	}
	if err := c.SetTime(built.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if len(set) != 1 || !set[0].Equal(built.Add(time.Hour)) {
		t.Errorf("clock was set to %v", set)
	}
}
