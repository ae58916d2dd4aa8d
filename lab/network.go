package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/lab/qemu"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// Bridges, the lab's network segments beside those of the branches.
const (
	internetBridge = "internet"
	hqBridge       = "hq"
)

// Addresses of the lab beside those of the branches.
var (
	natAddress   = netip.MustParsePrefix("203.0.113.254/24")
	hubAddress   = netip.MustParseAddr("203.0.113.1")
	hubMoved     = netip.MustParseAddr("203.0.113.2")
	hubHQAddress = netip.MustParseAddr("10.100.0.1")
	hqAddress    = netip.MustParsePrefix("10.100.0.10/24")
)

// hubNICs are the hub's network cards.
var hubNICs = []qemu.NIC{
	{Slot: 2, Tap: "hub-wan", MAC: "52:54:00:00:01:02"},
	{Slot: 3, Tap: "hub-hq", MAC: "52:54:00:00:01:03"},
}

// Network is everything of the lab that needs no virtual machine: the segments,
// the carrier with its NAT and DHCP server, a host at headquarters and one at
// each branch.
//
//	host ── branch ──── spoke VM ── carrier ──── NAT ── internet ── hub VM ── hq ── HQ host
//	host ── branch18 ── spoke VM ── carrier18 ──┘
type Network struct {
	NAT, HQ *sandbox.Namespace
	// First is where a lone spoke is.
	First, Second *Branch
	// DHCP is the carrier's DHCP and DNS server.
	DHCP *DHCP
}

// NewNetwork builds the network. Its daemons log to log and end with ctx.
func NewNetwork(ctx context.Context, log io.Writer) (*Network, error) {
	if err := errors.Join(sandbox.AddBridge(internetBridge), sandbox.AddBridge(hqBridge)); err != nil {
		return nil, err
	}
	err := errors.Join(
		sandbox.AddTap(hubNICs[0].Tap, internetBridge),
		sandbox.AddTap(hubNICs[1].Tap, hqBridge),
	)
	if err != nil {
		return nil, err
	}
	n := &Network{First: firstBranch(), Second: secondBranch()}
	for _, b := range n.branches() {
		if err := b.build(); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(n.addNAT(ctx), n.addHQ()); err != nil {
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
		n.NAT.Attach(n.First.carrier, n.First.carrier, n.First.gateway),
		n.NAT.Attach(n.Second.carrier, n.Second.carrier, n.Second.gateway),
		n.NAT.Attach(internetBridge, "internet", natAddress),
		n.NAT.AddAddress("internet", netip.PrefixFrom(n.Second.public, 32)),
		n.NAT.AddAddress("internet", netip.PrefixFrom(cellPublic, 32)),
		n.NAT.Sysctl("ipv4/ip_forward", "1"),
		n.Translate(ctx, n.branches()...),
	); err != nil {
		return err
	}
	// These appear with the connection tracking that the rules ask for.
	return errors.Join(
		n.NAT.Sysctl("netfilter/nf_conntrack_udp_timeout", "30"),
		n.NAT.Sysctl("netfilter/nf_conntrack_udp_timeout_stream", "30"),
	)
}

func (n *Network) addHQ() (err error) {
	if n.HQ, err = sandbox.NewNamespace("hq"); err != nil {
		return err
	}
	return errors.Join(
		n.HQ.Attach(hqBridge, "eth0", hqAddress),
		n.HQ.DefaultRoute(hubHQAddress),
	)
}

func (n *Network) branches() []*Branch { return []*Branch{n.First, n.Second} }

// Translate makes the carrier a NAT for the given branches, and a mere router for
// the other: ports change with every mapping, a mapping dies when it is silent for
// half a minute, and nobody gets in who was not called.
func (n *Network) Translate(ctx context.Context, behind ...*Branch) error {
	var out, in strings.Builder
	for _, b := range behind {
		other := n.First
		if b == n.First {
			other = n.Second
		}
		source := b.public.String()
		fmt.Fprintf(&out, "\t\tip saddr %s oifname %s snat to %s random\n", b.gateway.Masked(), other.carrier, source)
		if b == n.First {
			// It follows a change of address.
			fmt.Fprintf(&out, "\t\tip saddr %s oifname internet masquerade random\n", b.gateway.Masked())
			fmt.Fprintf(&out, "\t\tip saddr { %s, %s } oifname internet snat to %s random\n", cellPool, nat64Pool, cellPublic)
			fmt.Fprintf(&in, "\t\toifname { %s, %s } ct state new drop\n", cellDevice, checksumDevice)
		} else {
			fmt.Fprintf(&out, "\t\tip saddr %s oifname internet snat to %s random\n", b.gateway.Masked(), source)
		}
		fmt.Fprintf(&in, "\t\toifname %s ct state new drop\n", b.carrier)
	}
	ruleset := "table ip nat\ndelete table ip nat\ntable ip nat {\n" +
		// These were here already before they were given a checksum.
		"\tchain again {\n\t\ttype filter hook prerouting priority raw\n\t\tiifname " + checksumDevice + " notrack\n\t}\n" +
		"\tchain out {\n\t\ttype nat hook postrouting priority srcnat\n" + out.String() + "\t}\n" +
		"\tchain in {\n\t\ttype filter hook forward priority filter\n" + in.String() + "\t}\n}\n"
	if err := n.NAT.Run(ctx, ruleset, "nft", "-f", "-"); err != nil {
		return err
	}
	return n.FlushNAT()
}

// FlushNAT makes the carrier forget its mappings, as after a restart of its
// NAT: what the spoke sends next gets another port.
func (n *Network) FlushNAT() error {
	if err := n.NAT.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
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
