package bootlog

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// records keeps what /dev/kmsg would take as one record each.
type records []string

func (r *records) Write(p []byte) (int, error) {
	*r = append(*r, string(p))
	return len(p), nil
}

// newLog returns a logger of a box that has been up for 2.5 s.
func newLog(level slog.Level) (log *slog.Logger, kmsg *records, console *strings.Builder) {
	kmsg, console = new(records), new(strings.Builder)
	h := New("router", kmsg, console, level)
	h.out.uptime = func() time.Duration { return 2500 * time.Millisecond }
	return slog.New(h), kmsg, console
}

func TestRecords(t *testing.T) {
	log, kmsg, console := newLog(slog.LevelInfo)
	wan := log.With("component", "wan")
	log.Debug("not asked for")
	log.Info("starting")
	wan.Info("lease obtained", "address", "10.0.0.2/24", "milestone", "lease")
	wan.With("server", "10.0.0.1").Warn("server is silent", "err", errors.New("no answer in 4 s"))
	wan.WithGroup("lease").Error("lease lost", "left", time.Second)

	want := records{
		"<30>router: starting\n",
		"<30>wan: lease obtained address=10.0.0.2/24 milestone=lease\n",
		"<28>wan: server is silent server=10.0.0.1 err=\"no answer in 4 s\"\n",
		"<27>wan: lease lost lease.left=1s\n",
	}
	if !slices.Equal(*kmsg, want) {
		t.Errorf("kernel log\n%q\nwant\n%q", *kmsg, want)
	}
	const wantConsole = "[   2.500] wan: lease obtained address=10.0.0.2/24 milestone=lease\r\n" +
		"[   2.500] wan: server is silent server=10.0.0.1 err=\"no answer in 4 s\"\r\n" +
		"[   2.500] wan: lease lost lease.left=1s\r\n"
	if console.String() != wantConsole {
		t.Errorf("console\n%q\nwant\n%q", console.String(), wantConsole)
	}
}

func TestMilestoneOfADerivedLog(t *testing.T) {
	log, _, console := newLog(slog.LevelInfo)
	log.With("milestone", "ike").Info("tunnel is up")
	if !strings.Contains(console.String(), "milestone=ike") {
		t.Errorf("console %q lacks the milestone", console)
	}
}

func TestLongLinesAreSplit(t *testing.T) {
	log, kmsg, _ := newLog(slog.LevelInfo)
	text := strings.Repeat("è", 1500)
	log.Info(text)
	var got strings.Builder
	for _, r := range *kmsg {
		if len(r) > 976 {
			t.Errorf("the kernel refuses a record of %d octets", len(r))
		}
		if !utf8.ValidString(r) {
			t.Errorf("record cut within a character: %q", r[len(r)-8:])
		}
		got.WriteString(strings.TrimSuffix(strings.TrimPrefix(r, "<30>"), "\n"))
	}
	if len(*kmsg) != 4 || got.String() != "router: "+text {
		t.Errorf("%d records do not add up to the message", len(*kmsg))
	}
}

func TestUptimeRuns(t *testing.T) {
	if Uptime() <= 0 {
		t.Error("the kernel has not started")
	}
}
