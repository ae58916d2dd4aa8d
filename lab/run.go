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
// protected ping. A busy machine takes several times as long as an idle one.
const checkLimit = 10 * time.Minute

// start is what somebody wants to see of the box.
type start struct {
	// interactive hands over the box's console in the end.
	interactive bool
	// lte gives the box a modem in place of a cable.
	lte bool
	// disk starts it from a disk, through the boot loader.
	disk bool
}

// site is the configuration of the box.
func (r start) site() Site {
	if r.lte {
		return ordinarySite().mobile()
	}
	return ordinarySite()
}

// diskSite is the site that the disk is to be built with, nil for no disk.
func (r start) diskSite() Site {
	if !r.disk {
		return nil
	}
	return r.site()
}

// box is the box.
func (r start) box(images images) kind {
	k := box(images.Box, r.site())
	if r.disk {
		k = onDisk(k, images.Disk)
	}
	if r.lte {
		k = mobile(k, usb.MBIM)
	}
	return k
}

// run boots the lab with our box and shows the timeline of its start.
func (r start) run(ctx context.Context) error {
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
	spoke, err := lab.Boot(ctx, r.box(lab.images))
	if err != nil {
		return err
	}
	fmt.Println("box      starts")
	timeline, err := follow(limited, spoke, os.Stdout)
	if err != nil && !r.interactive {
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
	if r.interactive && term.IsTerminal(int(os.Stdin.Fd())) {
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
