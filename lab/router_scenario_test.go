//go:build lab

package main

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/farspoke/farspoke/lab/qemu"
)

// registration is the hub's line for a registration that it takes.
var registration = regexp.MustCompile(`(?i)registration[- _]req`)

// TestRouterKilled: kill -9 of the router process costs no packet, no new SA
// and no registration.
func TestRouterKilled(t *testing.T) {
	lab := open(t)
	start := lab.Hub.Console.Mark()
	// No registration is due while the test runs, however slow the machine.
	site := ordinarySite().Replace("farspoke.yaml", "holding-time: 300s", "holding-time: 7200s")
	spoke := bringUp(t, lab, testedBox(lab.images, lab.images.Box, site))
	if _, err := lab.Hub.Console.Wait(limit(t, word), start, registration.String()); err != nil {
		t.Fatalf("the hub's log does not tell of the first registration, and so would not tell of a second: %v", err)
	}
	before := establishedSA(t, lab)

	line, hubLine := spoke.Console.Mark(), lab.Hub.Console.Mark()
	pid, err := spoke.pidOf(limit(t, word), "router")
	if err != nil {
		t.Fatal(err)
	}
	mark := spoke.Ping.Mark()
	_, err = spoke.Run(limit(t, word), fmt.Sprintf("kill -9 %d", pid))
	if err != nil {
		t.Fatal(err)
	}
	says(t, spoke, line, `process failed and starts again`)
	number, err := spoke.Ping.Steady(limit(t, recovery), mark, 200) // ten seconds
	if err != nil {
		t.Fatal(err)
	}
	loses(t, spoke.Ping, mark, number+200, 0)
	again, err := spoke.pidOf(limit(t, word), "router")
	if err != nil {
		t.Fatal(err)
	}
	if again == pid {
		t.Errorf("router process %d lives on: it was not killed", pid)
	}
	after := establishedSA(t, lab)
	if after.SPIIn != before.SPIIn || after.SPIOut != before.SPIOut {
		t.Errorf("SPIs %s/%s became %s/%s: want the same SAs", before.SPIIn, before.SPIOut, after.SPIIn, after.SPIOut)
	}
	if registered(lab, hubLine) {
		t.Error("the box has registered again")
	}
}

// registered reports whether the hub's log, after mark, tells of a registration.
func registered(lab *Lab, mark int) bool {
	return slices.ContainsFunc(lab.Hub.Console.Since(mark), func(l qemu.Line) bool { return registration.MatchString(l.Text) })
}
