//go:build lab

package main

import (
	"io"
	"testing"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
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
