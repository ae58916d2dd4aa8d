//go:build lab

package main

import (
	"fmt"
	"strings"
	"testing"
)

// tighter is the ordinary site with further files beside the configuration, to
// be committed: the tunnel in a zone of its own, to which pings may go, to which
// they may not, and a policy that is wrong.
func tighter() Site {
	split := ordinarySite().
		Replace("farspoke.yaml", "    mss: 1360\n    zone: inside\n", "    mss: 1360\n    zone: hq\n").
		Replace("farspoke.yaml", "  policies:\n", "  policies:\n    - {from: inside, to: hq, inspect: [ping], log: drop}\n")
	closed := split.Replace("farspoke.yaml", "to: hq, inspect: [ping]", "to: hq, drop: [ping]")
	wrong := split.Replace("farspoke.yaml", "to: hq, inspect: [ping]", "to: hq, inspect: [gre]")
	wrong = wrong.Replace("farspoke.yaml", "from: inside, to: hq", "from: self, to: outside")
	moved := ordinarySite().Replace("farspoke.yaml", "holding-time: 300s", "holding-time: 200s")

	site := ordinarySite()
	for name, other := range map[string]Site{"split.yaml": split, "closed.yaml": closed, "wrong.yaml": wrong, "moved.yaml": moved} {
		site[name] = other["farspoke.yaml"]
	}
	return site
}

// TestFirewallCommit: the policy changes while a host behind the box pings
// headquarters. What both policies allow loses nothing, what the new one forbids
// ends at once, and a file that is wrong changes nothing.
func TestFirewallCommit(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, testedBox(lab.images, lab.images.Box, tighter()))
	run := func(command string) string {
		t.Helper()
		// A command that fails says why, and that is wanted here, too.
		out, err := spoke.Run(limit(t, word), command+" 2>&1 || true")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := func(command string, parts ...string) {
		t.Helper()
		out := run(command)
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("%s says\n%s\nwithout %q", command, out, part)
			}
		}
	}
	becomes := func(command, part string) {
		t.Helper()
		var out string
		eventually(t, func() bool {
			out = run(command)
			return strings.Contains(out, part)
		}, func() string { return fmt.Sprintf("%s says\n%s\nwithout %q", command, out, part) })
	}

	want("/init firewall check /etc/farspoke/wrong.yaml", "wrong.yaml:", "GRE in clear", "allow ike")
	want("/init firewall check /etc/farspoke/moved.yaml", "more than the firewall")
	want("/init firewall commit /etc/farspoke/wrong.yaml", "GRE in clear")
	want("/init firewall check /etc/farspoke/split.yaml", "would change", "zone hq\n  + has hq", "inside to hq\n  + inspect ping")

	from := spoke.Ping.Mark()
	want("/init firewall commit /etc/farspoke/split.yaml", "has changed", "zone hq")
	until := spoke.Ping.Mark()
	answered(t, spoke, until, recovery)
	loses(t, spoke.Ping, from, until, 0) // both policies allow them

	want("/init firewall commit /etc/farspoke/closed.yaml", "- inspect ping", "+ drop ping")
	closed := spoke.Ping.Mark()
	if _, err := spoke.Ping.Silence(limit(t, word), closed, 20); err != nil {
		t.Fatal(err)
	}
	if lost, sent := spoke.Ping.Lost(closed, spoke.Ping.Mark()); lost != sent {
		t.Errorf("%d of %d pings were answered that the policy forbids", sent-lost, sent)
	}
	want("/init show firewall", "From inside to hq", "drop ping")
	becomes("/init show firewall log", "dropped inside to hq, ping: icmp 192.168.17.") // the kernel tells of it later

	want("/init firewall commit /etc/farspoke/split.yaml", "+ inspect ping")
	answered(t, spoke, spoke.Ping.Mark(), recovery)

	// The next router process has the policy that was committed.
	pid, err := spoke.pidOf(limit(t, word), "router")
	if err != nil {
		t.Fatal(err)
	}
	line := spoke.Console.Mark()
	run(fmt.Sprintf("kill -9 %d", pid))
	says(t, spoke, line, `took over the IKE SA`)
	answered(t, spoke, spoke.Ping.Mark(), recovery)
	becomes("/init firewall check /etc/farspoke/split.yaml", "would change nothing")
	if err := spoke.NoClearGRE(); err != nil {
		t.Error(err)
	}
}
