package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clientDir is where the Next Hop Client and its benchmarks are.
const clientDir = "dmvpn/nhc"

// buildClient builds the benchmarks of the Next Hop Client for this machine.
func buildClient(ctx context.Context, root, dir string, built *images) error {
	built.Client = filepath.Join(dir, "nhc.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", built.Client, "./"+clientDir)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the benchmarks of the Next Hop Client: %w\n%s", err, out)
	}
	return nil
}

// shortcutCost measures what direct paths cost the box itself.
func shortcutCost(ctx context.Context, built images) ([]Figure, error) {
	cmd := exec.CommandContext(ctx, built.Client, "-test.run=^$", "-test.bench=Shortcut", "-test.benchtime=10x")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run the benchmarks of the Next Hop Client: %w", err)
	}
	memory, err := metric(string(out), "B/shortcut")
	if err != nil {
		return nil, err
	}
	core, err := metric(string(out), "%core")
	if err != nil {
		return nil, err
	}
	return []Figure{
		{
			ID: "shortcut-cost/memory", Ours: memory, Unit: "octets", Target: 4096,
			Method: "The Next Hop Client with 1,000 direct paths, all of them used and renewed, with a holding time of 300 s; on this machine without emulation, in virtual time. Memory is what the heap grew by for each path; processor time is that of one core, in percent, with what is encoded to be kept over a restart and without IKE and the kernel's part.",
		},
		{ID: "shortcut-cost/cpu", Ours: core, Unit: "%", Target: 1},
	}, nil
}

// metric returns the value that a benchmark reports under a unit.
func metric(out, unit string) (value float64, err error) {
	words := strings.Fields(out)
	for i, word := range words {
		if word == unit && i > 0 {
			_, err = fmt.Sscan(words[i-1], &value)
			return value, err
		}
	}
	return 0, fmt.Errorf("the benchmark reports no %s:\n%s", unit, out)
}
