//go:build netns

package proxy_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/emulator/mbimside"
	"github.com/farspoke/farspoke/cellular/emulator/proxy"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// startMBIM starts a modem that speaks MBIM through the proxy's socket.
func startMBIM(t *testing.T, s virtual.Scenario) *virtual.Modem {
	t.Helper()
	m, err := virtual.New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var p *proxy.MBIM
	side := mbimside.New(m, func(frame []byte) { p.FromModem(frame) })
	p = proxy.NewMBIM(m.Device().ControlMessage, side.Receive)
	listen(t, proxy.MBIMSocket, p.Serve)
	return m
}

func mbimcli(t *testing.T, args ...string) string {
	t.Helper()
	return tool(t, "mbimcli", args...)
}

// TestMbimcliReadsEverything runs what asks, with messages whole and in fragments.
func TestMbimcliReadsEverything(t *testing.T) {
	for _, length := range []int{4096, 128} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			s := quick()
			s.Device.ControlMessage = length
			m := startMBIM(t, s)
			awaitHome(t, m)
			d := m.Device()
			says(t, mbimcli(t, "--query-device-caps"), "Device type: 'embedded'", "Max sessions: '8'", "Device ID: '"+d.IMEI+"'",
				"Firmware info: '"+d.Firmware+"'", "Data class: 'gprs, edge, umts, hsdpa, hsupa, lte'", "Ctrl caps: 'reg-manual, sim-hot-swap-capable'")
			says(t, mbimcli(t, "--query-subscriber-ready-status"), "Ready state: 'initialized'", "Subscriber ID: '001010123456789'", "SIM ICCID: '8988211000000530082'")
			says(t, mbimcli(t, "--query-radio-state"), "Hardware radio state: 'on'", "Software radio state: 'on'")
			says(t, mbimcli(t, "--query-device-services"), "Service: 'basic-connect'", "device-caps (1)", "emergency-mode (22)",
				"Service: 'ms-basic-connect-extensions'", "version (15)", "Service: 'ms-uicc-low-level-access'", "read-record (10)")
			says(t, mbimcli(t, "--query-pin-state"), "PIN type: 'pin2'", "PIN state: 'locked'", "Remaining attempts: '3'")
			says(t, mbimcli(t, "--query-pin-list"), "PIN1:\n Mode: 'disabled'\n Format: 'numeric'\n Min length: '4'\n Max length: '8'")
			says(t, mbimcli(t, "--query-home-provider"), "Provider ID: '00101'", "Provider name: 'Testnet'", "State: 'home'")
			says(t, mbimcli(t, "--query-registration-state"), "Network error: 'none'", "Register state: 'home'", "Register mode: 'automatic'",
				"Available data classes: 'lte'", "Provider ID: '00101'", "Provider name: 'Testnet'", "Registration flags: 'packet-service-automatic-attach'")
			says(t, mbimcli(t, "--query-signal-state"), "RSSI [0-31,99]: '23'", "Error rate [0-7,99]: '99'")
			says(t, mbimcli(t, "--query-packet-service-state"), "Packet service state: 'attached'", "Available data classes: 'lte'",
				"Uplink speed: '50000000 bps'", "Downlink speed: '150000000 bps'")
			says(t, mbimcli(t, "--query-connection-state=0"), "Session ID: '0'", "Activation state: 'deactivated'")
			says(t, mbimcli(t, "--query-provisioned-contexts"), "Context ID 1:", "Context type: 'internet'")
			says(t, mbimcli(t, "--query-network-idle-hint"), "disabled")
			says(t, mbimcli(t, "--query-emergency-mode"), "on")
			says(t, mbimcli(t, "--ms-query-lte-attach-configuration"), "Configuration 0:", "Roaming: 'home'", "Roaming: 'partner'", "Roaming: 'non-partner'")
			says(t, mbimcli(t, "--ms-query-lte-attach-info"), "Attach state: 'attached'", "IP type: 'ipv4v6'", "Access string: 'internet'")
			says(t, mbimcli(t, "--ms-query-sys-caps"), "Number of executors: '1'", "Number of slots: '2'")
			says(t, mbimcli(t, "--ms-query-device-caps"), "Device ID: '"+d.IMEI+"'")
			says(t, mbimcli(t, "--ms-query-device-slot-mappings"), "Executor 0: slot 0")
			says(t, mbimcli(t, "--ms-query-slot-info-status=0"), "Slot '0': 'state-active'")
			says(t, mbimcli(t, "--ms-query-slot-info-status=1"), "Slot '1': sate-off-empty") // so spelt by libmbim
			says(t, mbimcli(t, "--ms-query-location-info-status"), "Location area code: 'FFFFFFFF'", "Tracking area code: '001267'", "Cell ID: '01A2D001'")
			says(t, mbimcli(t, "--ms-query-base-stations-info"), "System type: lte", "EARFCN: 6300", "RSRP: -97 dBm", "RSRQ: -11 dBm", "Provider id: 00101")
			says(t, mbimcli(t, "--ms-query-provisioned-contexts"), "Context type: 'internet'", "State: 'enabled'", "Roaming control: 'allow-all'")
			says(t, mbimcli(t, "--ms-query-uicc-application-list"), "Application type: usim", "Application name: USIM", "A0:00:00:00:87:10:02")
		})
	}
}

