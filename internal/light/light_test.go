package light

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestJudge(t *testing.T) {
	waiting := Condition{Uplink: true}
	reached := Condition{Uplink: true, Reached: true}
	var j judge
	now := time.Unix(1, 0)
	for i, step := range []struct {
		after time.Duration
		Condition
		want State
	}{
		{0, Condition{}, Searching},
		{time.Hour, Condition{}, Searching}, // the provider's outage is not ours
		{time.Second, waiting, Connecting},
		{patience - time.Second, waiting, Connecting},
		{time.Second, waiting, Trouble},
		{time.Second, reached, Up},
		{time.Hour, waiting, Connecting}, // time begins anew
		{patience / 2, Condition{}, Searching},
		{patience / 2, waiting, Connecting},
		{patience, waiting, Trouble},
		{0, Condition{Faulty: true, Uplink: true, Reached: true}, Trouble},
		{0, waiting, Connecting},
		{0, Condition{Reset: true, Faulty: true, Uplink: true, Reached: true}, Reset},
		{0, Condition{Reached: true}, Searching}, // what was reached by an uplink that has gone
	} {
		now = now.Add(step.after)
		if got := j.of(step.Condition, now); got != step.want {
			t.Errorf("step %d: %+v is %v, want %v", i, step.Condition, got, step.want)
		}
	}
}

// box is a Box that a test changes.
type box struct{ atomic.Value }

func (b *box) Condition() Condition { return b.Load().(Condition) }

// led is a directory like the kernel's.
func led(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"trigger": "", "brightness": "0\n", "max_brightness": "255\n", "delay_on": "", "delay_off": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	// A file keeps the end of what was longer; the kernel's attributes do not.
	return string(text)
}

func TestLightFollowsTheBox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "led")
	synctest.Test(t, func(t *testing.T) {
		var b box
		b.Store(Condition{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- New(dir, &b, slog.New(slog.DiscardHandler)).Run(ctx) }()
		time.Sleep(10 * period) // the driver comes late
		led(t, dir)
		time.Sleep(2 * period)
		if got := read(t, dir, "trigger") + " " + read(t, dir, "delay_on") + " " + read(t, dir, "delay_off"); got != "timer 1000 1000" {
			t.Errorf("searching: %q", got)
		}
		b.Store(Condition{Uplink: true, Reached: true})
		time.Sleep(2 * period)
		if got := read(t, dir, "trigger")[:4] + " " + read(t, dir, "brightness"); got != "none 255" {
			t.Errorf("up: %q", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestNothingIsWrittenWhileTheStateStays is why the kernel blinks.
func TestNothingIsWrittenWhileTheStateStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "led")
	led(t, dir)
	var b box
	b.Store(Condition{})
	l := New(dir, &b, slog.New(slog.DiscardHandler))
	l.update(time.Unix(1, 0))
	if err := os.WriteFile(filepath.Join(dir, "trigger"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l.update(time.Unix(2, 0))
	if got := read(t, dir, "trigger"); got != "" {
		t.Errorf("wrote trigger %q again", got)
	}
}
