package cellular

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/cellular/at/athost"
	"github.com/farspoke/farspoke/cellular/clat"
	"github.com/farspoke/farspoke/cellular/mbim/mbimhost"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/cellular/qmi/qmihost"
	"github.com/farspoke/farspoke/internal/value"
)

// Modules are the kernel modules that connections need, and Drivers those of modems,
// which load by themselves.
var (
	Modules = slices.Concat(port.Modules, clat.Modules)
	Drivers = port.Drivers
)

// Ports is the Bus of the box: the modems of its kernel. It is a task of the router
// process.
type Ports struct {
	board board.Board
	state Store
	log   *slog.Logger
	found value.Value[[]port.Found]
}

// NewPorts returns the modems of a board. State outlives the process.
func NewPorts(b board.Board, state Store, log *slog.Logger) *Ports {
	return &Ports{board: b, state: state, log: log}
}

// String names the task.
func (*Ports) String() string { return "modem ports" }

// Run follows what comes and goes until ctx is cancelled. First it undoes what an
// earlier process may have left undone: a modem without power or without its driver.
func (p *Ports) Run(ctx context.Context) error {
	for _, m := range p.board.Modems {
		if err := port.PowerUp(m); err != nil && !errors.Is(err, modem.ErrUnsupported) {
			p.log.Warn("modem's power cannot be switched on", "slot", m.Slot, "err", err)
		}
	}
	if err := port.Restore(); err != nil {
		p.log.Warn("a modem may have been left without its driver", "err", err)
	}
	return port.Watch(ctx, &p.found)
}

// Await implements Bus.
func (p *Ports) Await(ctx context.Context, name string, last Device) (Device, error) {
	if was, ok := last.(onBus); ok {
		timer := time.NewTimer(retryPause)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-was.changed:
		case <-timer.C:
		}
	}
	for {
		found, changed := p.found.Load()
		for _, f := range found {
			if at, ok := p.board.Modem(f.ID); ok && at == name {
				return onBus{f, changed, callRecord{p.state, name, p.log}, p.log}, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

const (
	// retryPause is how long a modem that has gone or could not be opened is left
	// alone while nothing changes on the bus.
	retryPause = time.Second
	// powerOff is how long a modem is left without power, so that it has forgotten
	// everything.
	powerOff = 3 * time.Second
)

// Power implements Bus.
func (p *Ports) Power(ctx context.Context, name string) error {
	return port.PowerCycle(ctx, p.board.Modems[name], powerOff)
}

// onBus is a modem on the box's bus. changed is closed when the bus changes.
type onBus struct {
	port.Found
	changed <-chan struct{}
	calls   callRecord
	log     *slog.Logger
}

// String says what the modem calls itself, and its place on the bus.
func (d onBus) String() string {
	return fmt.Sprintf("%s (%04x:%04x) at %s", d.Model, d.Vendor, d.Product, path.Base(d.ID))
}

// Open begins a conversation over the preferred control port. Of several ports for AT
// commands the first that answers is taken.
func (d onBus) Open(ctx context.Context, sessions int) (modem.Modem, error) {
	var errs []error
	for _, control := range d.Controls {
		if control.Protocol != d.Controls[0].Protocol {
			break
		}
		p, err := port.Open(control)
		if err == nil {
			var m modem.Modem
			if m, err = speak(ctx, control.Protocol, p, sessions, d.calls, d.log); err == nil {
				return m, nil
			}
		}
		errs = append(errs, fmt.Errorf("%v over %s: %w", control.Protocol, control.Node, err))
	}
	return nil, errors.Join(errs...)
}

// speak begins a conversation in a protocol.
func speak(ctx context.Context, protocol port.Protocol, p mbimhost.Port, sessions int, calls qmihost.Memory, log *slog.Logger) (modem.Modem, error) {
	switch protocol {
	case port.MBIM:
		return mbimhost.Open(ctx, p, log)
	case port.QMI:
		return qmihost.Resume(ctx, p, qmihost.Path{Channels: sessions > 1}, calls, log)
	}
	return athost.Open(ctx, p, log)
}

// Links makes the network devices of the sessions, and gives them their names.
func (d onBus) Links(names []string) error {
	sessions := make([]int, len(names))
	for i := range sessions {
		sessions[i] = i
	}
	have, err := port.DataLinks(d.Found, sessions...)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := rename(have[i], name); err != nil {
			return fmt.Errorf("name network device %s as %s: %w", have[i], name, err)
		}
	}
	return nil
}

// rename gives a network device another name, for which it has to be down.
func rename(from, to string) error {
	if from == to {
		return nil
	}
	link, err := netlink.LinkByName(from)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetDown(link); err != nil {
		return err
	}
	return netlink.LinkSetName(link, to)
}

// Resets are the ways that the bus has.
func (d onBus) Resets() []Reset {
	way := func(name string, do func() error) Reset {
		return Reset{Name: name, Do: func(context.Context) error { return do() }}
	}
	return []Reset{
		way("reset on the bus", d.Reset),
		way("take the driver away and give it back", d.Rebind),
		way("take it off the bus and back", d.Reauthorize),
	}
}
