package firewall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// packetLog hands out the lines given to it.
type packetLog struct {
	lines chan Logged
	err   error
}

func (p packetLog) Logs(context.Context) (<-chan Logged, error) { return p.lines, p.err }

// plain writes lines without time.
func plain(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func telnet() Logged {
	return Logged{
		Time:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Decision: Decision{"drop", "outside", "self", "default"},
		In:       "wan0",
		Headers: Headers{
			Protocol: "tcp", Source: netip.MustParseAddr("198.51.100.7"), SourcePort: 40112,
			Destination: netip.MustParseAddr("203.0.113.2"), DestinationPort: 23, Flags: "SYN",
		},
	}
}

func TestLoggerWrites(t *testing.T) {
	for name, test := range map[string]struct {
		line Logged
		want string
	}{
		"TCP": {
			telnet(),
			`level=INFO msg=dropped from=outside to=self class=default proto=tcp source=198.51.100.7:40112 destination=203.0.113.2:23 flags=SYN in=wan0`,
		},
		"IPv6 between zones": {
			Logged{
				Decision: Decision{"reject", "inside", "outside", "reject web, mail"}, In: "lan0", Out: "wan0",
				Headers: Headers{
					Protocol: "udp", Source: netip.MustParseAddr("2001:db8::7"), SourcePort: 4000,
					Destination: netip.MustParseAddr("2001:db8:1::2"), DestinationPort: 80,
				},
			},
			`level=INFO msg=rejected from=inside to=outside class="reject web, mail" proto=udp source=[2001:db8::7]:4000 destination=[2001:db8:1::2]:80 in=lan0 out=wan0`,
		},
		"ICMP": {
			Logged{
				Decision: Decision{"inspect", "self", "outside", "ping"}, Out: "wan0",
				Headers: Headers{Protocol: "icmp", ICMP: "echo-request", Source: netip.MustParseAddr("203.0.113.2"), Destination: netip.MustParseAddr("192.0.2.1")},
			},
			`level=INFO msg=inspected from=self to=outside class=ping proto=icmp source=203.0.113.2 destination=192.0.2.1 icmp=echo-request out=wan0`,
		},
		"no packet and no zones": {
			Logged{Decision: Decision{"pass", "", "", "default"}},
			`level=INFO msg=passed class=default`,
		},
		"after lost lines": {
			Logged{Decision: Decision{"pass", "", "", "default"}, Lost: 12},
			"level=WARN msg=\"lines of the firewall's log were lost\" lines=12\nlevel=INFO msg=passed class=default",
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines := make(chan Logged, 1)
			lines <- test.line
			close(lines)
			var out bytes.Buffer
			if err := NewLogger(packetLog{lines: lines}, plain(&out)).Run(t.Context()); err == nil {
				t.Error("Run returned no error after the lines ended")
			}
			if got := strings.TrimSpace(out.String()); got != test.want {
				t.Errorf("written was\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestLoggerEnds(t *testing.T) {
	broken := errors.New("broken")
	if err := NewLogger(packetLog{err: broken}, slog.New(slog.DiscardHandler)).Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Run returned %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lines := make(chan Logged)
	close(lines)
	if err := NewLogger(packetLog{lines: lines}, slog.New(slog.DiscardHandler)).Run(ctx); err != nil {
		t.Errorf("Run returned %v after its context ended", err)
	}
}

func TestLoggerWithoutPacketLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := NewLogger(packetLog{err: fmt.Errorf("bind: %w", ErrNoPacketLog)}, plain(&out))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("Run returned %v", err)
		default:
		}
		if n := strings.Count(out.String(), "level=WARN"); n != 1 {
			t.Errorf("there were %d warnings:\n%s", n, &out)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

// TestRecent reads while lines come in.
func TestRecent(t *testing.T) {
	lines := make(chan Logged)
	l := NewLogger(packetLog{lines: lines}, slog.New(slog.DiscardHandler))
	go func() {
		defer close(lines)
		for i := range uint16(250) {
			line := telnet()
			line.SourcePort = i
			lines <- line
			l.Recent()
		}
	}()
	if recent := l.Recent(); len(recent) != 0 {
		t.Errorf("before the first line there are %d", len(recent))
	}
	l.Run(t.Context())
	recent := l.Recent()
	if len(recent) != recentLines || recent[0].SourcePort != 150 || recent[recentLines-1].SourcePort != 249 {
		t.Errorf("there are %d lines, from %d to %d", len(recent), recent[0].SourcePort, recent[len(recent)-1].SourcePort)
	}
	recent[0].Class = "changed"
	if l.Recent()[0].Class == "changed" {
		t.Error("the lines are the logger's own")
	}
}

func TestLoggedJSON(t *testing.T) {
	const want = `{"time":"2026-03-01T12:00:00Z","verdict":"drop","from":"outside","to":"self","class":"default","in":"wan0",` +
		`"protocol":"tcp","source":"198.51.100.7","destination":"203.0.113.2","source-port":40112,"destination-port":23,"flags":"SYN"}`
	text, err := json.Marshal(telnet())
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v\nwant %s", text, err, want)
	}
	var back Logged
	if err := json.Unmarshal(text, &back); err != nil || back != telnet() {
		t.Errorf("read back is %+v, %v", back, err)
	}
}
