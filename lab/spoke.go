package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/lab/probe"
	"github.com/farspoke/farspoke/lab/qemu"
)

// pingInterval is how often the branch's host pings headquarters.
const pingInterval = 50 * time.Millisecond

// milestone is a step of a spoke's start that its console tells of.
type milestone struct {
	name    string
	pattern string
}

// kind is a make of spoke.
type kind struct {
	name string
	// machine describes the machine for a branch.
	machine    func(dir string, at *Branch) (qemu.Config, error)
	milestones []milestone
	// modem is that of its uplink, 0 for a cable, in the world of the scenario.
	modem    usb.Profile
	scenario virtual.Scenario
	// shell starts the shell on the second serial port, if it does not start
	// by itself.
	shell func(ctx context.Context, console *qemu.Console) error
	// killControl ends the process that speaks IKE as a bug in it would, and
	// sees to it that it is started again as on a real machine.
	killControl func(ctx context.Context, spoke *Spoke) error
}

// box is our firmware with a site's configuration, as an engineer would have
// it.
func box(image boxImage, site Site) kind {
	return kind{
		name: "box",
		machine: func(dir string, at *Branch) (qemu.Config, error) {
			archive, err := image.withSite(dir, site.at(at), "")
			return qemu.Config{Kernel: image.Kernel, Initramfs: archive, Args: image.Args, Watchdog: true}, err
		},
		milestones: []milestone{
			{"init", `milestone=init`},
			{"router", `milestone=router`},
			{"lease", `milestone=lease`},
			{"ike", `milestone=ike`},
			{"nhrp", `milestone=nhrp`},
		},
	}
}

// mobile is a box whose uplink is a modem of the profile.
func mobile(k kind, profile usb.Profile) kind {
	k.name, k.modem, k.scenario = k.name+"-lte", profile, virtual.Default()
	k.milestones = []milestone{
		{"init", `milestone=init`},
		{"router", `milestone=router`},
		{"modem", `milestone=modem`},
		{"online", `milestone=online`},
		{"ike", `milestone=ike`},
		{"nhrp", `milestone=nhrp`},
	}
	return k
}

// testedBox is our firmware with the lab's shell beside it, and with further
// archives.
func testedBox(images images, image boxImage, site Site, more ...string) kind {
	k := box(image, site)
	k.machine = func(dir string, at *Branch) (qemu.Config, error) {
		archive, err := image.withSite(dir, site.at(at), images.Agent, more...)
		return qemu.Config{Kernel: image.Kernel, Initramfs: archive, Args: image.Args, Watchdog: true, Shell: true}, err
	}
	k.shell = func(ctx context.Context, console *qemu.Console) error {
		if _, err := console.Wait(ctx, 0, `Type \? for help`); err != nil {
			return err
		}
		mark := console.Mark()
		if _, err := console.Write([]byte("shell\r")); err != nil {
			return err
		}
		_, err := console.Wait(ctx, mark, "agent serves")
		return err
	}
	k.killControl = func(ctx context.Context, s *Spoke) error {
		pid, err := s.pidOf(ctx, "router")
		if err != nil {
			return err
		}
		_, err = s.Run(ctx, fmt.Sprintf("kill -9 %d", pid))
		return err
	}
	return k
}

// peer is the baseline, strongSwan and FRR in the place of our box. The arguments
// are for its /init.
func peer(images images, args ...string) kind {
	return kind{
		name: "peer",
		machine: func(_ string, at *Branch) (qemu.Config, error) {
			args := slices.Concat(guestArgs, args, []string{fmt.Sprintf("branch=%d", at.number)})
			return qemu.Config{Kernel: images.Peer.Kernel, Initramfs: images.Peer.Initramfs, Args: args, Shell: true}, nil
		},
		milestones: []milestone{
			{"lease", `milestone=lease`},
			{"ike", `CHILD_SA gre\{\d+\} established`},
		},
		killControl: func(ctx context.Context, s *Spoke) error { return charonAgain(ctx, s, "-KILL") },
	}
}

// Spoke is a running spoke, with the branch's host pinging headquarters through
// it and a capture of what it sends to the carrier.
type Spoke struct {
	*qemu.VM
	Ping    *probe.Ping
	Capture *probe.Capture
	// Cell is its modem, if it has one.
	Cell *Cell

	lab   *Lab
	kind  kind
	at    *Branch
	stop  context.CancelFunc
	watch *errgroup.Group

	shell sync.Mutex
	asked bool // the shell has been started
}

// Boot starts a spoke at the first branch.
func (l *Lab) Boot(ctx context.Context, kind kind) (*Spoke, error) {
	return l.BootAt(ctx, l.First, kind)
}

