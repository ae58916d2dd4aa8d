package main

import (
	"fmt"
	"strings"
)

// Figure is one result of the bench: ours beside the peer's, from one run on
// one machine.
type Figure struct {
	ID string
	// Ours and Peer are in Unit; Peer is 0 where there is nothing to compare
	// with.
	Ours, Peer float64
	Unit       string
	// Target is what is at most wanted: of the ratio if there is a peer, else
	// of Ours.
	Target float64
	// Method says in a sentence how it was measured.
	Method string
}

// Met reports whether the target was reached.
func (f Figure) Met() bool {
	if f.Peer == 0 {
		return f.Ours <= f.Target
	}
	return f.Ours/f.Peer <= f.Target
}

// String is the line that the bench prints, the same form for every figure.
func (f Figure) String() string {
	peer, ratio := "-", "-"
	if f.Peer != 0 {
		peer = fmt.Sprintf("%.2f", f.Peer)
		ratio = fmt.Sprintf("%.2f", f.Ours/f.Peer)
	}
	return fmt.Sprintf("%s ours=%.2f peer=%s ratio=%s target=%g %s", f.ID, f.Ours, peer, ratio, f.Target, f.verdict())
}

func (f Figure) verdict() string {
	if f.Met() {
		return "met"
	}
	return "missed"
}

// row is the figure's line in the table of docs/performance.md.
func (f Figure) row() string {
	peer, ratio := "", ""
	if f.Peer != 0 {
		peer = fmt.Sprintf("%.2f %s", f.Peer, f.Unit)
		ratio = fmt.Sprintf("%.2f", f.Ours/f.Peer)
	}
	cells := []string{"`" + f.ID + "`", fmt.Sprintf("%.2f %s", f.Ours, f.Unit), peer, ratio, fmt.Sprintf("%g", f.Target), f.verdict()}
	return "| " + strings.Join(cells, " | ") + " |"
}
