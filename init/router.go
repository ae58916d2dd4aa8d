package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/config"
	"github.com/farspoke/farspoke/internal/metrics"
	"github.com/farspoke/farspoke/internal/privileged"
	"github.com/farspoke/farspoke/internal/settle"
	"github.com/farspoke/farspoke/internal/supervise"
)

const (
	// imageConfig is the configuration that came with the image; its secrets lie
	// beside it.
	imageConfig = "/etc/farspoke/farspoke.yaml"
	// memoryConfig is the directory of the configuration of a box without a disk.
	memoryConfig = "/run/farspoke/config"
	// stateDir is on a tmpfs that only root reads.
	stateDir = "/run/farspoke/state"
	// settled is when the start is over at the latest.
	settled = 20 * time.Second
	// goodbyeTime bounds how long the peers are told that the box goes down.
	goodbyeTime = 4 * time.Second
)

// router is the router process: it builds the components that the
// configuration asks for and runs them until ctx is cancelled, which means
// that the box goes down. A process that is killed instead leaves everything
// in the kernel and in stateDir to the next one.
func router(ctx context.Context, log *slog.Logger, pid1 *privileged.Client) error {
	steps := newMilestones(log.Handler())
	log = slog.New(steps)
	file, problem := config.Load(imageConfig)
	if err := pid1.AwaitBoot(ctx); err != nil {
		return err
	}
	booted := bootReport(log)
	path, err := configFile(booted)
	if err != nil {
		log.Error("no change of the firewall can be committed", "err", err)
	}
	if path != imageConfig {
		file, problem = config.Load(path)
	}
	// Before any link comes up; a table of an earlier process stays.
	if err := firewall.Seal(firewall.Netfilter{}); err != nil {
		return fmt.Errorf("close the firewall: %w", err)
	}
	b := new(box)
	if problem == nil {
		b, problem = start(ctx, file, booted, pid1, log)
	}
	// A box whose configuration is broken stays closed, and its console works.
	if problem != nil {
		log.Error("the configuration cannot be used: the box stays closed until it is mended", "err", problem)
	}
	giveBack := time.AfterFunc(settled, settle.Now)
	defer giveBack.Stop()
	shown := &source{box: b, boot: booted, path: path, file: file, problem: problem, steps: steps, pid1: pid1}
	tasks := append(b.tasks(), &control{source: shown, log: log}, &pulse{box: b, pid1: pid1})
	pressed := newButton(booted, pid1.FactoryReset, log)
	if pressed != nil {
		tasks = append(tasks, pressed)
	}
	tasks = append(tasks, lights(b, pressed, problem, log)...)
	if problem == nil && file.Metrics != nil {
		tasks = append(tasks, metrics.New(*file.Metrics, shown.Status, log.With("component", "metrics")))
	}
	supervise.Run(ctx, log, tasks...)

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	return b.shutdown(ctx)
}

// start builds the box that the configuration describes. On an error the box is
// empty.
func start(ctx context.Context, file *config.File, booted bootstate.Report, pid1 *privileged.Client, log *slog.Logger) (*box, error) {
	for _, warning := range file.Warnings() {
		log.Warn(warning.Error())
	}
	state, err := checkpoint.Open(stateDir)
	if err != nil {
		return new(box), err
	}
	records, err := openRecords(booted, state)
	if err != nil {
		log.Error("what should outlast a power cut will not", "err", err)
	}
	held := &sockets{pid1: pid1, kept: privileged.Kept(), log: log}
	b, err := build(ctx, file, stores{state, records}, held, log)
	if err != nil {
		return new(box), err
	}
	return b, nil
}
