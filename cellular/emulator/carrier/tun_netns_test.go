//go:build netns

package carrier

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"
)

// TestTUNCarries pings the kernel behind the device as a modem would.
func TestTUNCarries(t *testing.T) {
	tun, err := Open("cell", netip.MustParsePrefix("192.0.2.2/24"), netip.MustParsePrefix("2001:db8::2/64"))
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 64)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- tun.Run(ctx, func(packet []byte) {
			select {
			case got <- packet:
			case <-ctx.Done():
			}
		})
	}()
	for _, ping := range []string{ping4, ping6} {
		want, ok := answerPing([]byte(ping))
		if !ok {
			t.Fatal("the test sends no ping")
		}
		// The kernel needs a moment to find out that an IPv6 address is its own, and
		// until then loses what comes for it.
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		limit := time.After(time.Minute)
		tun.Send([]byte(ping))
		for answered := false; !answered; {
			select {
			case packet := <-got: // others are the kernel's own, such as its search for routers
				answered = bytes.HasSuffix(packet, want[len(want)-8:])
			case <-again.C:
				tun.Send([]byte(ping))
			case <-limit:
				t.Fatalf("% x is not answered", ping)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	again, err := Open("cell") // whose name is free now
	if err != nil {
		t.Fatal(err)
	}
	if err := again.file.Close(); err != nil {
		t.Error(err)
	}
}
