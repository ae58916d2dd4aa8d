package main

import (
	"fmt"
	"strings"
)

// Figure is one result of the bench: ours beside the peer's, from one run on
// one machine.
type Figure struct {
	// ID names it; figures with the same word before a slash are one table in
	// docs/performance.md.
	ID string
	// Ours and Peer are in Unit; Peer is 0 where there is nothing to compare
	// with, unless Absolute.
	Ours, Peer float64
	Unit       string
	// Target is what is at most wanted, or at least if AtLeast: of the ratio if
	// there is a peer, else of Ours.
	Target  float64
	AtLeast bool
	// Absolute says that Target is of Ours though there is a peer.
	Absolute bool
	// Limit, if not 0, is what Ours must not exceed besides.
	Limit float64
	// Slack is by how much Ours and Peer may differ and still be equal, in Unit.
	Slack float64
	// Cap, if not 0, is where measuring gave up: a value that reached it would
	// have been more.
	Cap float64
	// Method says in a sentence how it was measured.
	Method string
}

// Met reports whether the target was reached.
func (f Figure) Met() bool {
	if f.Limit != 0 && f.Ours > f.Limit {
		return false
	}
	reached := f.Ours
	compared := f.Peer != 0 && !f.Absolute
	if compared {
		reached /= f.Peer
	}
	if f.AtLeast {
		return reached >= f.Target
	}
	return reached <= f.Target || compared && f.Slack != 0 && f.Ours <= f.Peer+f.Slack
}

// String is the line that the bench prints, the same form for every figure.
func (f Figure) String() string {
	peer, ratio := "-", "-"
	if f.compared() {
		peer, ratio = f.value(f.Peer), f.ratio()
	}
	return fmt.Sprintf("%s ours=%s peer=%s ratio=%s target=%s %s", f.ID, f.value(f.Ours), peer, ratio, f.target(), f.verdict())
}

// target writes Target.
func (f Figure) target() string {
	if f.AtLeast {
		return fmt.Sprintf("≥%g", f.Target)
	}
	return fmt.Sprintf("%g", f.Target)
}

// value writes Ours or Peer.
func (f Figure) value(v float64) string {
	if f.gaveUp(v) {
		return fmt.Sprintf(">%.0f", f.Cap)
	}
	return fmt.Sprintf("%.2f", v)
}

func (f Figure) gaveUp(v float64) bool { return f.Cap != 0 && v >= f.Cap }

// compared reports whether there is a peer.
func (f Figure) compared() bool { return f.Peer != 0 || f.Absolute }

// ratio writes Ours ÷ Peer, or the bound that is known of it.
func (f Figure) ratio() string {
	if f.Peer == 0 {
		return "-"
	}
	bound := ""
	switch ours, peers := f.gaveUp(f.Ours), f.gaveUp(f.Peer); {
	case ours && peers:
		return "-"
	case ours:
		bound = ">"
	case peers:
		bound = "<"
	}
	return fmt.Sprintf("%s%.2f", bound, f.Ours/f.Peer)
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
	if f.compared() {
		peer, ratio = f.value(f.Peer)+" "+f.Unit, f.ratio()
	}
	cells := []string{"`" + f.ID + "`", f.value(f.Ours) + " " + f.Unit, peer, ratio, f.target(), f.verdict()}
	return "| " + strings.Join(cells, " | ") + " |"
}

// table returns the name of the table that the figure is in.
func (f Figure) table() string {
	name, _, _ := strings.Cut(f.ID, "/")
	return name
}
