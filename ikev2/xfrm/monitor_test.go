package xfrm

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"
)

func TestMonitorSaysWhatItLost(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	m := &Monitor{nltest.Dial(func([]netlink.Message) ([]netlink.Message, error) {
		switch calls++; calls {
		case 1:
			return nil, unix.ENOBUFS
		case 2:
			return []netlink.Message{message(msgAcquire, goldenBytes(t, goldenAcquire))}, nil
		}
		cancel()
		return nil, unix.EBADF
	})}
	defer m.Close()
	var events []Event
	if err := m.Run(ctx, func(e Event) { events = append(events, e) }); err != nil {
		t.Errorf("Run = %v, want nil once its context is cancelled", err)
	}
	want := []Event{Lost{}, Acquire{Src: here, Dst: there, Proto: 47, ReqID: 7}}
	if diff := cmp.Diff(want, events, cmp.Comparer(func(a, b Event) bool { return a == b })); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestMonitorFailsWithItsSocket(t *testing.T) {
	m := &Monitor{nltest.Dial(func([]netlink.Message) ([]netlink.Message, error) { return nil, unix.EBADF })}
	if err := m.Run(t.Context(), func(Event) {}); err == nil {
		t.Error("Run returns nil although its context lives")
	}
}
