// Package link puts a network device where it belongs: into its VRF, with the
// addresses and routes that it should have and no others. It compares first, and
// touches nothing that is so already. The Ethernet and the cellular underlays own
// the devices; this is the part of the work that is the same for both.
package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// Port is a link as the kernel knows it.
type Port struct {
	Name  string
	Index int
	MAC   net.HardwareAddr
	// Up says that it was set up, and Carrier that it can carry packets.
	Up, Carrier bool
	MTU         int
	// Master is the index of its VRF, 0 for none, and Table where its routes
	// belong, set by Attach.
	Master, Table int
}

// Linux is the kernel the process runs on.
type Linux struct{}

// Watch returns a channel that tells of changes to the link of the given name,
// several perhaps by one notice, until ctx is done.
func (Linux) Watch(ctx context.Context, name string) (<-chan struct{}, error) {
	updates := make(chan netlink.LinkUpdate)
	if err := netlink.LinkSubscribe(updates, ctx.Done()); err != nil {
		return nil, fmt.Errorf("subscribe to link notices: %w", err)
	}
	notices := make(chan struct{}, 1)
	go func() {
		defer close(notices)
		// The subscription ends by closing updates; until then somebody
		// must take them.
		for update := range updates {
			if update.Link.Attrs().Name != name {
				continue
			}
			select {
			case notices <- struct{}{}:
			default:
			}
		}
	}()
	return notices, nil
}

// Port returns the link of the given name and whether it exists.
func (Linux) Port(name string) (Port, bool, error) {
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return Port{}, false, nil
	}
	if err != nil {
		return Port{}, false, fmt.Errorf("find port %s: %w", name, err)
	}
	attrs := link.Attrs()
	return Port{
		Name: name, Index: attrs.Index, MAC: attrs.HardwareAddr, MTU: attrs.MTU, Master: attrs.MasterIndex,
		Up: attrs.RawFlags&unix.IFF_UP != 0, Carrier: attrs.RawFlags&unix.IFF_LOWER_UP != 0,
	}, true, nil
}

// Attach puts p into the VRF, or into none if vrf is empty, sets it up and returns
// it as it is then.
func (k Linux) Attach(p Port, vrf string) (Port, error) {
	table, master := unix.RT_TABLE_MAIN, 0
	if vrf != "" {
		var err error
		if table, master, err = nl.VRFTable(vrf); err != nil {
			return Port{}, err
		}
	}
	link := linkOf(p)
	if p.Master != master {
		// Before it is set up, so that nothing heard on it reaches another
		// table.
		if err := netlink.LinkSetMasterByIndex(link, master); err != nil {
			return Port{}, fmt.Errorf("put port %s into VRF %q: %w", p.Name, vrf, err)
		}
	}
	if !p.Up {
		if err := netlink.LinkSetUp(link); err != nil {
			return Port{}, fmt.Errorf("set port %s up: %w", p.Name, err)
		}
	}
	if p.Master != master || !p.Up {
		now, present, err := k.Port(p.Name)
		if err != nil || !present {
			return Port{}, errors.Join(err, fmt.Errorf("find port %s: %w", p.Name, unix.ENODEV))
		}
		p = now
	}
	p.Table = table
	return p, nil
}

// SetMTU sets p's MTU.
func (Linux) SetMTU(p Port, mtu int) error {
	return netlink.LinkSetMTU(linkOf(p), mtu)
}

// Apply gives p exactly the addresses and the routes of want, lets path MTUs be
// learnt from the IPv4 address, and touches nothing that is so already. now is the
// instant, the time since boot.
func (Linux) Apply(p Port, want Addressing, now time.Duration) ([]Refusal, error) {
	if err := applyAddress(p, want, now); err != nil {
		return nil, err
	}
	if err := applyAddress6(p, want.Address6); err != nil {
		return nil, err
	}
	if err := nl.LearnPathMTU(p.Index, p.Table, want.Address.Addr()); err != nil {
		return nil, fmt.Errorf("have path MTUs learnt by %s: %w", p.Name, err)
	}
	return applyRoutes(p, want.Routes)
}

func linkOf(p Port) netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: p.Name, Index: p.Index}}
}
