//go:build vm

package port

import (
	"errors"
	"os"
	"path"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/modem"
)

// exchange sends a message to the echo behind a port and demands it back.
func exchange(t *testing.T, p *Port, message string) {
	t.Helper()
	must(t, p.SetDeadline(time.Now().Add(patience)))
	_, err := p.Write([]byte(message))
	must(t, err)
	got := make([]byte, 4096)
	n, err := p.Read(got)
	if err != nil || string(got[:n]) != message {
		t.Fatalf("the modem says %q, %v, want %q", got[:n], err, message)
	}
}

// TestResets: each way of resetting takes the modem away from who has its port
// open, and gives it back under the same ID.
func TestResets(t *testing.T) {
	l := newLab(t)
	l.modem(usb.MBIM).Plug(0)
	for _, way := range []struct {
		name  string
		reset func(Found) error
	}{{"Reset", Found.Reset}, {"Rebind", Found.Rebind}, {"Reauthorize", Found.Reauthorize}, {"Reset again", Found.Reset}} {
		t.Run(way.name, func(t *testing.T) {
			f := l.at("-1")
			p, err := Open(f.Controls[0])
			must(t, err)
			defer p.Close()
			exchange(t, p, "before")
			_, changed := l.modems.Load()
			start := time.Now()
			must(t, way.reset(f))
			t.Logf("took %v", time.Since(start))
			must(t, p.SetDeadline(time.Now().Add(patience)))
			if n, err := p.Read(make([]byte, 4096)); !errors.Is(err, modem.ErrGone) {
				t.Errorf("the old port reads %d octets, %v, want %v", n, err, modem.ErrGone)
			}
			if _, err := p.Write([]byte("after")); !errors.Is(err, modem.ErrGone) {
				t.Errorf("the old port writes: %v, want %v", err, modem.ErrGone)
			}
			must(t, p.Close())
			select {
			case <-changed:
			case <-time.After(patience):
				t.Fatal("nothing is reported")
			}
			again := l.at("-1")
			if again.ID != f.ID {
				t.Errorf("%s has become %s", f.ID, again.ID)
			}
			q, err := Open(again.Controls[0])
			must(t, err)
			defer q.Close()
			exchange(t, q, "after")
		})
	}
}

func TestUnplugEndsAPort(t *testing.T) {
	l := newLab(t)
	f := l.modem(usb.MBIM)
	f.Plug(0)
	p, err := Open(l.at("-1").Controls[0])
	must(t, err)
	defer p.Close()
	if _, err := Open(l.at("-1").Controls[0]); !errors.Is(err, ErrBusy) {
		t.Errorf("a second Open: %v, want %v", err, ErrBusy)
	}
	must(t, p.SetDeadline(time.Now().Add(patience)))
	f.Unplug()
	if _, err := p.Read(make([]byte, 4096)); !errors.Is(err, modem.ErrGone) {
		t.Errorf("got %v, want %v", err, modem.ErrGone)
	}
}

// TestRestore leaves a modem as a process would that is killed at the worst moment.
func TestRestore(t *testing.T) {
	l := newLab(t)
	l.modem(usb.MBIM).Plug(0)
	f := l.at("-1")
	for name, leave := range map[string]func() error{
		"unauthorized":     func() error { return write(f.device(root), "authorized", "0") },
		"without a driver": func() error { return write(path.Join(f.device(root), "driver"), "unbind", path.Base(f.ID)) },
	} {
		t.Run(name, func(t *testing.T) {
			must(t, leave())
			l.gone("-1")
			if _, err := os.Stat(f.device(root)); err != nil {
				t.Fatalf("the modem is off the bus: %v", err)
			}
			must(t, Restore())
			l.at("-1")
		})
	}
}
