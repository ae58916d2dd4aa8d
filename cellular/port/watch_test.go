package port

import (
	"context"
	"io/fs"
	"maps"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/internal/uevent"
	"github.com/farspoke/farspoke/internal/value"
)

// bus is a /sys that changes.
type bus struct {
	mu  sync.Mutex
	now fstest.MapFS
}

func (b *bus) set(now fstest.MapFS) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = now
}

func (b *bus) current() fstest.MapFS {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bus) Open(name string) (fs.File, error)          { return b.current().Open(name) }
func (b *bus) ReadLink(name string) (string, error)       { return b.current().ReadLink(name) }
func (b *bus) Lstat(name string) (fs.FileInfo, error)     { return b.current().Lstat(name) }
func (b *bus) ReadDir(name string) ([]fs.DirEntry, error) { return b.current().ReadDir(name) }

// watched runs a watch of the bus in a bubble. tell is an event of the kernel;
// reports are the lists that were set, with the time since the start.
type watched struct {
	*bus
	changes chan struct{}
	modems  value.Value[[]Found]
	start   time.Time
	reports []report
}

type report struct {
	After time.Duration
	Nodes []string // the preferred node of each modem
}

func startWatch(t *testing.T, sys fstest.MapFS) *watched {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watched{bus: &bus{now: sys}, changes: make(chan struct{}, 1), start: time.Now()}
	done := make(chan error, 1)
	run := watch{sys: w.bus, modems: &w.modems, seen: make(map[string]sighting)}
	_, first := w.modems.Load()
	go func() { done <- run.run(ctx, w.changes) }()
	go func() {
		for changed := first; ; {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
			var list []Found
			list, changed = w.modems.Load()
			r := report{After: time.Since(w.start)}
			for _, f := range list {
				r.Nodes = append(r.Nodes, f.Controls[0].Node)
			}
			w.reports = append(w.reports, r)
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return w
}

// becomes makes the bus look like sys, with an event if told.
func (w *watched) becomes(sys fstest.MapFS, told bool) {
	w.set(sys)
	if told {
		w.changes <- struct{}{}
	}
	synctest.Wait()
}

// after returns the reports after some time more.
func (w *watched) after(d time.Duration) []report {
	time.Sleep(d)
	synctest.Wait()
	return w.reports
}

func without(sys fstest.MapFS, files ...string) fstest.MapFS {
	sys = maps.Clone(sys)
	for _, f := range files {
		delete(sys, f)
	}
	return sys
}

// TestWatchReportsAtOnce: a modem is reported by the event that completes it, not
// before, and its departure too.
func TestWatchReportsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := tree(t, "emulator.txt")
		const link = "devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0/net/wwan0/ifindex"
		w := startWatch(t, fstest.MapFS{})
		time.Sleep(time.Minute)
		w.becomes(without(whole, link), true)
		w.becomes(whole, true)
		time.Sleep(time.Minute)
		w.becomes(fstest.MapFS{}, true)
		if diff := cmp.Diff([]report{
			{0, nil},
			{time.Minute, nil},
			{time.Minute, []string{"/dev/cdc-wdm0"}},
			{2 * time.Minute, nil},
		}, w.reports); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWatchTellsOfTheSameNames: a modem that has come back under its old names
// between two looks is reported again.
func TestWatchTellsOfTheSameNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, tree(t, "emulator.txt"))
		w.becomes(w.now, true)
		if len(w.reports) != 2 {
			t.Errorf("reports %+v, want two", w.reports)
		}
	})
}

// TestWatchLetsSerialPortsSettle: a modem with nothing but serial ports is
// reported when no more of them come.
func TestWatchLetsSerialPortsSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := tree(t, "huawei-ecm.txt")
		const device = "devices/platform/soc/3f980000.usb/usb1/1-1/1-1.3/"
		last := device + "1-1.3:2.10/ttyUSB3/tty/ttyUSB3/dev"
		w := startWatch(t, without(whole, last))
		time.Sleep(settleTime / 2)
		w.becomes(whole, true)
		if diff := cmp.Diff([]report{
			{0, nil},
			{settleTime / 2, nil},
			{settleTime / 2 * 3, []string{"/dev/ttyUSB0"}},
		}, w.after(10*settleTime)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWatchLooksByItself: a change that the kernel does not tell of is noticed in
// the end, and nothing else is reported.
func TestWatchLooksByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWatch(t, fstest.MapFS{})
		w.becomes(tree(t, "emulator.txt"), false)
		if diff := cmp.Diff([]report{{0, nil}, {lookPeriod, []string{"/dev/cdc-wdm0"}}}, w.after(time.Hour)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWatchEndsWhenItCannotLook says so to who can start it again.
func TestWatchEndsWhenItCannotLook(t *testing.T) {
	w := watch{sys: broken{}, modems: new(value.Value[[]Found])}
	if err := w.run(t.Context(), nil); err == nil {
		t.Error("no error")
	}
}

func TestConcerns(t *testing.T) {
	for event, want := range map[[2]string]bool{
		{"usbmisc", "/devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0/usbmisc/cdc-wdm0"}: true,
		{"net", "/devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0/net/wwan0"}:            true,
		{"net", "/devices/virtual/net/wwan0.5"}:                                       false,
		{"wwan", "/devices/pci0000:00/0000:01:00.0/mhi0/wwan/wwan0/wwan0mbim0"}:       true,
		{"tty", "/devices/virtual/tty/ptmx"}:                                          false,
		{"block", "/devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0/host0/block/sda"}:    false,
	} {
		e := uevent.Event{Action: "add", Path: event[1], Vars: map[string]string{"SUBSYSTEM": event[0]}}
		if concerns(e) != want {
			t.Errorf("%v: %v, want %v", event, !want, want)
		}
	}
}
