package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// setupTurns is how many turns each initiator has, and setupsInTurn how often
	// it sets SAs up in one; the median of all counts.
	setupTurns   = 4
	setupsInTurn = 25
)

// interopDir is where the tests of IKEv2 with other makes are.
const interopDir = "ikev2/interop"

// setup compares what our Engine and charon need to set SAs up.
func setup(ctx context.Context, built images) ([]Figure, error) {
	out, err := built.Interop.run(ctx, "-test.run=^TestSetup$", fmt.Sprintf("-turns=%d", setupTurns), fmt.Sprintf("-setups=%d", setupsInTurn))
	if err != nil {
		return nil, err
	}
	ours, peers, err := parseSetups(out)
	if err != nil {
		return nil, err
	}
	return []Figure{
		{
			ID: "sa-setup/trips", Ours: median(ours.trips), Peer: median(peers.trips), Unit: "round trips", Target: 2, Absolute: true,
			Method: fmt.Sprintf("From where there is nothing to installed SAs: ours from the call of Protect until it returns, the peer's for as long as `swanctl --initiate` waits for charon. Both initiate from the same place to the same responder, a charon, and are closed each time; IKE_SA_INIT and IKE_AUTH with a pre-shared key and a first child SA for GRE in transport mode, aes256-sha256-ecp256 and ESP with aes256-sha256. There is one group, so that the first guess is right, and no cookie is asked for. Round trips are the messages that the initiator sends, repetitions included. Processor time is that of the initiator's process, with what it does in the tenth of a second after; ours is the Engine with real sockets, netlink and checkpoint, whose process holds the measuring program as well, and the peer's is charon's alone, without swanctl's. Neither writes a log or sends one to swanctl. Median of %d times each, %d by turns of %d, in a virtual machine with the box's kernel; emulated without KVM, so that of the processor time only the ratio says something.",
				len(ours.trips), setupTurns, setupsInTurn),
		},
		{ID: "sa-setup/cpu", Ours: median(ours.cpu), Peer: median(peers.cpu), Unit: "ms", Target: 1},
	}, nil
}

// setups are one initiator's, a value for each time.
type setups struct{ trips, cpu []float64 }

// parseSetups reads what the test prints: a line for each time with the initiator,
// the round trips and the processor time in nanoseconds.
func parseSetups(out string) (ours, peers setups, err error) {
	for line := range strings.Lines(out) {
		var who string
		var trips, nanoseconds float64
		if _, err := fmt.Sscanf(line, "setup %s %g %g", &who, &trips, &nanoseconds); err != nil {
			continue // of the test's own
		}
		to := &peers
		if who == "ours" {
			to = &ours
		}
		to.trips = append(to.trips, trips)
		to.cpu = append(to.cpu, nanoseconds/float64(time.Millisecond))
	}
	if len(ours.trips) == 0 || len(peers.trips) == 0 {
		err = errors.New("the test printed no set-ups")
	}
	return ours, peers, err
}
