// Package breakout lets the hosts of a zone use a provider directly, past the
// tunnels. The provider's routes live in a front-door VRF, which nothing leads
// into from the table of a LAN and nothing out of. For each Exit this package
// keeps two kinds of routes, marked nl.ProtocolBreakout: a default route in the
// LAN's table through the uplink in use, behind those of all tunnels, and a route
// to each network of the LAN in the front-door VRF. Without the latter an answer,
// which is for a host of the LAN once its translation is undone, would be sent
// back to the provider. What may go that way at all is for the firewall to say.
package breakout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// Exit leads from networks of ours to a provider. VRFs are named as in the
// configuration, and empty for the main table; the two differ.
type Exit struct {
	// From is the VRF of the networks, To that of the underlays.
	From, To string
	Networks []Network
}

// Network is one that is reached by a link of ours.
type Network struct {
	Link   string
	Prefix netip.Prefix
}

// Breakout keeps the routes of all exits.
type Breakout struct {
	exits   value.Value[[]Exit]
	uplinks map[string]*value.Value[uplink.State]
	kernel  kernel
	log     *slog.Logger

	// routes and problem are what was last told to the kernel and what it said,
	// so that the log has only what is new. They belong to Run.
	routes  []route
	problem string
	// used are those of the ways out that hosts took when last looked at.
	used []route
}

// New returns the Breakout of the exits. Of two from one VRF the first is
// preferred. uplinks are those to use, by VRF.
func New(exits []Exit, uplinks map[string]*value.Value[uplink.State], log *slog.Logger) *Breakout {
	b := &Breakout{uplinks: uplinks, kernel: linux{}, log: log}
	b.Set(exits)
	return b
}

// Set replaces the exits, at any time. What is among those of before goes on
// undisturbed.
func (b *Breakout) Set(exits []Exit) { b.exits.Set(exits) }

// String names the task.
func (b *Breakout) String() string { return "breakout" }

// Run keeps the routes until ctx is cancelled, and leaves them in place then.
// Without any exit it removes those that an earlier configuration had.
func (b *Breakout) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	notices, err := b.kernel.Watch(ctx)
	if err != nil {
		return fmt.Errorf("watch the links: %w", err)
	}
	changes := make(chan struct{}, 1)
	following.Go(func() { b.exits.Follow(ctx, changes) })
	for _, state := range b.uplinks {
		following.Go(func() { state.Follow(ctx, changes) })
	}
	for {
		if err := b.apply(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case _, ok := <-notices:
			if !ok && ctx.Err() == nil {
				return errors.New("the kernel's notices about links ended")
			}
		}
	}
}

// apply makes the kernel have the routes that are wanted now.
func (b *Breakout) apply() error {
	wanted := b.wanted()
	b.tellChanges(wanted)
	b.routes = wanted
	refused, err := b.kernel.SetRoutes(wanted)
	if err != nil {
		return fmt.Errorf("set routes past the tunnels: %w", err)
	}
	b.tellRefused(refused)
	return b.noteUse()
}

// tellChanges logs which ways out come and go.
func (b *Breakout) tellChanges(wanted []route) {
	for _, r := range wanted {
		if r.isDefault() && !slices.Contains(b.routes, r) {
			b.log.Info("hosts reach the provider directly", "vrf", r.VRF, "uplink", r.Link, "gateway", r.Via)
		}
	}
	for _, r := range b.routes {
		gone := !slices.ContainsFunc(wanted, func(w route) bool { return w.place() == r.place() })
		if r.isDefault() && gone {
			b.log.Warn("hosts do not reach the provider directly any more", "vrf", r.VRF, "uplink", r.Link)
		}
	}
}

// tellRefused logs what the kernel refuses, unless it did so before.
func (b *Breakout) tellRefused(refused []error) {
	problem := ""
	if err := errors.Join(refused...); err != nil {
		problem = err.Error()
	}
	if problem != "" && problem != b.problem {
		b.log.Warn("the kernel refuses a route past the tunnels", "err", problem)
	}
	b.problem = problem
}

// noteUse finds out which ways out hosts take now, and sees to what is under way
// where that is new. For IPv6 nothing is translated.
func (b *Breakout) noteUse() error {
	var used []route
	for _, r := range b.routes {
		if !r.isDefault() || !r.Via.Is4() {
			continue
		}
		preferred, err := b.kernel.Preferred(r)
		if err != nil {
			return err
		}
		if !preferred {
			continue
		}
		used = append(used, r)
		if !slices.Contains(b.used, r) {
			b.forgetUntranslated(r)
		}
	}
	b.used = used
	return nil
}

// forgetUntranslated makes what is under way from the networks that a way out is for
// begin anew. New connections are well without, so a failure ends nothing.
func (b *Breakout) forgetUntranslated(way route) {
	exits, _ := b.exits.Load()
	for _, exit := range exits {
		if exit.From != way.VRF {
			continue
		}
		if err := b.kernel.ForgetUntranslated(exit.Networks, way.Link); err != nil {
			b.log.Warn("connections that began in a tunnel do not go on", "err", err)
		}
	}
}
