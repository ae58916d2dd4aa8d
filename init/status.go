package main

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/bootlog"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/config"
	"github.com/farspoke/farspoke/internal/lockdown"
	"github.com/farspoke/farspoke/internal/privileged"
)

// source is the router process as the control socket shows it.
type source struct {
	box     *box
	boot    bootstate.Report
	path    string       // of the configuration
	file    *config.File // nil if the configuration has a problem
	problem error
	steps   *milestones
	pid1    *privileged.Client
}

// Status implements api.Source.
func (s *source) Status() api.Status {
	status := s.box.status()
	status.Version = version
	status.Uptime = bootlog.Uptime().Seconds()
	status.Goroutines = runtime.NumGoroutine()
	status.Milestones = s.steps.First()
	status.Boot = s.boot
	if latest, err := readBootReport(); err == nil {
		status.Boot = latest // a trial ends while the router runs
	}
	status.Lockdown = lockdown.Read(os.DirFS("/"))
	status.Config.File = s.path
	if s.problem != nil {
		status.Config.Problem = s.problem.Error()
	}
	return status
}

// freshness is how long somebody who asks waits for a modem's answer.
const freshness = time.Second

// Cellular implements api.Source.
func (s *source) Cellular(ctx context.Context) []cellular.Status {
	ctx, cancel := context.WithTimeout(ctx, freshness)
	defer cancel()
	modems := []cellular.Status{}
	for _, station := range s.box.stations {
		station.Refresh(ctx)
		modems = append(modems, station.Status())
	}
	return modems
}

// Paths implements api.Source.
func (s *source) Paths(to netip.Addr) []api.Path {
	paths := []api.Path{}
	for _, t := range s.box.tunnels {
		paths = append(paths, api.Path{Tunnel: t.Name(), Text: t.Explain(to)})
	}
	return paths
}

// Config implements api.Source.
func (s *source) Config() []byte {
	text, err := os.ReadFile(s.path)
	if err != nil {
		return nil // Status says why
	}
	return text
}

// Reboot implements api.Source.
func (s *source) Reboot(ctx context.Context) error { return s.pid1.Reboot(ctx) }

// FactoryReset implements api.Source.
func (s *source) FactoryReset(ctx context.Context) error { return s.pid1.FactoryReset(ctx) }

// control is the task that answers on the control socket.
type control struct {
	source api.Source
	log    *slog.Logger
}

func (c *control) String() string { return "control" }

// Run implements supervise.Task.
func (c *control) Run(ctx context.Context) error {
	listener, err := api.Listen(api.Socket)
	if err != nil {
		return err
	}
	return api.Serve(ctx, listener, c.source, c.log.With("component", c.String()))
}
