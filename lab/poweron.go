package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// stages are where the boot loader's time goes, in the order of its console: what
// it does until it says what matches the pattern.
var stages = []struct{ work, pattern string }{
	{"until it takes a slot", `^farspoke: slot`},
	{"to read the slot", `^## Loading kernel`},
	{"to verify it", `Uncompressing Kernel Image`},
	{"to unpack the kernel", `^Starting kernel`},
}

// powerOn boots our box by turns from its disk, through our boot loader, and
// directly, as the lab's other boxes start, and measures each start.
func powerOn(ctx context.Context, built images) ([]Figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := lab.WaitHub(ctx, 0); err != nil {
		return nil, err
	}
	direct := box(built.Release, ordinarySite())
	file := filepath.Join(lab.dir, "box.disk")
	if err := flash(built.Disk.Disk, file); err != nil {
		return nil, err
	}
	disk := fromDisk(direct, built.Disk.BootLoader, func(string) (string, error) { return file, nil })
	// The first start of a new disk makes the data partition, once in a box's life.
	first, err := lab.measureStart(ctx, disk, nil)
	if err != nil {
		return nil, fmt.Errorf("start from the new disk: %w", err)
	}
	var times [2][]float64 // in seconds, from the disk and directly
	shares := make([][]float64, len(stages))
	share := func(s *Spoke) error { return s.stages(ctx, shares) }
	for round := range rounds {
		for i, start := range []func() (float64, error){
			func() (float64, error) { return lab.measureStart(ctx, disk, share) },
			func() (float64, error) { return lab.measureStart(ctx, direct, nil) },
		} {
			seconds, err := start()
			if err != nil {
				return nil, fmt.Errorf("start from the disk and without by turns, round %d: %w", round+1, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %s %.2f s\n", round+1, []string{"from the disk", "directly"}[i], seconds)
			times[i] = append(times[i], seconds)
		}
	}
	if err := lab.drawStart(ctx, disk); err != nil {
		return nil, err
	}
	work, whole := "", 0.0
	for i, stage := range stages {
		seconds := median(shares[i])
		whole += seconds
		work += fmt.Sprintf(", %.2f s %s", seconds, stage.work)
	}
	return []Figure{{
		ID: "power-on-to-ping", Ours: median(times[0]), Peer: median(times[1]), Unit: "s", Target: 1.5,
		Method: fmt.Sprintf("From the machine's first instruction to the first answer that a host in the branch gets from headquarters through ESP (it asks every %v), through our U-Boot, a signed FIT image on a disk and its data partition; in the column of the peer the same firmware without a disk, whose kernel QEMU unpacks and puts into memory before that instruction. Median of %d starts each, by turns, in one lab with one hub. The boot loader takes %.2f s%s. The very first start, which also makes the data partition, took %.2f s.",
			pingInterval, rounds, whole, work, first),
	}}, nil
}

// stages adds what each of the stages took to the column of its own, in seconds.
func (s *Spoke) stages(ctx context.Context, columns [][]float64) error {
	begin := s.Started
	for i, stage := range stages {
		line, err := s.Console.Wait(ctx, 0, stage.pattern)
		if err != nil {
			return err
		}
		columns[i] = append(columns[i], line.At.Sub(begin).Seconds())
		begin = line.At
	}
	return nil
}

// drawStart boots a spoke once more and draws its timeline for the README.
func (l *Lab) drawStart(ctx context.Context, kind kind) error {
	if err := errors.Join(l.ForgetSpoke(ctx), l.FlushNAT()); err != nil {
		return err
	}
	spoke, err := l.Boot(ctx, kind)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not there after %v", startLimit))
	defer cancel()
	timeline, err := follow(ctx, spoke, os.Stderr)
	if err := errors.Join(err, spoke.Close()); err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	var picture bytes.Buffer
	if err := timeline.draw(&picture, "From power-on to headquarters, from a signed image on a disk, in QEMU without KVM"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs", "boot-timeline.svg"), picture.Bytes(), 0o644); err != nil {
		return fmt.Errorf("draw the boot timeline: %w", err)
	}
	return nil
}
