package pid1

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDiskMounts(t *testing.T) {
	const mounts = `rootfs / rootfs rw 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
devtmpfs /dev devtmpfs rw,nosuid,noexec,relatime 0 0
/dev/mmcblk0p5 /data ext4 rw,relatime 0 0
/dev/sda1 /data/my\040stick vfat rw 0 0
`
	if got := diskMounts(mounts); !slices.Equal(got, []string{"/data", "/data/my stick"}) {
		t.Errorf("got %q", got)
	}
}

func TestWithinIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		within(time.Minute, func() { time.Sleep(time.Second) })
		if got := time.Since(started); got != time.Second {
			t.Errorf("what ends early took %v", got)
		}
		started = time.Now()
		within(time.Minute, func() { time.Sleep(time.Hour) })
		if got := time.Since(started); got != time.Minute {
			t.Errorf("what hangs took %v", got)
		}
		time.Sleep(time.Hour) // lets it end
	})
}

func TestAPanicEndsTheBox(t *testing.T) {
	var got ending
	func() {
		defer crashOn(func(e ending) { got = e })
		panic("no way")
	}()
	if got.how != crash || !strings.HasPrefix(got.why, "panic: no way\n") || !strings.Contains(got.why, "TestAPanicEndsTheBox") {
		t.Errorf("got %+v, want a crash with the panic's value and stack", got)
	}
}
