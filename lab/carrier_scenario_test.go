//go:build lab

package main

import (
	"slices"
	"testing"
)

// TestNATMoves: the carrier forgets its mappings, and what the box sends next
// comes from another port; traffic goes on in the same SA.
func TestNATMoves(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	before := establishedSA(t, lab)
	ports := publicPorts(t, lab)

	mark := spoke.Ping.Mark()
	if err := lab.FlushNAT(); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, mark, recovery)
	for _, port := range publicPorts(t, lab) {
		if slices.Contains(ports, port) {
			t.Errorf("the NAT still uses port %d", port)
		}
	}
	number, err := spoke.Ping.Steady(limit(t, recovery), mark, 100)
	if err != nil {
		t.Fatal(err)
	}
	lost, sent := spoke.Ping.Lost(mark, number)
	t.Logf("%d of %d packets lost", lost, sent) // the bench measures for how long (nat-moves)
	if after := establishedSA(t, lab); after.SPIIn != before.SPIIn {
		t.Errorf("SPI %s became %s: want the same SA", before.SPIIn, after.SPIIn)
	}
}

// publicPorts returns the ports that the carrier's NAT has for the spoke's IPsec:
// one, and another while the box finds out how long the NAT remembers.
func publicPorts(t *testing.T, lab *Lab) []uint16 {
	t.Helper()
	ports, err := lab.publicPorts(4500)
	if err != nil {
		t.Fatal(err)
	}
	if len(ports) == 0 {
		t.Fatal("the NAT has no port for the spoke")
	}
	return ports
}

// TestLossyCarrier: one packet in five is lost from the first on, and the box
// comes up all the same.
func TestLossyCarrier(t *testing.T) {
	lab := open(t)
	if err := lab.Fault(limit(t, word), "numgen random mod 100 < 20 drop"); err != nil {
		t.Fatal(err)
	}
	spoke := boot(t, lab, ordinaryBox(lab))
	if _, _, err := spoke.Ping.Answer(limit(t, 2*startUp), 0); err != nil {
		t.Fatal(err)
	}
	mark := spoke.Ping.Mark()
	if err := lab.Fault(limit(t, word)); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, mark, recovery)
}
