//go:build vm

package xfrm

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClockJumps: the kernel measures the age of SAs by the wall clock, so ours
// have no limits of time. A clock that jumps fifty years, as one without a
// battery does, ends none of them, and neither does its way back, after which
// the newer SA looks like the older one.
func TestClockJumps(t *testing.T) {
	spoke, hub := newLab(t)
	s := suite{aead: gcm}
	connect(spoke, hub, s)
	exchange(spoke, hub)
	for _, jump := range []time.Duration{50, -50} {
		adjust(t, jump*365*24*time.Hour)
		exchange(spoke, hub)
		if states := spoke.states(); len(states) != 2 {
			t.Errorf("after %d years there are %d SAs, want 2", jump, len(states))
		}
	}

	adjust(t, -time.Hour)
	toHub, toSpoke := s.pair()
	old := turn(toHub)
	toHub.SPI, toSpoke.SPI = 0x3003, 0x4004
	hub.add(toHub, toSpoke)
	spoke.add(turn(toSpoke), turn(toHub))
	if err := spoke.xfrm.DeleteSA(old.ID()); err != nil {
		t.Fatal(err)
	}
	exchange(spoke, hub)
	for _, state := range hub.states() {
		if state.SPI == toHub.SPI && state.Counters.Packets == 0 {
			t.Error("the spoke does not use the SA that it installed after the clock went back")
		}
	}

	for {
		select {
		case event := <-spoke.events:
			if expired, ok := event.(Expire); ok {
				t.Errorf("the kernel says %+v", expired)
			}
			continue
		default:
		}
		break
	}
}

// adjust moves the wall clock.
func adjust(t *testing.T, by time.Duration) {
	t.Helper()
	to := unix.NsecToTimespec(time.Now().Add(by).UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &to); err != nil {
		t.Fatal(err)
	}
}
