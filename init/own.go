package main

import (
	"context"
	"net/netip"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// ownAddress is the task that tells the firewall the address which a provider
// gave to an underlay.
type ownAddress struct {
	firewall   *firewall.Firewall
	name, zone string
	state      *value.Value[uplink.State]
}

func (o *ownAddress) String() string { return "own address of " + o.name }

// Run implements supervise.Task.
func (o *ownAddress) Run(ctx context.Context) error {
	for {
		state, changed := o.state.Load()
		var own []netip.Addr
		if state.Address.IsValid() {
			own = []netip.Addr{state.Address.Addr()}
		}
		if err := o.firewall.SetOwn(o.zone, o.name, own); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