func TestMbimcliReadsTheSIM(t *testing.T) {
	m := startMBIM(t, quick())
	awaitHome(t, m)
	const app = "application-id=A0000000871002FF86FF0389FFFFFFFF,"
	says(t, mbimcli(t, "--ms-query-uicc-file-status="+app+"file-path=7FFF6FAD"), "Status word 1: 144", "Structure: transparent", "Item size: 4")
	says(t, mbimcli(t, "--ms-query-uicc-read-binary="+app+"file-path=7FFF6FAD,read-offset=0,read-size=0"), "Status word 1: 144", "00:00:00:02")
	says(t, mbimcli(t, "--ms-query-uicc-read-binary="+app+"file-path=7FFF6F3E,read-offset=0,read-size=0"), "0A:1B")
	says(t, mbimcli(t, "--ms-query-uicc-read-binary="+app+"file-path=7FFF6F99,read-offset=0,read-size=0"), "Status word 1: 106", "Status word 2: 130")
	says(t, mbimcli(t, "--ms-query-uicc-read-record="+app+"file-path=7FFF6FAD,record-number=1"), "Status word 1: 105")
}

func TestMbimcliUnlocksTheSIM(t *testing.T) {
	s := quick()
	s.Slots[0].SIM.PIN, s.Slots[0].SIM.PUK = "4711", "87654321"
	m := startMBIM(t, s)
	await(t, m, func() bool { return m.SIMState() == modem.SIMLocked })
	says(t, mbimcli(t, "--query-subscriber-ready-status"), "Ready state: 'device-locked'")
	says(t, mbimcli(t, "--query-pin-state"), "PIN type: 'pin1'", "PIN state: 'locked'", "Remaining attempts: '3'")
	says(t, mbimcli(t, "--query-home-provider"), "PinRequired")
	says(t, mbimcli(t, "--enter-pin=0000"), "Failure")
	says(t, mbimcli(t, "--query-pin-state"), "Remaining attempts: '2'")
	says(t, mbimcli(t, "--enter-pin=4711"), "PIN operation successful", "PIN state: 'unlocked'", "Remaining attempts: '3'")
	says(t, mbimcli(t, "--query-subscriber-ready-status"), "Ready state: 'initialized'")
	says(t, mbimcli(t, "--change-pin=4711,1234"), "PIN operation successful")
	says(t, mbimcli(t, "--disable-pin=1234"), "PIN operation successful")
	says(t, mbimcli(t, "--enter-pin=1234"), "PinDisabled")
	says(t, mbimcli(t, "--enable-pin=1234"), "PIN operation successful")
	for range 3 {
		mbimcli(t, "--enter-pin=0000")
	}
	says(t, mbimcli(t, "--query-pin-state"), "PIN type: 'puk1'", "PIN state: 'locked'", "Remaining attempts: '10'")
	says(t, mbimcli(t, "--enter-puk=00000000,5678"), "Failure")
	says(t, mbimcli(t, "--query-pin-state"), "PIN type: 'puk1'", "Remaining attempts: '9'")
	says(t, mbimcli(t, "--enter-puk=87654321,5678"), "PIN operation successful")
	m.Do(func() {
		if m.SIMState() != modem.SIMReady || m.Card().PIN != "5678" {
			t.Errorf("the SIM is %v", m.SIMState())
		}
	})
}

