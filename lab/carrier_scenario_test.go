//go:build lab

package main

import "testing"

// TestNATMoves: the carrier forgets its mappings, and what the box sends next
// comes from another port; traffic goes on in the same SA.
func TestNATMoves(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	before := establishedSA(t, lab)

	mark := spoke.Ping.Mark()
	if err := lab.FlushNAT(); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, mark, recovery)
	number, err := spoke.Ping.Steady(limit(t, recovery), mark, 100)
	if err != nil {
		t.Fatal(err)
	}
	if lost, sent := spoke.Ping.Lost(mark, number); lost > 20 {
		t.Errorf("%d of %d packets lost, want at most a second's", lost, sent)
	}
	if after := establishedSA(t, lab); after.SPIIn != before.SPIIn {
		t.Errorf("SPI %s became %s: want the same SA", before.SPIIn, after.SPIIn)
	}
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
