package handshake

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/secret"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// ServeCommand is the argument by which the lab's program becomes our responder,
// in a process of its own.
const ServeCommand = "respond"

// Ours is our Engine, in a process that the program starts which calls Serve
// when its argument is ServeCommand.
func Ours(dir, proposal string) Responder {
	return Responder{Name: "our engine", Proposal: proposal, start: func(ctx context.Context, ns *sandbox.Namespace, cpu int) (*process, error) {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		p, err := start(ctx, ns, cpu, "", "/proc/self/exe", ServeCommand, dir, proposal)
		if err != nil {
			return nil, err
		}
		if err := appears(ctx, readyFile(dir)); err != nil {
			p.end()
			return nil, fmt.Errorf("%w\n%s", err, p.output.Bytes())
		}
		return p, nil
	}}
}

// Serve runs our Engine as a responder for whoever has the key, with the sockets
// and the kernel of the namespace it is in and its checkpoint below dir.
func Serve(ctx context.Context, dir, proposal string) error {
	records, err := checkpoint.Open(filepath.Join(dir, "records"))
	if err != nil {
		return err
	}
	handle, err := xfrm.Open()
	if err != nil {
		return err
	}
	cfg := ikev2.Config{"hub": {
		Local:  ikev2.Local{PSK: secret.New("hub", psk)},
		Remote: ikev2.Remote{ID: "any"},
		IKE:    []string{proposal}, ESP: []string{espProposal},
	}}
	up := new(value.Value[uplink.State])
	up.Set(uplink.State{Name: "eth0", Up: true, Address: responderAddress})
	engine, err := ikev2.New("", cfg, ikev2.Deps{
		Kernel: newKernel(handle), Monitor: deaf{}, Uplink: up, Checkpoint: records,
		Listen: func() (ikev2.Socket, error) {
			conn, err := udp.Open("", nil, nil)
			if err != nil {
				return nil, err
			}
			return conn, os.WriteFile(readyFile(dir), nil, 0o600)
		},
		Log: slog.New(slog.DiscardHandler), Strangers: 1 << 20,
	})
	if err != nil {
		return err
	}
	hub, err := engine.Profile("hub")
	if err != nil {
		return err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return engine.Run(ctx) })
	tasks.Go(func() error { return hub.Accept(ctx, func(netip.Addr) {}) })
	return tasks.Wait()
}

// readyFile exists once the responder hears its spokes.
func readyFile(dir string) string { return filepath.Join(dir, "ready") }

// deaf hears no events: a kernel without ESP has none.
type deaf struct{}

func (deaf) Run(ctx context.Context, _ func(xfrm.Event)) error {
	<-ctx.Done()
	return nil
}
