package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// otherNATAddress is what the carrier's public address changes to.
var otherNATAddress = netip.MustParsePrefix("203.0.113.253/24")

// publicPorts returns the ports from which the carrier's NAT sends what comes
// to it for a UDP port of the hub.
func (n *Network) publicPorts(port uint16) ([]uint16, error) {
	flows, err := n.NAT.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list the carrier's NAT mappings: %w", err)
	}
	var ports []uint16
	for _, flow := range flows {
		if flow.Forward.Protocol == unix.IPPROTO_UDP && flow.Forward.DstPort == port {
			ports = append(ports, flow.Reverse.DstPort)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// BlackHole makes the carrier lose whatever passes through the NAT mappings that
// the spoke uses now for UDP port 4500. A packet from another port of the spoke
// gets another mapping, and through.
func (n *Network) BlackHole(ctx context.Context) error {
	ports, err := n.publicPorts(4500)
	if err != nil {
		return err
	}
	if len(ports) == 0 {
		return errors.New("the spoke uses no NAT mapping that could be cut")
	}
	var list []string
	for _, port := range ports {
		list = append(list, strconv.Itoa(int(port)))
	}
	set := "{ " + strings.Join(list, ", ") + " }"
	// The mapping's port is only to be seen on the far side of the translation.
	return n.setFault(ctx, `
	chain out {
		type filter hook postrouting priority srcnat + 10
		oifname "internet" udp sport `+set+` drop
	}
	chain in {
		type filter hook prerouting priority raw
		iifname "internet" udp dport `+set+` drop
	}`)
}

// ReplaceNATAddress gives the carrier's NAT another public address, as a
// carrier does that moves its customer to another gateway.
func (n *Network) ReplaceNATAddress(from, to netip.Prefix) error {
	link, err := n.NAT.LinkByName("internet")
	if err != nil {
		return err
	}
	before, err := netlink.ParseAddr(from.String())
	if err != nil {
		return err
	}
	after, err := netlink.ParseAddr(to.String())
	if err != nil {
		return err
	}
	if err := errors.Join(n.NAT.AddrDel(link, before), n.NAT.AddrAdd(link, after)); err != nil {
		return fmt.Errorf("change the carrier's address from %s to %s: %w", from, to, err)
	}
	return n.FlushNAT()
}
