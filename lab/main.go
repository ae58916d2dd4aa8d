// Command lab boots the box in QEMU behind a carrier NAT, against a DMVPN hub
// of another make, watches it from outside, and measures it beside a spoke of
// that make. Nothing in it is faked: the hub is Debian's strongSwan and FRR,
// the carrier's server is dnsmasq, the NAT is the kernel's.
//
//	lab run [lte] [disk]    boot, show the timeline, hand over the box's console; lte:
//	                    with a modem instead of a cable; disk: from a disk, through
//	                    the boot loader
//	lab check [lte] [disk]  boot, show the timeline, leave with a status
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
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/lab/handshake"
	"github.com/farspoke/farspoke/lab/sandbox"
)

const usage = "usage: lab run [lte] [disk] | check [lte] [disk] | list | test [REGEXP] | bench [FIGURE] | soak [DURATION]"

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	status, err := command(ctx, flag.Arg(0), flag.Arg(1), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// command runs the command of the given name; argument is the first of all that
// follow it, more begins with the name.
func command(ctx context.Context, name, argument string, more []string) (status int, err error) {
	switch name {
	case "run", "check":
		r := start{interactive: name == "run"}
		for _, word := range more[1:] {
			switch word {
			case "lte":
				r.lte = true
			case "disk":
				r.disk = true
			default:
				return 2, fmt.Errorf("%q is unknown here: write lte for a modem in place of the cable, disk for a start from one", word)
			}
		}
		return inside(ctx, need{disk: r.diskSite()}, func() error { return r.run(ctx) })
	case "list":
		return 0, list(os.Stdout)
	case "test":
		return test(ctx, argument)
	case handshake.ServeCommand: // the bench starts it
		return 0, handshake.Serve(ctx, argument, flag.Arg(2))
	case "bench":
		return inside(ctx, need{bench: true, disk: ordinarySite()}, func() error { return bench(ctx, argument) })
	case "soak":
		duration := ordinarySoak
		if argument != "" {
			if duration, err = time.ParseDuration(argument); err != nil {
				return 2, err
			}
		}
		return inside(ctx, need{}, func() error { return runSoak(ctx, duration) })
	}
	flag.Usage()
	return 2, errors.New("no such command")
}

// inside runs f in the sandbox, with the images prepared outside of it.
func inside(ctx context.Context, want need, f func() error) (status int, err error) {
	if !sandbox.Inside() {
		fmt.Fprintln(os.Stderr, "lab: building the images (minutes the first time, seconds later)")
		remove, err := prepareImages(ctx, want)
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
