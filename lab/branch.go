package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/farspoke/farspoke/lab/qemu"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// Branch is a place for a spoke: its side of the carrier, and its LAN with a host.
type Branch struct {
	// Host is a host on the LAN.
	Host *sandbox.Namespace

	// number is the branch's in names and addresses.
	number int
	// carrier and lan are bridges. The carrier's own interface bears the name of
	// its bridge.
	carrier, lan string
	// gateway is the carrier's address on its side, and public the one under which
	// its NAT shows the branch to others.
	gateway netip.Prefix
	public  netip.Addr
	// host is the address of Host.
	host netip.Prefix
	// nics are the spoke's network cards, by the slots the board "virt" names.
	nics []qemu.NIC
}

func firstBranch() *Branch {
	return &Branch{
		number: 17, carrier: "carrier", lan: "branch",
		gateway: netip.MustParsePrefix("100.64.0.1/24"), public: natAddress.Addr(),
		host: netip.MustParsePrefix("192.168.17.10/24"),
		nics: []qemu.NIC{
			{Slot: 2, Tap: "spoke-wan", MAC: "52:54:00:00:02:02"},
			{Slot: 3, Tap: "spoke-lan", MAC: "52:54:00:00:02:03"},
		},
	}
}

func secondBranch() *Branch {
	return &Branch{
		number: 18, carrier: "carrier18", lan: "branch18",
		gateway: netip.MustParsePrefix("100.65.0.1/24"), public: netip.MustParseAddr("203.0.113.252"),
		host: netip.MustParsePrefix("192.168.18.10/24"),
		nics: []qemu.NIC{
			{Slot: 2, Tap: "spoke18-wan", MAC: "52:54:00:00:03:02"},
			{Slot: 3, Tap: "spoke18-lan", MAC: "52:54:00:00:03:03"},
		},
	}
}

// build makes the segments and the host.
func (b *Branch) build() (err error) {
	err = errors.Join(
		sandbox.AddBridge(b.carrier),
		sandbox.AddBridge(b.lan),
		sandbox.AddTap(b.nics[0].Tap, b.carrier),
		sandbox.AddTap(b.nics[1].Tap, b.lan),
	)
	if err != nil {
		return err
	}
	if b.Host, err = sandbox.NewNamespace(fmt.Sprintf("h%d", b.number)); err != nil {
		return err
	}
	return errors.Join(
		b.Host.Attach(b.lan, "eth0", b.host),
		b.Host.DefaultRoute(b.host.Masked().Addr().Next()),
	)
}

// tunnel is the spoke's address in the tunnel.
func (b *Branch) tunnel() netip.Addr { return netip.AddrFrom4([4]byte{172, 16, 100, byte(b.number)}) }
