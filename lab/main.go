// Command lab boots the box in QEMU behind a carrier NAT, against a DMVPN hub
// of another make, watches it from outside, and measures it beside a spoke of
// that make. Nothing in it is faked: the hub is Debian's strongSwan and FRR,
// the carrier's server is dnsmasq, the NAT is the kernel's.
//
//	lab run [UPLINK]    boot, show the timeline, hand over the box's console; with
//	                    UPLINK lte the box has a modem instead of a cable
//	lab check [UPLINK]  boot, show the timeline, leave with a status
//	lab list            name the scenarios, a line each
//	lab test [REGEXP]   run the scenarios, or those whose name matches
//	lab bench [FIGURE]  measure all figures, or one
//	lab soak [DURATION] run a box in steady trouble, an hour if nothing else is said
//
// The whole lab lives in namespaces of its own, needs no root where the kernel
// gives namespaces to everybody, and ends with the command.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/lab/handshake"
	"github.com/farspoke/farspoke/lab/sandbox"
)

const usage = "usage: lab run [lte] | check [lte] | list | test [REGEXP] | bench [FIGURE] | soak [DURATION]"

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	status, err := command(ctx, flag.Arg(0), flag.Arg(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

func command(ctx context.Context, name, argument string) (status int, err error) {
	switch name {
	case "run", "check":
		if !slices.Contains([]string{"", "lte"}, argument) {
			return 2, fmt.Errorf("there is no uplink %q: write lte, or nothing for a cable", argument)
		}
		return inside(ctx, false, func() error { return run(ctx, name == "run", argument == "lte") })
	case "list":
		return 0, list(os.Stdout)
	case "test":
		return test(ctx, argument)
	case handshake.ServeCommand: // the bench starts it
		return 0, handshake.Serve(ctx, argument, flag.Arg(2))
	case "bench":
		return inside(ctx, true, func() error { return bench(ctx, argument) })
	case "soak":
		duration := ordinarySoak
		if argument != "" {
			if duration, err = time.ParseDuration(argument); err != nil {
				return 2, err
			}
		}
		return inside(ctx, false, func() error { return runSoak(ctx, duration) })
	}
	flag.Usage()
	return 2, errors.New("no such command")
}

// inside runs f in the sandbox, with the images prepared outside of it.
func inside(ctx context.Context, release bool, f func() error) (status int, err error) {
	if !sandbox.Inside() {
		fmt.Fprintln(os.Stderr, "lab: building the images (minutes the first time, seconds later)")
		remove, err := prepareImages(ctx, release)
		if err != nil {
			return 1, err
		}
		defer remove()
	}
	entered, status, err := sandbox.Enter(ctx)
	if err != nil || !entered {
		return status, err
	}
	return 0, f()
}
