//go:build lab

package main

import (
	"strings"
	"testing"
)

// TestDHCPServerGone: there is no server when the box starts; the box says so,
// and takes a lease once there is one.
func TestDHCPServerGone(t *testing.T) {
	lab := open(t)
	lab.DHCP.Stop()
	spoke := boot(t, lab, ordinaryBox(lab))
	says(t, spoke, 0, `no DHCP server answers`)
	mark := spoke.Ping.Mark()
	if err := lab.DHCP.Start(t.Context(), ordinaryLease); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, mark, recovery)
}

// TestDHCPRefuses: while the cable is out the carrier renumbers; the box is
// refused its old address, takes a new one and reconnects from there.
func TestDHCPRefuses(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	line := spoke.Console.Mark()
	if err := spoke.Plug(0, false); err != nil {
		t.Fatal(err)
	}
	says(t, spoke, line, `port has lost its carrier`)
	if err := lab.DHCP.Restart(t.Context(), []string{"--dhcp-range=100.64.0.150,100.64.0.199,255.255.255.0,10m"}); err != nil {
		t.Fatal(err)
	}
	mark := spoke.Ping.Mark()
	if err := spoke.Plug(0, true); err != nil {
		t.Fatal(err)
	}
	says(t, spoke, line, `DHCP server refuses the address`)
	says(t, spoke, line, `100\.64\.0\.1[5-9]\d.*milestone=lease|milestone=lease.*100\.64\.0\.1[5-9]\d`)
	answered(t, spoke, mark, recovery)
}

// TestDHCPHostile: the carrier's server offers routes to our LAN, to
// headquarters and to everything; none of it reaches the main table, where the only
// route to the provider is the box's own, for hosts that may use it directly.
func TestDHCPHostile(t *testing.T) {
	lab := open(t)
	err := lab.DHCP.Restart(t.Context(), append([]string{
		"--dhcp-option=option:classless-static-route,0.0.0.0/0,100.64.0.1,192.168.17.0/24,100.64.0.66,10.100.0.0/24,100.64.0.66",
		"--dhcp-option=option:static-route,10.100.0.10,100.64.0.66",
		"--dhcp-option=option:domain-name,../../etc",
	}, ordinaryLease...))
	if err != nil {
		t.Fatal(err)
	}
	spoke := bringUp(t, lab, ordinaryBox(lab))
	// Only the main table is in this file, and its seventh column is the metric.
	routes, err := spoke.Run(limit(t, word), "cat /proc/net/route")
	if err != nil {
		t.Fatal(err)
	}
	for route := range strings.Lines(routes) {
		ours := strings.HasPrefix(route, "wan\t00000000\t01004064\t") && strings.Fields(route)[6] == "16777216"
		if strings.HasPrefix(route, "wan\t") && !ours {
			t.Errorf("the provider has put a route into the main table: %s", route)
		}
	}
}
