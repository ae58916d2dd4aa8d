package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/farspoke/farspoke/lab/qemu"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// Bridges, the lab's network segments.
const (
	carrierBridge  = "carrier"
	internetBridge = "internet"
	hqBridge       = "hq"
	branchBridge   = "branch"
)

// Addresses of the lab.
var (
	carrierGateway = netip.MustParsePrefix("100.64.0.1/24")
	natAddress     = netip.MustParsePrefix("203.0.113.254/24")
	hubAddress     = netip.MustParseAddr("203.0.113.1")
	hubMoved       = netip.MustParseAddr("203.0.113.2")
	hubHQAddress   = netip.MustParseAddr("10.100.0.1")
	hqAddress      = netip.MustParsePrefix("10.100.0.10/24")
	branchGateway  = netip.MustParseAddr("192.168.17.1")
	hostAddress    = netip.MustParsePrefix("192.168.17.10/24")
)

// The virtual machines' network cards, by the slots the board "virt" names.
var (
	hubNICs = []qemu.NIC{
		{Slot: 2, Tap: "hub-wan", MAC: "52:54:00:00:01:02"},
		{Slot: 3, Tap: "hub-hq", MAC: "52:54:00:00:01:03"},
	}
	spokeNICs = []qemu.NIC{
		{Slot: 2, Tap: "spoke-wan", MAC: "52:54:00:00:02:02"},
		{Slot: 3, Tap: "spoke-lan", MAC: "52:54:00:00:02:03"},
	}
)

// Network is everything of the lab that needs no virtual machine: the segments,
// the carrier with its NAT and DHCP server, a host at headquarters and one at
// the branch.
//
//	branch host ── branch ── spoke VM ── carrier ── NAT ── internet ── hub VM ── hq ── HQ host
type Network struct {
	NAT, HQ, Host *sandbox.Namespace
	// DHCP is the carrier's DHCP and DNS server.
	DHCP *DHCP
}

// masquerade is the carrier's NAT: ports change with every mapping, and a
// mapping dies when it is silent for half a minute.
const masquerade = `
table ip nat {
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname "internet" masquerade random
	}
}
`

// NewNetwork builds the network. Its daemons log to log and end with ctx.
func NewNetwork(ctx context.Context, log io.Writer) (*Network, error) {
	for _, bridge := range []string{carrierBridge, internetBridge, hqBridge, branchBridge} {
		if err := sandbox.AddBridge(bridge); err != nil {
			return nil, err
		}
	}
	err := errors.Join(
		sandbox.AddTap(hubNICs[0].Tap, internetBridge),
		sandbox.AddTap(hubNICs[1].Tap, hqBridge),
		sandbox.AddTap(spokeNICs[0].Tap, carrierBridge),
		sandbox.AddTap(spokeNICs[1].Tap, branchBridge),
	)
	if err != nil {
		return nil, err
	}
	n := new(Network)
	if err := errors.Join(n.addNAT(ctx), n.addHosts()); err != nil {
		return nil, err
	}
	n.DHCP = &DHCP{namespace: n.NAT, log: log, hub: hubAddress}
	return n, n.DHCP.Start(ctx, ordinaryLease)
}

func (n *Network) addNAT(ctx context.Context) (err error) {
	if n.NAT, err = sandbox.NewNamespace("nat"); err != nil {
		return err
	}
	if err := errors.Join(
		n.NAT.Attach(carrierBridge, "carrier", carrierGateway),
		n.NAT.Attach(internetBridge, "internet", natAddress),
		n.NAT.Sysctl("ipv4/ip_forward", "1"),
		n.NAT.Run(ctx, masquerade, "nft", "-f", "-"),
	); err != nil {
		return err
	}
	// These appear with the connection tracking that the rules ask for.
	return errors.Join(
		n.NAT.Sysctl("netfilter/nf_conntrack_udp_timeout", "30"),
		n.NAT.Sysctl("netfilter/nf_conntrack_udp_timeout_stream", "30"),
	)
}

func (n *Network) addHosts() (err error) {
	if n.HQ, err = sandbox.NewNamespace("hq"); err != nil {
		return err
	}
	if n.Host, err = sandbox.NewNamespace("host"); err != nil {
		return err
	}
	return errors.Join(
		n.HQ.Attach(hqBridge, "eth0", hqAddress),
		n.HQ.DefaultRoute(hubHQAddress),
		n.Host.Attach(branchBridge, "eth0", hostAddress),
		n.Host.DefaultRoute(branchGateway),
	)
}

// FlushNAT makes the carrier forget its mappings, as after a restart of its
// NAT: what the spoke sends next gets another port.
func (n *Network) FlushNAT() error {
	if err := n.NAT.ConntrackTableFlush(0); err != nil {
		return fmt.Errorf("flush the carrier's NAT mappings: %w", err)
	}
	return nil
}

// Fault makes the carrier treat what it forwards by the given nft rules, such
// as "udp dport 500 drop"; no rules end every fault. The rules are looked at on
// both sides of the NAT's forwarding.
func (n *Network) Fault(ctx context.Context, rules ...string) error {
	if len(rules) == 0 {
		return n.setFault(ctx, "")
	}
	return n.setFault(ctx, `
	chain forward {
		type filter hook forward priority filter
		`+strings.Join(rules, "\n\t\t")+`
	}`)
}

// setFault replaces the chains of the carrier's table of faults.
func (n *Network) setFault(ctx context.Context, chains string) error {
	ruleset := "table inet fault\ndelete table inet fault\ntable inet fault {" + chains + "\n}\n"
	return n.NAT.Run(ctx, ruleset, "nft", "-f", "-")
}
