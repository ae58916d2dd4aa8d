package cli

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/cellular/modem"
)

// modems are one that is up, one that is not, and one that is not there.
var modems = []cellular.Status{
	{
		Name: "m2", Phase: cellular.Up, Device: "EM7455 (1199:9071) at 1-1",
		Identity:     modem.Identity{Manufacturer: "Sierra Wireless", Model: "EM7455", Firmware: "SWI9X30C_02.33.03.00", IMEI: "490154203237518", Protocol: "MBIM 1.0"},
		Slots:        []modem.Slot{{Number: 1, Active: true, Filled: true}, {Number: 2, Filled: true, ICCID: "8941000000000000002"}},
		SIM:          modem.SIM{State: modem.SIMReady, ICCID: "8949000000000000001", IMSI: "262011234567890", Provider: "Telekom.de", Attempts: 3},
		Registration: modem.Registration{State: modem.Home, Attached: true, PLMN: "26201", Operator: "Telekom.de", Technology: modem.LTE, Band: "B20", Channel: 6300, Cell: 27447297, Area: 4711},
		Signal:       modem.Signal{RSSI: new(-67.0), RSRP: new(-97.0), RSRQ: new(-11.5), SINR: new(12.4)},
		Attach:       "the modem's own apn",
		Connections: []cellular.ConnectionStatus{{
			Interface: "lte", Up: true, APN: "apn internet.telekom (database: Telekom, tried 2nd; empty apn was refused: the network does not know the APN (cause 27))", Granted: "internet.telekom",
			Address: netip.MustParsePrefix("100.64.0.5/29"), Address6: netip.MustParsePrefix("2001:db8:17::5/64"), MTU: 1430, DNS: []netip.Addr{netip.MustParseAddr("100.64.0.1")},
			Counters: &modem.Counters{OctetsIn: 123456, OctetsOut: 7890, PacketsIn: 123, PacketsOut: 45},
			Failed:   []string{"12:00:07 (the network's own), ipv4v6: the network does not know the APN (cause 27)"},
		}, {Interface: "control", PDN: "management"}},
	},
	{
		Name: "m3", Phase: cellular.Card, Text: "the SIM is locked by its PIN and none is configured: write modems.m3.sims.0.pin", Device: "EC25 (2c7c:0125) at 1-2",
		SIM:         modem.SIM{State: modem.SIMLocked, Attempts: 3},
		Rejected:    []string{"11:59:01 the modem's own APN: roaming is not allowed in this area (cause 13)"},
		Connections: []cellular.ConnectionStatus{{Interface: "spare"}},
	},
	{Name: "usb", Phase: cellular.Absent, Text: "the modem is not there yet", Connections: []cellular.ConnectionStatus{{Interface: "stick"}}},
}

func TestShowCellular(t *testing.T) {
	golden(t, "cellular", cellularText(modems))
	if got := cellularText(nil); got != "No interface is a modem.\n" {
		t.Errorf("without modems it shows %q", got)
	}
}

// TestCellularOnATerminal: a name does not clear the screen.
func TestCellularOnATerminal(t *testing.T) {
	got := cellularText([]cellular.Status{{Name: "m2", Device: "at 1-1", Registration: modem.Registration{State: modem.Home, Operator: "Ev\x1b[2Jil\u202e\nModem m3"}}})
	if !strings.Contains(got, "  Network       Ev[2Jil Modem m3") || strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("%q", got)
	}
}

// TestCellularInJSON: what the router process sends is what is read.
func TestCellularInJSON(t *testing.T) {
	data, err := json.Marshal(modems)
	if err != nil {
		t.Fatal(err)
	}
	var got []cellular.Status
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(modems, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("JSON (-sent +read):\n%s", diff)
	}
}
