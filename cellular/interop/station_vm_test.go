//go:build vm

package interop

import (
	"context"
	"log/slog"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/cellular"
)

// socket is the place of the emulated modem, as the boards have theirs.
var socket = board.Board{Modems: map[string]board.Modem{"modem": {Device: "platform/vhci_hcd.0/usb*/*"}}}

// forgetful is a store that keeps nothing.
type forgetful struct{}

func (forgetful) Save(string, any) error         { return nil }
func (forgetful) Load(string, any) (bool, error) { return false, nil }

// station is our side: what the router process runs for a modem.
type station struct {
	ports    *cellular.Ports
	station  *cellular.Station
	underlay *cellular.Underlay
}

func newStation(log *slog.Logger) station {
	ports := cellular.NewPorts(socket, forgetful{}, log)
	s := cellular.New("modem", cellular.Config{}, []cellular.Interface{{Name: "lte", Metric: 100}}, cellular.Deps{
		Log: log, Bus: ports, Records: cellular.OpenRecords(forgetful{}, log),
	})
	return station{ports, s, s.Underlays()[0]}
}

func (s station) run(ctx context.Context) error {
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return s.ports.Run(ctx) })
	tasks.Go(func() error { return s.station.Run(ctx) })
	return tasks.Wait()
}

// await waits until the connection is there, or is not. State tells only after the
// network device has its addresses and routes.
func (s station) await(ctx context.Context, up bool) error {
	for {
		state, changed := s.underlay.State().Load()
		if state.Up == up {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startStation runs it until the returned function is called.
func startStation(t testing.TB) (s station, stop func()) {
	s = newStation(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	return s, func() {
		cancel()
		must(t, <-done)
	}
}
