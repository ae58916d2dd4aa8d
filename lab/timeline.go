package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Timeline is the steps of a spoke's start, counted from the first instruction
// of its kernel.
type Timeline []Event

// meanings are the steps in a newcomer's words.
var meanings = map[string]string{
	"init":   "PID 1 runs",
	"router": "modules, ports and sysctls are ready",
	"u-boot": "the boot loader takes a slot of the disk",
	"kernel": "its slot is verified and unpacked, the kernel starts",
	"slot":   "the disk is open, its record read, its data mounted",
	"lease":  "DHCP lease in the front-door VRF",
	"modem":  "the modem is on the bus and answers",
	"online": "SIM, network, APN: connected in the front-door VRF",
	"ike":    "IKEv2 established, SAs installed",
	"nhrp":   "registered with the hub's NHRP server",
	"ping":   "first protected ping to headquarters",
}

// at returns when a step happened, 0 if it did not.
func (t Timeline) at(name string) time.Duration {
	i := slices.IndexFunc(t, func(e Event) bool { return e.Name == name })
	if i < 0 {
		return 0
	}
	return t[i].After
}

// sorted returns the steps in the order in which they happened.
func (t Timeline) sorted() []Event {
	return slices.SortedFunc(slices.Values(t), func(a, b Event) int { return cmp.Compare(a.After, b.After) })
}

// barWidth is the length of the picture's longest bar, in characters.
const barWidth = 40

// print draws the timeline: each step's bar begins where the one before it
// ended.
func (t Timeline) print(w io.Writer) {
	steps := t.sorted()
	if len(steps) == 0 {
		fmt.Fprintln(w, "nothing has happened")
		return
	}
	total := steps[len(steps)-1].After
	column := func(at time.Duration) int { return int(barWidth * at / total) }
	fmt.Fprintln(w, "seconds since the machine started")
	previous := time.Duration(0)
	for _, step := range steps {
		from, to := column(previous), column(step.After)
		bar := strings.Repeat(" ", from) + strings.Repeat("━", max(to-from, 1))
		padding := strings.Repeat(" ", max(0, barWidth+1-max(to, from+1)))
		fmt.Fprintf(w, "%7.2f  %s%s%s\n", step.After.Seconds(), bar, padding, meanings[step.Name])
		previous = step.After
	}
}
