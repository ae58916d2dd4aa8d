//go:build vm

package cellular

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/carrier"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/internal/kmod"
)

func TestMain(m *testing.M) {
	loader, err := kmod.Open("/lib/modules")
	if err == nil {
		err = loader.Load(slices.Concat(vhci.Modules, Modules, []string{"cdc_mbim", "qmi_wwan", "option"})...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// supplied is a bus whose power is that of an emulated modem.
type supplied struct {
	*Ports
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

func (r *remedies) WithAttrs([]slog.Attr) slog.Handler { return r }

// shelf is a Store in memory.
type shelf struct{ kept sync.Map }

func (s *shelf) Save(name string, v any) error {
	b, err := json.Marshal(v)
	s.kept.Store(name, b)
	return err
}

func (s *shelf) Load(name string, v any) (bool, error) {
	b, ok := s.kept.Load(name)
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(b.([]byte), v)
}

// wholeLadder has the test climb all of the ladder, which takes minutes.
var wholeLadder = flag.Bool("ladder.whole", false, "climb to the last remedy for a modem that hangs")

// TestTheLadderBringsTheModemBack has a modem hang before the station finds it, until
// the cure that a case is about. What is gentler is tried first, and then no more.
func TestTheLadderBringsTheModemBack(t *testing.T) {
	ladder := []string{"open it again", "reset on the bus", "take the driver away and give it back", "take it off the bus and back", "power off and on"}
	type test struct {
		profile usb.Profile
		cure    emulator.Cure
		want    []string
	}
	tests := []test{{usb.MBIM, emulator.ByConfiguration, ladder[:2]}} // which the kernel restores after a reset
	if *wholeLadder {
		tests = append(tests, test{usb.QMI, emulator.ByPower, ladder})
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("profile %d until %v", test.profile, test.cure), func(t *testing.T) {
			told := &remedies{Handler: slog.NewTextHandler(os.Stderr, nil)}
			log := slog.New(told)
			ctx, cancel := context.WithCancel(context.Background())
			tasks, ctx := errgroup.WithContext(ctx)
			t.Cleanup(func() {
				cancel()
				if err := tasks.Wait(); err != nil {
					t.Error(err)
				}
			})
			e, ports := emulated(t, ctx, tasks, test.profile, log)
			e.Modem.Do(func() { e.HangUntil(test.cure) })
			station := New("m2", Config{}, []Interface{{Name: "lte", Metric: 100}}, Deps{
				Log: log, Bus: supplied{ports, e.Modem}, Records: OpenRecords(&shelf{}, log),
			})
			tasks.Go(func() error { return station.Run(ctx) })

			state := station.Underlays()[0].State()
			for limit := time.After(recoveryPatience); ; {
				s, changed := state.Load()
				if s.Up {
					break
				}
				select {
				case <-changed:
				case <-limit:
					t.Fatalf("the station stays %+v", station.Status())
				}
			}
			told.mu.Lock()
			defer told.mu.Unlock()
			if !slices.Equal(told.all, test.want) {
				t.Errorf("the remedies were %q, want %q", told.all, test.want)
			}
		})
	}
}

// recoveryPatience is how long a ladder may take in an emulated machine.
const recoveryPatience = 5 * time.Minute

// emulated plugs a modem into this kernel and waits until the kernel has it whole.
func emulated(t *testing.T, ctx context.Context, tasks *errgroup.Group, profile usb.Profile, log *slog.Logger) (*emulator.Emulator, *Ports) {
	t.Helper()
	e, err := emulator.New(ctx, profile, virtual.Default())
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.USB()
	if err != nil {
		t.Fatal(err)
	}
	ports := NewPorts(board.Board{Modems: map[string]board.Modem{"m2": {Device: "platform/vhci_hcd.0/usb*/*-1"}}}, &shelf{}, log)
	tasks.Go(func() error { return f.Run(ctx) })
	tasks.Go(func() error { return vhci.Attach(ctx, f) })
	tasks.Go(func() error { return e.Carry(ctx, carrier.NewEcho()) })
	tasks.Go(func() error { return ports.Run(ctx) })
	for limit := time.After(recoveryPatience); ; {
		found, changed := ports.found.Load()
		if len(found) == 1 && len(found[0].Controls) > 0 && len(found[0].Links) > 0 {
			return e, ports
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("the kernel has %+v", found)
		}
	}
}
