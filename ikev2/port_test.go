package ikev2

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestPortsOfSessionsAreRetained restarts a spoke whose saved session uses a port
// of its own, and takes the session from it then.
func TestPortsOfSessionsAreRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const port = 50007
		l, spoke, hub, _ := pair(t)
		if got := l.retained(spokeAddr); len(got) != 0 {
			t.Errorf("retained without need: %v", got)
		}
		spoke.stop()
		for name, record := range spoke.memory.records {
			spoke.memory.records[name] = bytes.ReplaceAll(record,
				fmt.Appendf(nil, `"%s:500"`, spokeAddr), fmt.Appendf(nil, `"%s:%d"`, spokeAddr, port))
		}
		sent := l.sent.Load()
		spoke.boot(testProfile(goodKey))
		if got := l.retained(spokeAddr); !slices.Equal(got, []uint16{port}) || l.sent.Load() != sent {
			t.Errorf("retained are %v after %d messages, want %d before any", got, l.sent.Load()-sent, port)
		}
		spoke.link(hubAddr) // any other address
		time.Sleep(time.Minute)
		if got := l.retained(spokeAddr); len(got) != 0 {
			t.Errorf("retained when no session uses it any more: %v", got)
		}
		spoke.stop()
		hub.stop()
	})
}
