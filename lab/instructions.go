package main

import (
	"context"
	"fmt"
	"strconv"
)

// firewallDir is where the firewall and its benchmarks are.
const firewallDir = "firewall"

// instructions says how the figures of this file are counted.
const instructions = "Counted are the instructions of a virtual machine with the box's kernel and one processor (QEMU's `-icount shift=0,sleep=off`), so that other work on the machine changes nothing."

// packets says which packets they are about, and how many instructions are no
// path's and no ruleset's.
const packets = "It is about UDP packets of 128 octets of one established connection. The kernel's packet generator lets them come in by the LAN port, and a filter counts and drops them when they are handed to the WAN port. Each figure is the least of four turns' means of 5,000 packets, as in some turns every packet takes some 300 instructions more, with a ruleset or without; all of them were seen at the filter. %.0f of the instructions are the generator's."

// zoneDispatch measures whether the number of zones costs anything.
func zoneDispatch(ctx context.Context, built images) ([]Figure, error) {
	measured, err := built.Firewall.bench(ctx, "Dispatch")
	if err != nil {
		return nil, err
	}
	v, err := measured.values("Dispatch", "many", "one", "pairs", "zones", "overhead")
	if err != nil {
		return nil, err
	}
	return []Figure{{
		ID: "zone-dispatch", Ours: v[0], Peer: v[1], Unit: "instructions", Target: 1.02,
		Method: fmt.Sprintf("A packet from the LAN to the provider in the VRF, without NAT, where a policy inspects UDP between each two of 23 zones (506 pairs), beside the same with two zones and the one pair (in the column of the peer). %s %s As a list with a rule for each pair, of which this is the last, it takes %.0f; as a list of zones, and in each a list of those that may be reached, which is OpenWrt's form for packets that open a connection, %.0f.",
			fmt.Sprintf(packets, v[4]), instructions, v[2], v[3]),
	}}, nil
}

// layouts says what the rows of other makes are.
const layouts = "The rows /openwrt and /vyos compare with the same policy in the form in which OpenWrt's fw4 and VyOS's zones lay it out, written by us after their templates (see [layouts](../firewall/testdata/layouts)) and measured in the same kernel, on no system of theirs."

// directCost measures the firewall and NAT on the way to the internet.
func directCost(ctx context.Context, built images) ([]Figure, error) {
	return firewallCost(ctx, built, "Direct", Figure{
		ID: "dia-cost", Target: 1.45,
		Method: "A packet from the LAN to the provider in the VRF, inspected and masqueraded, beside one that is only forwarded, without nftables and connection tracking (in the column of the peer). The far end sees the connection come from the WAN's address.",
	})
}

// tunnelCost measures the firewall on the way to headquarters.
func tunnelCost(ctx context.Context, built images) ([]Figure, error) {
	return firewallCost(ctx, built, "Tunnel", Figure{
		ID: "tunnel-cost", Target: 1.3,
		Method: "A packet from the LAN into the mGRE tunnel and out to the provider in ESP with AES-GCM, in the processor's own instructions for it, within the zone of the LAN, beside the same without nftables and connection tracking (in the column of the peer). The SA counts them all.",
	})
}

// firewallCost completes a figure about a path through the box, and compares ours
// with the layouts of other makes.
func firewallCost(ctx context.Context, built images, benchmark string, figure Figure) ([]Figure, error) {
	measured, err := built.Firewall.bench(ctx, benchmark)
	if err != nil {
		return nil, err
	}
	v, err := measured.values(benchmark, "ours", "bare", "openwrt", "vyos", "overhead")
	if err != nil {
		return nil, err
	}
	figure.Ours, figure.Peer, figure.Unit = v[0], v[1], "instructions"
	figure.Method += " " + fmt.Sprintf(packets, v[4]) + " " + instructions + " " + layouts
	return []Figure{
		figure,
		{ID: figure.ID + "/openwrt", Ours: v[0], Peer: v[2], Unit: figure.Unit, Target: 1},
		{ID: figure.ID + "/vyos", Ours: v[0], Peer: v[3], Unit: figure.Unit, Target: 1},
	}, nil
}

// committedRules are the sizes of the rulesets of commitTime.
var committedRules = []int{100, 1000, 9000}

// commitTime measures how long rulesets take to reach the kernel.
func commitTime(ctx context.Context, built images) ([]Figure, error) {
	measured, err := built.Firewall.bench(ctx, "Commit")
	if err != nil {
		return nil, err
	}
	var figures []Figure
	var compiled []float64
	for _, rules := range committedRules {
		v, err := measured.values("Commit/"+strconv.Itoa(rules), "ours", "nft", "compile")
		if err != nil {
			return nil, err
		}
		figures = append(figures, Figure{
			ID: fmt.Sprintf("commit-time/%d", rules), Ours: v[0] / 1e6, Peer: v[1] / 1e6, Unit: "million instructions", Target: 1,
		})
		compiled = append(compiled, v[2]/1e6)
	}
	figures[0].Method = fmt.Sprintf("Until a ruleset is in a kernel that has none: a policy of 100, 1,000 and 9,000 classes, each of which lets a TCP port pass and counts, and so has a rule and a counter, and what every ruleset of ours has besides. Ours is Netfilter.Replace, which encodes it and sends it in one transaction, in a process that runs already, as in a box; the peer is Debian's `nft -f` with the text of the same ruleset, from the start of its process to its end, as it is used where there is such a program. Median of three each, by turns. %s Making the ruleset of the policy is not in it; that takes ours %.1f, %.1f and %.1f million.",
		instructions, compiled[0], compiled[1], compiled[2])
	return figures, nil
}
