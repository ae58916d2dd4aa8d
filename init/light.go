package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/internal/button"
	"github.com/farspoke/farspoke/internal/light"
	"github.com/farspoke/farspoke/internal/supervise"
	"github.com/farspoke/farspoke/internal/uplink"
)

// lights returns the task that shows the state of the box on its LED, none on a
// board without.
func lights(b *box, pressed *button.Button, problem error, log *slog.Logger) []supervise.Task {
	this, err := board.Detect(os.DirFS("/proc"))
	if err != nil || this.LED == "" {
		return nil // PID 1 has said what an unknown board means
	}
	dir := filepath.Join("/sys/class/leds", this.LED)
	return []supervise.Task{light.New(dir, lit{b, pressed, problem}, log.With("component", "light"))}
}

// lit is the box as its light shows it.
type lit struct {
	box     *box
	button  *button.Button // nil on a board without
	problem error          // of the configuration
}

// Condition implements light.Box.
func (l lit) Condition() light.Condition {
	c := light.Condition{Faulty: l.problem != nil, Reached: true, Reset: l.button != nil && l.button.Armed()}
	for _, u := range l.box.underlays {
		c.Uplink = c.Uplink || isUplink(u.Status().State)
	}
	for _, s := range l.box.stations {
		for _, u := range s.Underlays() {
			state, _ := u.State().Load()
			c.Uplink = c.Uplink || state.Up
		}
	}
	for _, t := range l.box.tunnels {
		there := reached(t.Status())
		c.Reached = c.Reached && there
		c.Uplink = c.Uplink || there // a hub on the provider's own subnet
	}
	return c
}

// isUplink reports whether an Ethernet interface leads anywhere: a LAN has an address
// too, but no gateway.
func isUplink(s uplink.State) bool { return s.Up && s.Gateway.IsValid() }

// reached reports whether the tunnel is registered with one of its hubs.
func reached(t dmvpn.Status) bool {
	return slices.ContainsFunc(t.Servers, func(s dmvpn.ServerStatus) bool { return s.State == dmvpn.Registered })
}