func TestMbimcliConnects(t *testing.T) {
	for _, length := range []int{4096, 128} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			s := quick()
			s.Device.ControlMessage = length
			m := startMBIM(t, s)
			awaitHome(t, m)
			says(t, mbimcli(t, "--query-ip-configuration=3"), "ContextNotActivated")
			says(t, mbimcli(t, "--query-packet-statistics"), "ContextNotActivated")
			says(t, mbimcli(t, "--connect=session-id=3,access-string=internet,ip-type=ipv4v6"), "Session ID: '3'", "Activation state: 'activated'", "IP type: 'ipv4v6'")
			var g modem.Connection
			m.Do(func() {
				if s, ok := m.Session(3); ok {
					g = s.Granted
				}
			})
			says(t, mbimcli(t, "--query-ip-configuration=3"),
				"IPv4 configuration available: 'address, gateway, dns, mtu'", "IP [0]: '"+g.Address4.String()+"'", "Gateway: '"+g.Gateway4.String()+"'",
				"DNS [0]: '"+g.DNS[0].String()+"'", "MTU: '1430'", "IPv6 configuration available: 'address, gateway, dns, mtu'",
				"IP [0]: '"+g.Address6.String()+"'", "Gateway: '"+g.Gateway6.String()+"'", "DNS [0]: '"+g.DNS[1].String()+"'")
			says(t, mbimcli(t, "--query-packet-statistics"), "Octets (in): '0'")
			says(t, mbimcli(t, "--ms-query-pco=3"), "Session ID: '3'")
			says(t, mbimcli(t, "--connect=session-id=3,access-string=internet"), "MaxActivatedContexts")
			says(t, mbimcli(t, "--disconnect=3"), "Activation state: 'deactivated'")
			says(t, mbimcli(t, "--disconnect=3"), "ContextNotActivated")
			says(t, mbimcli(t, "--connect=session-id=8,access-string=internet"), "InvalidParameters")
		})
	}
}

func TestMbimcliIsToldWhy(t *testing.T) {
	s := quick()
	corp := *s.Networks[0].APNs[0]
	corp.Name, corp.Default, corp.User, corp.Password, corp.Auth = "corp", false, "branch", "secret", modem.CHAP
	s.Networks[0].APNs = append(s.Networks[0].APNs, &corp)
	m := startMBIM(t, s)
	awaitHome(t, m)
	says(t, mbimcli(t, "--connect=access-string=nowhere"), "InvalidAccessString")
	says(t, mbimcli(t, "--connect=access-string=corp,auth=chap,username=branch,password=guess"), "InvalidUserNamePwd")
	says(t, mbimcli(t, "--connect=access-string=corp,auth=chap,username=branch,password=secret"), "Activation state: 'activated'")
	m.Do(func() {
		if err := m.ChangeAPN("", "internet", func(a *virtual.APN) { a.Refuse = 26 }); err != nil {
			t.Fatal(err)
		}
	})
	says(t, mbimcli(t, "--connect=session-id=1,access-string=internet"), "Failure")
}

func TestMbimcliDirectsTheRadioAndTheNetwork(t *testing.T) {
	m := startMBIM(t, quick())
	awaitHome(t, m)
	says(t, mbimcli(t, "--set-radio-state=off"), "Software radio state: 'off'")
	says(t, mbimcli(t, "--query-registration-state"), "Register state: 'deregistered'")
	says(t, mbimcli(t, "--query-signal-state"), "RSSI [0-31,99]: '99'")
	says(t, mbimcli(t, "--connect=access-string=internet"), "RadioPowerOff")
	says(t, mbimcli(t, "--query-visible-providers"), "RadioPowerOff")
	says(t, mbimcli(t, "--set-radio-state=on"), "Software radio state: 'on'")
	awaitHome(t, m)
	says(t, mbimcli(t, "--detach-packet-service"), "Packet service state: 'detached'")
	says(t, mbimcli(t, "--connect=access-string=internet"), "NotRegistered")
	says(t, mbimcli(t, "--attach-packet-service"), "Packet service state: 'attached'")
	says(t, mbimcli(t, "--register-automatic"), "Register state: 'home'")
	says(t, mbimcli(t, "--ms-set-device-slot-mappings=1"), "Executor 0: slot 1")
	says(t, mbimcli(t, "--query-subscriber-ready-status"), "Ready state: 'sim-not-inserted'")
	says(t, mbimcli(t, "--query-pin-state"), "SimNotInserted")
	says(t, mbimcli(t, "--connect=access-string=internet"), "SimNotInserted")
}