// BootAt starts a spoke at a branch, which holds one at a time. It runs until ctx
// ends or Close is called.
func (l *Lab) BootAt(ctx context.Context, at *Branch, kind kind) (*Spoke, error) {
	dir := filepath.Join(l.dir, at.carrier)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	cfg, err := kind.machine(dir, at)
	if err != nil {
		return nil, err
	}
	cfg.Name, cfg.CPUs, cfg.MemoryMiB, cfg.NICs = kind.name, 2, 512, at.nics
	if at == l.Second {
		cfg.Name += "18"
	}
	cfg.Log = logFile(cfg.Name)
	ctx, stop := context.WithCancel(ctx)
	s := &Spoke{lab: l, kind: kind, at: at, stop: stop}
	s.watch, ctx = errgroup.WithContext(ctx)
	if kind.modem != 0 {
		var socket string
		if s.Cell, socket, err = l.newCell(ctx, dir, kind.modem, kind.scenario); err != nil {
			stop()
			return nil, err
		}
		s.watch.Go(func() error { return s.Cell.Run(ctx) })
		cfg.USB = []string{socket}
	}
	// Both watch before there is anything to see.
	if err := errors.Join(s.ping(ctx), s.capture(ctx)); err != nil {
		stop()
		return nil, err
	}
	if s.VM, err = qemu.Start(ctx, l.dir, cfg); err != nil {
		stop()
		return nil, err
	}
	return s, nil
}

// bootSteady starts a spoke that neither hub nor carrier know, and waits until it
// carries traffic.
func (l *Lab) bootSteady(ctx context.Context, kind kind) (*Spoke, error) {
	if err := errors.Join(l.ForgetSpoke(ctx), l.FlushNAT()); err != nil {
		return nil, err
	}
	spoke, err := l.Boot(ctx, kind)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not there after %v", startLimit))
	defer cancel()
	if _, err := spoke.Ping.Steady(limited, 0, steadyPackets); err != nil {
		spoke.dump(40)
		return nil, errors.Join(err, spoke.Close())
	}
	return spoke, nil
}

// ping starts the ping of the branch's host.
func (s *Spoke) ping(ctx context.Context) error {
	err := s.at.Host.Do(func() (err error) {
		s.Ping, err = probe.NewPing(s.at.host.Addr(), hqAddress.Addr(), pingInterval)
		return err
	})
	if err != nil {
		return err
	}
	s.watch.Go(func() error { return s.Ping.Run(ctx) })
	return nil
}

// capture starts the captures on the spoke's side of the carrier: on its cable, and
// in the mobile network of its modem.
func (s *Spoke) capture(ctx context.Context) error {
	mac, err := net.ParseMAC(s.at.nics[0].MAC)
	if err != nil {
		return err
	}
	if s.Capture, err = probe.NewCapture(s.at.nics[0].Tap, mac); err != nil {
		return err
	}
	s.watch.Go(func() error { return s.Capture.Run(ctx) })
	if s.Cell == nil {
		return nil
	}
	return s.lab.NAT.Do(func() error {
		mobile, err := probe.NewPacketCapture(cellDevice, cellPool, cellPool6)
		if err != nil {
			return err
		}
		mobile.Join(s.Capture)
		s.watch.Go(func() error { return mobile.Run(ctx) })
		return nil
	})
}

// Close pulls the spoke's plug.
func (s *Spoke) Close() error {
	s.VM.Stop()
	s.stop()
	return s.watch.Wait()
}

// Event is a step of a spoke's start, After its kernel's.
type Event struct {
	Name  string
	After time.Duration
}

// Events sends the steps of a start as they happen, the first protected ping
// last, and then closes the channel. It ends early with ctx.
func (s *Spoke) Events(ctx context.Context) <-chan Event {
	events := make(chan Event)
	var sources sync.WaitGroup
	send := func(name string, at time.Time) {
		select {
		case events <- Event{name, at.Sub(s.Started)}:
		case <-ctx.Done():
		}
	}
	for _, m := range s.kind.milestones {
		sources.Go(func() {
			if line, err := s.Console.Wait(ctx, 0, m.pattern); err == nil {
				send(m.name, line.At)
			}
		})
	}
	sources.Go(func() {
		if _, at, err := s.Ping.Answer(ctx, 0); err == nil {
			send("ping", at)
		}
	})
	go func() {
		sources.Wait()
		close(events)
	}()
	return events
}

// Protected returns an error unless the hub has taken packets out of an SA of
// the spoke and none has been seen outside of one.
func (s *Spoke) Protected(ctx context.Context) error {
	sas, err := s.lab.HubSAs(ctx)
	if err != nil {
		return err
	}
	packets := 0
	for _, sa := range sas {
		packets += sa.PacketsIn
	}
	switch {
	case packets == 0:
		return fmt.Errorf("the ping is answered, but the hub has taken no packet out of ESP: %+v", sas)
	case s.Capture.Sent(probe.ESP) == 0:
		return fmt.Errorf("the ping is answered, but the carrier has seen no ESP: %s", s.Capture)
	}
	return s.NoClearGRE()
}

// NoClearGRE returns an error if GRE has ever crossed the carrier outside of
// ESP.
func (s *Spoke) NoClearGRE() error {
	if s.Capture.Sent(probe.ClearGRE)+s.Capture.Received(probe.ClearGRE) == 0 {
		return nil
	}
	return fmt.Errorf("GRE has crossed the carrier in clear: %s\nfirst packet: %s", s.Capture, s.Capture.First(probe.ClearGRE))
}

// dump writes the end of the spoke's console to standard error.
func (s *Spoke) dump(lines int) {
	all := s.Console.Since(0)
	for _, line := range all[max(0, len(all)-lines):] {
		fmt.Fprintf(os.Stderr, "%s %8.2f  %s\n", s.kind.name, line.At.Sub(s.Started).Seconds(), line.Text)
	}
}
