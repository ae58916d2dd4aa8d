//go:build vm

package port

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/internal/value"
)

// patience is how long anything may take in an emulated machine.
const patience = 60 * time.Second

// echo is a channel that says what it is told.
type echo chan []byte

func (e echo) Send(message []byte)    { e <- message }
func (e echo) Receive() <-chan []byte { return e }
func (e echo) Reset(usb.Reset)        {}

// silence is a network in which nobody says anything.
type silence struct{}

func (silence) Send(uint8, []byte)         {}
func (silence) Receive() <-chan usb.Packet { return nil }

// lab is a watch of the VM's modems.
type lab struct {
	t      *testing.T
	modems value.Value[[]Found]
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Watch(ctx, &l.modems) }()
	t.Cleanup(func() {
		l.await("the end of all modems", func(all []Found) bool { return len(all) == 0 })
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

// modem makes a modem of the profile, unplugged, until the test ends.
func (l *lab) modem(profile usb.Profile) *usb.Function {
	l.t.Helper()
	cfg := usb.Config{Profile: profile, Packets: silence{}}
	if profile != usb.ECM {
		cfg.Control = make(echo, 64)
	}
	if profile != usb.MBIM {
		cfg.AT = make(echo, 64)
	}
	f, err := usb.New(cfg)
	must(l.t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- f.Run(ctx) }()
	go func() { done <- vhci.Attach(ctx, f) }()
	l.t.Cleanup(func() {
		f.Unplug()
		stop()
		for range 2 {
			must(l.t, <-done)
		}
	})
	return f
}

// await waits until the list of the modems is as it should be.
func (l *lab) await(what string, condition func([]Found) bool) []Found {
	l.t.Helper()
	timeout := time.After(patience)
	for {
		all, changed := l.modems.Load()
		if condition(all) {
			return all
		}
		select {
		case <-changed:
		case <-timeout:
			l.t.Fatalf("%s does not come; there is %+v", what, all)
		}
	}
}

// at waits for the modem in the given port of vhci.
func (l *lab) at(port string) Found {
	l.t.Helper()
	all := l.await("a modem at "+port, func(all []Found) bool { return slices.ContainsFunc(all, inPort(port)) })
	return all[slices.IndexFunc(all, inPort(port))]
}

// gone waits until no modem is in the given port.
func (l *lab) gone(port string) {
	l.t.Helper()
	l.await("the end of the modem at "+port, func(all []Found) bool { return !slices.ContainsFunc(all, inPort(port)) })
}

// inPort matches an ID by its port, such as "-1". The bus's number is the kernel's
// choice.
func inPort(port string) func(Found) bool {
	return func(f Found) bool { return strings.HasSuffix(f.ID, port) }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
