package main

import (
	"context"
	"net/netip"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// ownAddress is the task that tells the firewall which addresses an interface
// has, as providers change them.
type ownAddress struct {
	firewall *firewall.Firewall
	name     string
	state    *value.Value[uplink.State]
}

func (o *ownAddress) String() string { return "own addresses of " + o.name }

// Run implements supervise.Task.
func (o *ownAddress) Run(ctx context.Context) error {
	for {
		state, changed := o.state.Load()
		var own []netip.Addr
		for _, prefix := range []netip.Prefix{state.Address, state.Address6} {
			if prefix.IsValid() {
				own = append(own, prefix.Addr())
			}
		}
		if err := o.firewall.SetOwn(o.name, own); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
