//go:build lab

package main

import (
	"context"
	"slices"
	"testing"
)

// elsewhere are the faults that have a scenario of their own, which looks at
// more than the recovery.
var elsewhere = []string{"hub-reboots", "nat-moves", "control-plane-killed"}

// TestFaults: all that goes wrong between a branch and its hub in a long life,
// one thing after another; each time traffic is back by itself. How soon is measured
// by the bench (fault-recovery).
func TestFaults(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	for _, f := range faults {
		if slices.Contains(elsewhere, f.name) {
			continue
		}
		if !t.Run(f.name, func(t *testing.T) { survives(t, lab, spoke, f) }) {
			return // the next would meet a spoke that is down
		}
	}
}

// survives causes a fault to the spoke and takes it back.
func survives(t *testing.T, lab *Lab, spoke *Spoke, f fault) {
	outage, err := f.survive(t.Context(), lab, spoke, recovery)
	if f.mend != nil {
		if err := f.mend(context.WithoutCancel(t.Context()), lab, spoke); err != nil {
			t.Fatal(err)
		}
	}
	if err != nil {
		t.Fatalf("%v; the carrier saw: %s", err, spoke.Capture)
	}
	t.Logf("%s: no traffic for %.2f s", f.summary, outage.Seconds())
	if _, err := spoke.Ping.Steady(limit(t, recovery), spoke.Ping.Mark(), steadyPackets); err != nil {
		t.Fatal(err)
	}
}
