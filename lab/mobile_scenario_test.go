//go:build lab

package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/uplink"
)

// onMobile is our box with a modem in place of the cable.
func onMobile(lab *Lab, profile usb.Profile) kind {
	return mobile(testedBox(lab.images, lab.images.Box, ordinarySite().mobile()), profile)
}

// TestMobile: the box boots with a modem of MBIM, QMI or AT commands, finds SIM, network and APN, opens IKEv2
// through the carrier's NAT, registers, and headquarters answers through ESP.
func TestMobile(t *testing.T) {
	lab := open(t)
	for name, profile := range map[string]usb.Profile{"MBIM": usb.MBIM, "QMI": usb.QMI, "AT": usb.ECM} {
		t.Run(name, func(t *testing.T) {
			spoke := boot(t, lab, onMobile(lab, profile))
			timeline, err := follow(limit(t, startUp), spoke, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []string{"modem", "online", "ike", "nhrp", "ping"} {
				if timeline.at(step) == 0 {
					t.Errorf("the box told of no %s: %v", step, timeline)
				}
			}
		})
	}
}

// TestMobileFaults: the network drops the connection, the network is lost, the
// address changes, the modem bounces off the bus; traffic flows again each time, and
// nothing is left of what is lost.
func TestMobileFaults(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, onMobile(lab, usb.MBIM))
	for _, fault := range []struct {
		name, says string
		happen     func(m *virtual.Modem) error
	}{
		{"the network ends the connection", `connection lost`, func(m *virtual.Modem) error { return m.Drop(0, 38) }},
		{"the network gives another address", ``, func(m *virtual.Modem) error { return m.Readdress(0) }},
		{"the modem leaves the bus for a moment", `modem has left`, func(m *virtual.Modem) error { m.Bounce(virtual.Duration(1e9)); return nil }},
		{"the network is out of reach, and back", `connection lost`, func(m *virtual.Modem) error { return m.Cover("", false) }},
	} {
		t.Log(fault.name)
		line := spoke.Console.Mark()
		var err error
		spoke.Cell.Modem.Do(func() { err = fault.happen(spoke.Cell.Modem) })
		if err != nil {
			t.Fatal(err)
		}
		if fault.says != "" {
			says(t, spoke, line, fault.says)
		}
		spoke.Cell.Modem.Do(func() { err = spoke.Cell.Modem.Cover("", true) })
		if err != nil {
			t.Fatal(err)
		}
		answered(t, spoke, spoke.Ping.Mark(), recovery)
	}
}

// TestMobileIPv6: the mobile network gives IPv6 alone, of which the modem tells but the
// interface identifier; the box hears of the prefix and of the NAT64 by the network's
// router, and reaches the hub by it, protected as ever.
func TestMobileIPv6(t *testing.T) {
	lab := open(t)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	if err := lab.StartNAT64(ctx, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	k := onMobile(lab, usb.MBIM)
	for _, a := range k.scenario.Networks[0].APNs {
		a.Families, a.NAT64, a.ByRouter = modem.IPv6, nat64Prefix, true
	}
	spoke := bringUp(t, lab, k)
	if u := uplinkOf(t, spoke, "lte"); u.Link != "clat-lte" || u.Address != netip.MustParsePrefix("192.0.0.1/32") {
		t.Errorf("the uplink is %+v", u)
	}
}

// uplinkOf returns what the box says of an uplink.
func uplinkOf(t *testing.T, spoke *Spoke, name string) uplink.State {
	t.Helper()
	status, err := boxStatus(limit(t, word), spoke)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range status.Uplinks {
		if u.Name == name {
			return u
		}
	}
	t.Fatalf("the box has no uplink %s", name)
	return uplink.State{}
}

// TestMobileBackup: the cable and the modem are both there; the box uses the cable,
// the modem when it is pulled, and the cable again.
func TestMobileBackup(t *testing.T) {
	lab := open(t)
	site := ordinarySite().Replace("farspoke.yaml", "  wan: {port: wan, vrf: front, zone: outside, ipv4: {dhcp: true}}",
		"  wan: {port: wan, vrf: front, zone: outside, ipv4: {dhcp: true}}\n  lte: {modem: m2, vrf: front, zone: outside, metric: 200}")
	spoke := bringUp(t, lab, mobile(testedBox(lab.images, lab.images.Box, site), usb.MBIM))
	says(t, spoke, 0, `milestone=online`)
	// Headquarters answers by either way: the box says which one it has taken.
	uses := func(pool netip.Prefix) {
		t.Helper()
		var claimed netip.Addr
		eventually(t, func() bool {
			status, err := boxStatus(limit(t, word), spoke)
			if err != nil {
				t.Fatal(err)
			}
			claimed = status.Tunnels[0].Servers[0].Claimed
			return pool.Contains(claimed)
		}, func() string { return fmt.Sprintf("the box registers from %v, want an address of %s", claimed, pool) })
		answered(t, spoke, spoke.Ping.Mark(), recovery)
	}
	// plug puts the cable in or takes it out, upon which the NBMA address changes.
	plug := func(in bool) {
		t.Helper()
		line := spoke.Console.Mark()
		if err := spoke.Plug(0, in); err != nil {
			t.Fatal(err)
		}
		// Not before: the box might register once more from where it was.
		says(t, spoke, line, `milestone=ike`)
		if err := lab.ForgetRegistrations(limit(t, word)); err != nil {
			t.Fatal(err)
		}
	}
	cable := lab.First.gateway.Masked()
	uses(cable)
	plug(false)
	uses(cellPool)
	plug(true)
	uses(cable)
}
