package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// checkLimit bounds an unattended run, from the start of the hub to the first
// protected ping.
const checkLimit = 150 * time.Second

// run boots the lab with our box and shows the timeline of its start. If
// interactive, it then hands over the box's console. With lte the box has
// a modem.
func run(ctx context.Context, interactive, lte bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	limited, stop := context.WithTimeoutCause(ctx, checkLimit, fmt.Errorf("not there after %v", checkLimit))
	defer stop()

	lab, err := Open(ctx)
	if err != nil {
		return err
	}
	fmt.Println("hub      starts: strongSwan and FRR, behind the carrier's NAT")
	if err := lab.WaitHub(limited, 0); err != nil {
		return err
	}
	k := box(lab.images.Box, ordinarySite())
	if lte {
		k = mobile(box(lab.images.Box, ordinarySite().mobile()), usb.MBIM)
	}
	spoke, err := lab.Boot(ctx, k)
	if err != nil {
		return err
	}
	fmt.Println("box      starts")
	timeline, err := follow(limited, spoke, os.Stdout)
	if err != nil && !interactive {
		spoke.dump(40)
		lab.show(ctx, os.Stderr)
		return errors.Join(err, spoke.Close())
	}
	fmt.Println()
	timeline.print(os.Stdout)
	if err == nil {
		fmt.Println("\nAll of it inside ESP: no GRE in clear on the carrier's network.")
	} else {
		fmt.Println("\nlab:", err)
	}
	if interactive && term.IsTerminal(int(os.Stdin.Fd())) {
		if err := attend(ctx, spoke); err != nil {
			return err
		}
	}
	return errors.Join(err, spoke.NoClearGRE(), spoke.Close())
}

// straggle is how long after the ping the spoke's console may tell of what came
// before it.
const straggle = 2 * time.Second

// follow shows the steps of a spoke's start as they happen, and returns them
// when the ping has gone through ESP.
func follow(ctx context.Context, spoke *Spoke, progress io.Writer) (Timeline, error) {
	steps, cancel := context.WithCancel(ctx)
	defer cancel()
	var timeline Timeline
	for event := range spoke.Events(steps) {
		fmt.Fprintf(progress, "%-8s %6.2f s\n", event.Name, event.After.Seconds())
		timeline = append(timeline, event)
		if event.Name == "ping" {
			time.AfterFunc(straggle, cancel)
		}
	}
	if timeline.at("ping") == 0 {
		return timeline, fmt.Errorf("no ping went through: %w", context.Cause(ctx))
	}
	return timeline, spoke.Protected(ctx)
}
