//go:build vm

package interop

import (
	"testing"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/modem"
)

// TestMbimcli: mbimcli opens the kernel's own node, with messages whole and in
// fragments of 128 octets. What it makes of every command, the tests of
// emulator/proxy show.
func TestMbimcli(t *testing.T) {
	for name, length := range map[string]int{"whole": 4096, "in fragments": 128} {
		t.Run(name, func(t *testing.T) {
			s := quick()
			s.Device.ControlMessage = length
			e := plugIn(t, usb.MBIM, s)
			e.awaitHome(t)
			mbimcli := func(verb string, words ...string) {
				t.Helper()
				says(t, "/usr/bin/mbimcli", []string{"-d", node, verb}, words...)
			}
			mbimcli("--query-device-caps", "Device ID: '"+s.Device.IMEI+"'", "Max sessions: '8'")
			mbimcli("--query-device-services", "Service: 'ms-basic-connect-extensions'", "version (15)")
			mbimcli("--query-subscriber-ready-status", "SIM ICCID: '"+s.Slots[0].SIM.ICCID+"'")
			mbimcli("--query-registration-state", "Register state: 'home'", "Provider name: 'Testnet'")
			mbimcli("--ms-query-base-stations-info", "EARFCN: 6300", "RSRP: -97 dBm")
			mbimcli("--connect=session-id=0,access-string=internet,ip-type=ipv4v6", "Activation state: 'activated'",
				"IP [0]: '100.72.0.3/29'", "Gateway: '100.72.0.4'", "DNS [0]: '100.72.0.1'", "IP [0]: '2001:db8:72:1:200::11/64'", "MTU: '1430'")
		})
	}
}

// TestQmicli: qmicli opens the kernel's own node.
func TestQmicli(t *testing.T) {
	s := quick()
	e := plugIn(t, usb.QMI, s)
	e.awaitHome(t)
	qmicli := func(verb string, words ...string) {
		t.Helper()
		says(t, "/usr/bin/qmicli", []string{"-d", node, verb}, words...)
	}
	qmicli("--get-service-version-info", "wds (1.67)", "uim (1.46)")
	qmicli("--dms-get-ids", "IMEI: '"+s.Device.IMEI+"'")
	qmicli("--uim-read-transparent=0x3F00,0x2FE2", "98:88:12:01:00:00:50:03:80:F2")
	qmicli("--nas-get-serving-system", "Registration state: 'registered'", "Description: 'Testnet'")
	qmicli("--nas-get-signal-info", "RSRP: '-97 dBm'", "SNR: '12.0 dB'")
	qmicli("--wds-start-network=apn=internet,ip-type=4", "Network started")
}

func (m emulated) awaitHome(t *testing.T) {
	t.Helper()
	eventually(t, "a network", func() (home bool) {
		m.Modem.Do(func() { home = m.Modem.Registration().State == modem.Home })
		return home
	})
}
