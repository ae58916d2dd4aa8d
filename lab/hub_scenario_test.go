//go:build lab

package main

import (
	"context"
	"testing"
)

// TestHubReboots: the hub loses all state without a good-bye; the box notices
// and is back without a hand once the hub is.
func TestHubReboots(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	before := establishedSA(t, lab)

	line := spoke.Console.Mark()
	if err := lab.RebootHub(limit(t, startUp)); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, spoke.Ping.Mark(), recovery)
	says(t, spoke, line, `peer hub1\.example\.net .*(has been silent for|has stopped answering)`)
	if after := establishedSA(t, lab); after.SPIIn == before.SPIIn {
		t.Errorf("the SA has SPI %s as before the reboot", after.SPIIn)
	}
}

// TestHubDeafToIKE: the carrier drops IKE; the box says who does not answer,
// and connects once it may.
func TestHubDeafToIKE(t *testing.T) {
	lab := open(t)
	if err := lab.Fault(limit(t, word), "udp dport { 500, 4500 } drop"); err != nil {
		t.Fatal(err)
	}
	spoke := boot(t, lab, ordinaryBox(lab))
	says(t, spoke, 0, `peer hub1\.example\.net .*does not answer on UDP port 500`)
	mark := spoke.Ping.Mark()
	if err := lab.Fault(limit(t, word)); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, mark, recovery)
}

// TestHubDeafToNHRP: IKE works and NHRP does not; the box says so, and
// registers once the hub listens.
//
// The hub's FRR 8.4 checks no authentication, so a hub that refuses ours is a
// test of package dmvpn and not of the lab.
func TestHubDeafToNHRP(t *testing.T) {
	lab := open(t)
	onHub(t, lab, "killall -STOP nhrpd")
	t.Cleanup(func() { lab.Hub.Run(context.Background(), "killall -CONT nhrpd") }) // if the test fails before
	spoke := boot(t, lab, ordinaryBox(lab))
	says(t, spoke, 0, `milestone=ike`)
	says(t, spoke, 0, `not registered with the hub`)
	mark := spoke.Ping.Mark()
	onHub(t, lab, "killall -CONT nhrpd")
	answered(t, spoke, mark, recovery)
}
