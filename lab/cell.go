package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/carrier"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/usbredir"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// Cell is a spoke's modem and the mobile network that it hears, whose packets go the
// carrier's way: through its NAT to the internet.
type Cell struct {
	*emulator.Emulator

	function *usb.Function
	tun      *carrier.TUN
	listener net.Listener
}

const (
	// cellDevice is the mobile network's end in the namespace of the carrier's NAT.
	cellDevice = "cell"
	// cellPort is the port of the spoke's USB controller that the modem is in.
	cellPort = 0
)

// cellPublic is under which address the carrier's NAT shows the mobile network.
var cellPublic = netip.MustParseAddr("203.0.113.251")

// cellPool and cellPool6 are where the mobile network's addresses are from. The first
// ones are the carrier's, whose name server answers there.
var (
	cellPool  = netip.MustParsePrefix("100.66.0.0/24")
	cellPool6 = netip.MustParsePrefix("2001:db8:66::/48")
)

// newCell makes a modem of the profile in a network with one APN. QEMU finds it at
// socket once Run runs.
func (n *Network) newCell(ctx context.Context, dir string, profile usb.Profile, scenario virtual.Scenario) (cell *Cell, socket string, err error) {
	first, first6 := cellPool.Addr().Next(), cellPool6.Addr().Next()
	for _, network := range scenario.Networks {
		for _, a := range network.APNs {
			a.Pool4, a.Pool6, a.DNS = cellPool, cellPool6, []netip.Addr{first, first6}
		}
	}
	c := new(Cell)
	if c.Emulator, err = emulator.New(ctx, profile, scenario); err != nil {
		return nil, "", err
	}
	if c.function, err = c.USB(); err != nil {
		return nil, "", err
	}
	if c.tun, err = n.openTUN(cellDevice, netip.PrefixFrom(first, cellPool.Bits()), netip.PrefixFrom(first6, cellPool6.Bits())); err != nil {
		return nil, "", fmt.Errorf("connect the mobile network: %w", err)
	}
	socket = filepath.Join(dir, "modem")
	if err := os.RemoveAll(socket); err != nil {
		return nil, "", err
	}
	if c.listener, err = net.Listen("unix", socket); err != nil {
		return nil, "", fmt.Errorf("offer the modem to the spoke: %w", err)
	}
	return c, socket, nil
}

// openTUN makes a TUN device where the carrier's NAT is.
func (n *Network) openTUN(name string, addresses ...netip.Prefix) (tun *carrier.TUN, err error) {
	err = n.NAT.Do(func() (err error) {
		tun, err = carrier.Open(name, addresses...)
		return err
	})
	return tun, err
}

// Run lives the modem's life until ctx ends.
func (c *Cell) Run(ctx context.Context) error {
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return c.Carry(ctx, c.tun) })
	tasks.Go(func() error { return c.function.Run(ctx) })
	tasks.Go(func() error { return usbredir.Serve(ctx, c.listener, c.function, cellPort) })
	return tasks.Wait()
}
