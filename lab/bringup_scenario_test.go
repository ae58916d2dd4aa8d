//go:build lab

package main

import (
	"io"
	"testing"
)

// TestBringUp: the box boots, takes a lease, opens IKEv2 through the carrier's
// NAT, registers, and headquarters answers through ESP.
func TestBringUp(t *testing.T) {
	lab := open(t)
	spoke := boot(t, lab, ordinaryBox(lab))
	timeline, err := follow(limit(t, startUp), spoke, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"lease", "ike", "nhrp", "ping"} {
		if timeline.at(step) == 0 {
			t.Errorf("the box told of no %s: %v", step, timeline)
		}
	}
}

// TestPeerBringUp: strongSwan and FRR in the place of the box do the same,
// which proves the lab itself.
func TestPeerBringUp(t *testing.T) {
	lab := open(t)
	bringUp(t, lab, peer(lab.images))
}
