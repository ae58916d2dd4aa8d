//go:build lab

package main

import (
	"fmt"
	"testing"
)

// atConsole types a command at the box's console and waits for an answer that
// matches pattern.
func atConsole(t *testing.T, spoke *Spoke, command, pattern string) {
	t.Helper()
	mark := spoke.Console.Mark()
	if _, err := spoke.Console.Write([]byte(command + "\r")); err != nil {
		t.Fatal(err)
	}
	says(t, spoke, mark, pattern)
}

// TestConfigBroken: the configuration has a mistake; the box stays closed, and
// its console says where the mistake is and how to mend it.
func TestConfigBroken(t *testing.T) {
	lab := open(t)
	site := ordinarySite().Replace("farspoke.yaml", "underlay: front", "underlya: front")
	spoke := boot(t, lab, box(lab.images.Box, site))
	says(t, spoke, 0, `Type \? for help`)
	atConsole(t, spoke, "show status", `there is no key "underlya"`)
	if lost, sent := spoke.Ping.Lost(0, spoke.Ping.Mark()); lost != sent {
		t.Error("headquarters answers through a box that has no configuration")
	}
}

// TestConfigMissing: there is no configuration at all; the console works and
// says so.
func TestConfigMissing(t *testing.T) {
	lab := open(t)
	spoke := boot(t, lab, box(lab.images.Box, Site{}))
	says(t, spoke, 0, `Type \? for help`)
	atConsole(t, spoke, "show status", `farspoke\.yaml`)
}

// TestCrashKept: PID 1 dies of a bug; the box restarts by itself, tells what the
// bug was, and is back.
func TestCrashKept(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	line := spoke.Console.Mark()
	// What a Go program does on SIGQUIT is what it does on a panic. The command
	// has no answer: its shell dies with the box.
	go func() { _, _ = spoke.Run(t.Context(), "kill -QUIT 1") }()
	says(t, spoke, line, `Linux version|milestone=init`)
	says(t, spoke, line, `the previous run ended in a crash.*SIGQUIT`)
	mark := spoke.Ping.Mark()
	answered(t, spoke, mark, recovery)
}

// TestRouterHangs: the router process stands still; PID 1 notices, ends it and
// starts another, which goes on where it was.
func TestRouterHangs(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	before := establishedSA(t, lab)
	line := spoke.Console.Mark()
	pid, err := spoke.pidOf(limit(t, word), "router")
	if err != nil {
		t.Fatal(err)
	}
	mark := spoke.Ping.Mark()
	if _, err := spoke.Run(limit(t, word), fmt.Sprintf("kill -STOP %d", pid)); err != nil {
		t.Fatal(err)
	}
	says(t, spoke, line, `process failed and starts again`)
	answered(t, spoke, mark, recovery)
	if after := establishedSA(t, lab); after.SPIIn != before.SPIIn {
		t.Errorf("SPI %s became %s: want the same SA", before.SPIIn, after.SPIIn)
	}
}
