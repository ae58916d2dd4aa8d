//go:build lab

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/farspoke/farspoke/lab/probe"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// Limits of the lab's waits. A loaded machine under emulation is slow; nothing
// here measures speed.
const (
	startUp  = 3 * time.Minute // a spoke's start
	recovery = 3 * time.Minute // the end of a fault until traffic flows again
	word     = 3 * time.Minute // a fault until the log tells of it
)

// TestMain moves the tests into the labs' sandboxes.
func TestMain(m *testing.M) {
	flag.Parse()
	run := lanes
	if sandbox.Inside() {
		run = func(ctx context.Context) (int, error) {
			return inside(ctx, need{}, func() error {
				if m.Run() != 0 {
					return errors.New("a scenario failed")
				}
				return nil
			})
		}
	}
	status, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// shared is the lab of all scenarios. Each has a spoke of its own; the hub
// stays, as it does in life.
var shared = sync.OnceValues(func() (*Lab, error) {
	return Open(context.Background()) // for as long as the process lives
})

// open returns the lab with a hub that serves and has not met the spoke, and
// a carrier in good order, which it is again when the test ends.
func open(t *testing.T) *Lab {
	t.Helper()
	lab, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx := limit(t, startUp)
	if err := lab.WaitHub(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if err := lab.ForgetSpoke(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := lab.Fault(ctx); err != nil {
			t.Errorf("end the fault: %v", err)
		}
		if err := lab.DHCP.Restart(ctx, ordinaryLease); err != nil {
			t.Errorf("restore the DHCP server: %v", err)
		}
	})
	return lab
}

// ordinaryBox is our box as it should be set up for the lab.
func ordinaryBox(lab *Lab) kind { return testedBox(lab.images, lab.images.Box, ordinarySite()) }

// boot starts a spoke that is switched off when the test ends. No test leaves
// GRE in clear on the carrier's network unnoticed.
func boot(t *testing.T, lab *Lab, kind kind) *Spoke {
	t.Helper()
	spoke, err := lab.Boot(context.Background(), kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			spoke.dump(60)
			lab.show(context.Background(), os.Stderr)
		}
		if err := spoke.NoClearGRE(); err != nil {
			t.Error(err)
		}
		if err := spoke.Close(); err != nil {
			t.Error(err)
		}
	})
	return spoke
}

// bringUp boots a spoke and waits for its first protected ping.
func bringUp(t *testing.T, lab *Lab, kind kind) *Spoke {
	t.Helper()
	spoke := boot(t, lab, kind)
	answered(t, spoke, 0, startUp)
	return spoke
}

// answered waits until ten pings in a row after mark are answered, and proves
// that they were protected.
func answered(t *testing.T, spoke *Spoke, mark int, within time.Duration) {
	t.Helper()
	ctx := limit(t, within)
	if _, err := spoke.Ping.Steady(ctx, mark, 10); err != nil {
		t.Fatalf("%v; the carrier saw: %s", err, spoke.Capture)
	}
	var err error
	// An SA that has just taken the place of another has carried nothing yet.
	eventually(t, func() bool {
		err = spoke.Protected(ctx)
		return err == nil
	}, func() string { return err.Error() })
}

// loses checks that no more than allowed of the packets from mark up to but without
// end are lost: one that another has overtaken is not.
func loses(t *testing.T, ping *probe.Ping, mark, end, allowed int) {
	t.Helper()
	var lost, sent int
	eventually(t, func() bool {
		lost, sent = ping.Lost(mark, end)
		return lost <= allowed
	}, func() string {
		return fmt.Sprintf("%d of %d packets are lost, want at most %d; sent at: %s", lost, sent, allowed, ping.Gaps(mark, end))
	})
}

// says waits until the spoke's console, after mark, says something that
// matches pattern.
func says(t *testing.T, spoke *Spoke, mark int, pattern string) {
	t.Helper()
	line, err := spoke.Console.Wait(limit(t, word), mark, pattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the %s says: %s", spoke.kind.name, line.Text)
}

// onHub runs a command on the hub.
func onHub(t *testing.T, lab *Lab, command string) string {
	t.Helper()
	out, err := lab.Hub.Run(limit(t, word), command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// establishedSA returns the one CHILD_SA that the hub has with the spoke. One that
// was replaced is there until its deletion is answered.
func establishedSA(t *testing.T, lab *Lab) HubSA {
	t.Helper()
	var sas []HubSA
	eventually(t, func() bool {
		var err error
		if sas, err = lab.HubSAs(limit(t, word)); err != nil {
			t.Fatal(err)
		}
		return len(sas) == 1
	}, func() string { return fmt.Sprintf("the hub has %d CHILD_SAs, want 1: %+v", len(sas), sas) })
	return sas[0]
}

// eventually waits until something is so; otherwise says what is instead.
func eventually(t *testing.T, is func() bool, otherwise func() string) {
	t.Helper()
	for wait := limit(t, word); !is(); {
		if err := pause(wait, 100*time.Millisecond); err != nil {
			t.Fatalf("%s (%v)", otherwise(), err)
		}
	}
}

// limit returns a context for one step of a test.
func limit(t *testing.T, within time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), within, fmt.Errorf("not within %v", within))
	t.Cleanup(cancel)
	return ctx
}
