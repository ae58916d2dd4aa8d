//go:build vm

package interop

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// supplied is a bus whose power is that of an emulated modem.
type supplied struct {
	*cellular.Ports
	modem *virtual.Modem
}

func (b supplied) Power(context.Context, string) error {
	b.modem.Do(func() {
		b.modem.SetPower(false)
		b.modem.SetPower(true)
	})
	return nil
}

// remedies keeps those that a station's log tells of.
type remedies struct {
	slog.Handler
	mu  sync.Mutex
	all []string
}

func (r *remedies) Handle(ctx context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "remedy" {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.all = append(r.all, a.Value.String())
		}
		return true
	})
	return r.Handler.Handle(ctx, record)
}

// soFar are those that there were so far.
func (r *remedies) soFar() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *remedies) WithAttrs([]slog.Attr) slog.Handler { return r }

// wholeLadder has the test climb all of the ladder, which takes minutes.
var wholeLadder = flag.Bool("ladder.whole", false, "climb to the last remedy for a modem that hangs")

// TestTheLadderBringsTheModemBack has a modem hang until the cure that a case is about. What is gentler is tried first, and then no more.
func TestTheLadderBringsTheModemBack(t *testing.T) {
	ladder := []string{"open it again", "reset on the bus", "take the driver away and give it back", "take it off the bus and back", "power off and on"}
	type test struct {
		profile usb.Profile
		cure    emulator.Cure
		// late: it hangs once it is connected.
		late bool
		want []string
	}
	tests := []test{{usb.QMI, emulator.ByOpening, true, ladder[:1]}}
	if *wholeLadder {
		tests = append(tests,
			test{usb.MBIM, emulator.ByConfiguration, false, ladder[:2]}, // which the kernel restores after a reset
			test{usb.QMI, emulator.ByPower, false, ladder})
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("profile %d until %v", test.profile, test.cure), func(t *testing.T) {
			told := &remedies{Handler: slog.NewTextHandler(os.Stderr, nil)}
			log := slog.New(told)
			m := plugIn(t, test.profile, quick())
			hang := func() { m.Modem.Do(func() { m.HangUntil(test.cure) }) }
			if !test.late {
				hang()
			}
			ports := cellular.NewPorts(socket, forgetful{}, log)
			s := cellular.New("modem", cellular.Config{}, []cellular.Interface{{Name: "lte", Metric: 100}}, cellular.Deps{
				Log: log, Bus: supplied{ports, m.Modem}, Records: cellular.OpenRecords(forgetful{}, log),
			})
			ours := station{ports, s, s.Underlays()[0]}
			ctx, cancel := context.WithTimeout(t.Context(), recoveryPatience)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- ours.run(ctx) }()
			if test.late {
				must(t, ours.await(ctx, true))
				hang()
				go s.Refresh(ctx) // which asks the modem something
				// A remedy is tried once the connection has been taken back.
				eventually(t, "a remedy", func() bool { return len(told.soFar()) > 0 })
			}
			if err := ours.await(ctx, true); err != nil {
				t.Errorf("the station stays %+v: %v", s.Status(), err)
			}
			cancel()
			must(t, <-done)
			if all := told.soFar(); !slices.Equal(all, test.want) {
				t.Errorf("the remedies were %q, want %q", all, test.want)
			}
		})
	}
}

// recoveryPatience is how long a ladder may take in an emulated machine.
const recoveryPatience = 10 * time.Minute
