//go:build netns

package probe

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/lab/sandbox"
)

// segment joins two namespaces by a bridge and returns the first.
func segment(t *testing.T, bridge string, first, second netip.Prefix) *sandbox.Namespace {
	t.Helper()
	if err := sandbox.AddBridge(bridge); err != nil {
		t.Fatal(err)
	}
	attach := func(name string, address netip.Prefix) *sandbox.Namespace {
		ns, err := sandbox.NewNamespace(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ns.Close() })
		if err := ns.Attach(bridge, "eth0", address); err != nil {
			t.Fatal(err)
		}
		return ns
	}
	attach("b", second)
	return attach("a", first)
}

func TestPingAndCaptureSeeTheSame(t *testing.T) {
	from, to := netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("192.0.2.2/24")
	ns := segment(t, "probe", from, to)
	link, err := ns.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	capture, err := NewCapture("probe-a", net.HardwareAddr(link.Attrs().HardwareAddr))
	if err != nil {
		t.Fatal(err)
	}
	var ping *Ping
	err = ns.Do(func() (err error) {
		ping, err = NewPing(from.Addr(), to.Addr(), 10*time.Millisecond)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- capture.Run(ctx) }()
	go func() { done <- ping.Run(ctx) }()

	// The ping may be ahead of the capture, but not by five packets.
	number, err := ping.Steady(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if lost, sent := ping.Lost(number, number+10); lost != 0 || sent != 10 {
		t.Errorf("%d of %d lost, want 0 of 10", lost, sent)
	}
	// The capture may be late on a busy machine: it is another goroutine.
	for limit := time.Now().Add(time.Minute); capture.Sent(ICMP) < 5 || capture.Received(ICMP) < 5; {
		if time.Now().After(limit) {
			t.Fatalf("captured %s, want the pings and their answers", capture)
		}
		if _, _, err := ping.Answer(t.Context(), ping.Mark()); err != nil {
			t.Fatal(err)
		}
	}

	if err := ns.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	if _, err := ping.Silence(t.Context(), ping.Mark(), 3); err != nil {
		t.Error(err)
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
