package main

import (
	"context"
	"fmt"
	"os"

	"github.com/farspoke/farspoke/lab/handshake"
)

const (
	// handshakeRounds is how often each responder is loaded; the median counts.
	handshakeRounds = 5
	// handshakeSpokes come up in a round, handshakesAtATime of them at once.
	handshakeSpokes   = 2000
	handshakesAtATime = 16
)

// handshakeProposal is what the figure is about; handshakeProposalMODP is told
// beside it.
const (
	handshakeProposal     = "aes256-sha256-ecp256"
	handshakeProposalMODP = "aes256-sha256-modp2048"
)

// handshakes loads our responder and charon by turns.
func handshakes(ctx context.Context, built images) ([]Figure, error) {
	network, err := handshake.NewNetwork()
	if err != nil {
		return nil, err
	}
	ecp, err := compareResponders(ctx, network, built, handshakeProposal, handshakeRounds)
	if err != nil {
		return nil, err
	}
	modp, err := compareResponders(ctx, network, built, handshakeProposalMODP, 1)
	if err != nil {
		return nil, err
	}
	return []Figure{{
		ID: "ike-handshakes", Ours: median(ecp[0].perCPUSecond), Peer: median(ecp[1].perCPUSecond), Unit: "1/s", Target: 1.5, AtLeast: true,
		Method: fmt.Sprintf("IKE_SA_INIT and IKE_AUTH with a pre-shared key and a first child SA for GRE in transport mode, %s, in a second of the responder's processor time (from /proc/PID/stat, which other work on the machine hardly changes), on this machine without emulation. %d spokes with addresses of their own come up, %d at a time, against a responder that was just started; the spokes are our own sessions for both. Median of %d such rounds each, by turns. By the clock it was %.0f against %.0f in a second; with %s in one round %.0f against %.0f in a second of processor time. The responder has a processor to itself, the spokes the other. Ours is the Engine as in a box, with real sockets, netlink and checkpoint, and asks each spoke for a cookie first. The peer is charon %s with 8 threads and a large table of IKE SAs; cookies, the limits on half-open IKE SAs and all logs are off. Both ask the kernel to install the SAs; where it has no ESP, as here, charon answers NO_PROPOSAL_CHOSEN for the child SA in the same exchange and keeps the IKE SA, while ours is told that the SAs are there, and so has the more to do.",
			handshakeProposal, handshakeSpokes, handshakesAtATime, handshakeRounds,
			median(ecp[0].perSecond), median(ecp[1].perSecond),
			handshakeProposalMODP, median(modp[0].perCPUSecond), median(modp[1].perCPUSecond), built.CharonVersion),
	}}, nil
}

// handshakeRates are one responder's, a value for each round.
type handshakeRates struct{ perCPUSecond, perSecond []float64 }

// compareResponders returns our rates and charon's.
func compareResponders(ctx context.Context, network *handshake.Network, built images, proposal string, rounds int) (rates [2]handshakeRates, err error) {
	responders := [2]handshake.Responder{
		handshake.Ours("/run/handshake", proposal),
		handshake.Charon(built.Charon, proposal),
	}
	for round := range rounds {
		for i, responder := range responders {
			result, err := network.Round(ctx, responder, handshakeSpokes, handshakesAtATime)
			if err != nil {
				return rates, err
			}
			fmt.Fprintf(os.Stderr, "round %d, %s: %s %.0f handshakes in a second of processor time, %.0f by the clock, %d retransmissions\n",
				round+1, proposal, responder.Name, result.PerCPUSecond(), result.PerSecond(), result.Retransmissions)
			rates[i].perCPUSecond = append(rates[i].perCPUSecond, result.PerCPUSecond())
			rates[i].perSecond = append(rates[i].perSecond, result.PerSecond())
		}
	}
	return rates, nil
}
