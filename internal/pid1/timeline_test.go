package pid1

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestTimeline(t *testing.T) {
	now := 1900 * time.Millisecond
	line := &timeline{uptime: func() time.Duration { return now }}
	failure := errors.New("no such device")
	err := line.do("modules", func() error {
		return errors.Join(failure, line.do("watchdog", func() error { now += 5 * time.Millisecond; return nil }))
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if err := line.do("console", func() error { return nil }); err != nil {
		t.Error(err)
	}
	var out strings.Builder
	slog.New(slog.NewTextHandler(&out, nil)).Info("timeline", "boot", line)
	// The inner step ended first, so it was recorded first.
	want := "boot.watchdog=1.9s+5ms boot.modules=1.9s+5ms boot.console=1.905s+0s\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, want it to end with %q", out.String(), want)
	}
}