func TestMbimcliSeesADenial(t *testing.T) {
	s := quick()
	s.Networks[0].Deny = 11
	m := startMBIM(t, s)
	await(t, m, func() bool { return m.Registration().State == modem.Denied })
	says(t, mbimcli(t, "--query-registration-state"), "Network error: 'plmn-not-allowed'", "Register state: 'denied'")
	says(t, mbimcli(t, "--query-packet-service-state"), "Packet service state: 'detached'", "Network error: 'plmn-not-allowed'")
	says(t, mbimcli(t, "--ms-query-lte-attach-info"), "Attach state: 'detached'")
	says(t, mbimcli(t, "--ms-query-location-info-status"), "NotRegistered")
}

func TestMbimcliScans(t *testing.T) {
	s := quick()
	s.Timing.Scan = s.Timing.SIM
	other := *s.Networks[0]
	other.PLMN, other.Name = "90170", "Elsewhere"
	s.Networks = append(s.Networks, &other)
	m := startMBIM(t, s)
	awaitHome(t, m)
	says(t, mbimcli(t, "--query-visible-providers"), "Provider ID: '00101'", "State: 'home, visible, registered'", "Provider ID: '90170'", "State: 'visible'")
}

// TestMbimcliNegotiates reads what has another layout in MBIMEx 2.0.
func TestMbimcliNegotiates(t *testing.T) {
	m := startMBIM(t, quick())
	awaitHome(t, m)
	const v2 = "--device-open-ms-mbimex-v2"
	says(t, mbimcli(t, v2, "--query-registration-state"), "Register state: 'home'", "Preferred data classes: 'gprs, edge, umts, hsdpa, hsupa, lte'")
	says(t, mbimcli(t, v2, "--query-signal-state"), "RSSI [0-31,99]: '23'", "RSRP: '-97 dBm'", "SNR: '12.0 dB'", "RSRP/SNR info: lte")
	says(t, mbimcli(t, v2, "--query-packet-service-state"), "Packet service state: 'attached'", "Frequency range: 'unknown'")
}

func TestMbimcliCannotNegotiateWithAnOldModem(t *testing.T) {
	s := quick()
	s.Device.MBIMEx = ""
	m := startMBIM(t, s)
	awaitHome(t, m)
	if services := mbimcli(t, "--query-device-services"); strings.Contains(services, "version (15)") {
		t.Errorf("it lists VERSION: %s", services)
	}
	says(t, mbimcli(t, "--ms-query-version=1.0,2.0"), "NoDeviceSupport")
}

// TestMbimcliReadsEveryNo has the modem asked for what it has not.
func TestMbimcliReadsEveryNo(t *testing.T) {
	m := startMBIM(t, quick())
	awaitHome(t, m)
	bad := regexp.MustCompile(`(?i)couldn't parse|invalid message|malformed|critical`)
	for _, verb := range []string{
		"--query-preferred-providers", "--query-ip-packet-filters=0", "--ms-query-firmware-id", "--ms-query-sar-config",
		"--ms-query-registration-parameters", "--ms-query-modem-configuration", "--ms-query-wake-reason", "--ms-query-uicc-atr",
	} {
		out := mbimcli(t, verb)
		if bad.MatchString(out) || !strings.Contains(out, "NoDeviceSupport") {
			t.Errorf("%s: %s", verb, out)
		}
	}
}

func TestMbimcliMakesItsHostKnown(t *testing.T) {
	s := quick()
	s.Device.HostLock = true
	m := startMBIM(t, s)
	says(t, mbimcli(t, "--quectel-query-radio-state"), "Radio state retrieved: fcc-locked")
	says(t, mbimcli(t, "--set-radio-state=on"), "OperationNotAllowed")
	says(t, mbimcli(t, "--quectel-set-radio-state=on"), "Successfully requested to enable radio")
	says(t, mbimcli(t, "--query-radio-state"), "Software radio state: 'on'")
	awaitHome(t, m)
}
