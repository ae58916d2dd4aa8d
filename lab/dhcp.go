package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/farspoke/farspoke/lab/sandbox"
)

// DHCP is the carrier's DHCP and DNS server, Debian's dnsmasq.
type DHCP struct {
	namespace *sandbox.Namespace
	log       io.Writer
	stop      func()
	lease     []string
	// hub is what the hub's name points to.
	hub netip.Addr
}

// ordinaryLease is the address range and options of a carrier in good order, for
// the first branch.
var ordinaryLease = []string{"--dhcp-range=100.64.0.50,100.64.0.99,255.255.255.0,10m"}

// Start starts the server with dnsmasq's options for its leases, and returns when
// it listens. It remembers no leases of an earlier start and refuses an address it
// would not have given.
func (d *DHCP) Start(ctx context.Context, lease []string) error {
	d.lease = lease
	ctx, cancel := context.WithCancel(ctx)
	args := append([]string{
		// As a daemon it would change its groups, which a user namespace
		// forbids.
		"--no-daemon",
		"--conf-file=/dev/null", "--log-facility=-", "--pid-file=",
		"--interface=carrier", "--interface=carrier18", "--interface=" + cellDevice, "--bind-dynamic", "--except-interface=lo",
		"--no-resolv", "--no-hosts", "--no-ping", "--log-dhcp",
		"--address=/hub1.example.net/" + d.hub.String(),
		"--dhcp-range=100.65.0.50,100.65.0.99,255.255.255.0,10m", // the second branch's
		"--dhcp-authoritative", "--dhcp-leasefile=/run/carrier.leases", "--leasefile-ro",
	}, lease...)
	wait, err := d.namespace.Start(ctx, d.log, "dnsmasq", args...)
	if err != nil {
		cancel()
		return fmt.Errorf("start the carrier's DHCP server: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := wait(); ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "lab: the carrier's DHCP server has ended (%v): see %s\n", err, logFile("carrier"))
		}
	}()
	d.stop = func() {
		cancel()
		<-done
	}
	return d.listens(ctx)
}

// listens waits until the server has its sockets for DHCP and DNS: what somebody asks
// before is lost.
func (d *DHCP) listens(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("the carrier's DHCP server does not listen after %v", startLimit))
	defer cancel()
	for {
		var sockets []byte
		err := d.namespace.Do(func() (err error) {
			sockets, err = os.ReadFile("/proc/thread-self/net/udp")
			return err
		})
		if err != nil {
			return fmt.Errorf("look for the sockets of the carrier's DHCP server: %w", err)
		}
		// Ports are in hexadecimal.
		if bytes.Contains(sockets, []byte(":0043 ")) && bytes.Contains(sockets, []byte(":0035 ")) {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// Stop ends the server.
func (d *DHCP) Stop() { d.stop() }

// Restart ends the server and starts it with other leases.
func (d *DHCP) Restart(ctx context.Context, lease []string) error {
	d.Stop()
	return d.Start(ctx, lease)
}

// PointHub makes the hub's name point to an address. Answers have no time to
// live.
func (d *DHCP) PointHub(ctx context.Context, hub netip.Addr) error {
	d.hub = hub
	return d.Restart(ctx, d.lease)
}
