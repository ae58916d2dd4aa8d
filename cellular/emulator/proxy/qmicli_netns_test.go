//go:build netns

package proxy_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/proxy"
	"github.com/farspoke/farspoke/cellular/emulator/qmiside"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// startQMI starts a modem that speaks QMI through the proxy's socket.
func startQMI(t *testing.T, s virtual.Scenario) *virtual.Modem {
	t.Helper()
	m, err := virtual.New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var p *proxy.QMI
	side := qmiside.New(m, func(frame []byte) { p.FromModem(frame) })
	p = proxy.NewQMI(side.Receive)
	listen(t, proxy.QMISocket, p.Serve)
	return m
}

func listen(t *testing.T, socket string, serve func(context.Context, net.Listener) error) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// quick is Default without waiting for what is not tested.
func quick() virtual.Scenario {
	s := virtual.Default()
	const soon = virtual.Duration(10 * time.Millisecond)
	s.Timing.SIM, s.Timing.Register, s.Timing.Connect = soon, soon, soon
	return s
}

// await waits until the modem is as wanted.
func await(t *testing.T, m *virtual.Modem, wanted func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		reached := false
		if m.Do(func() { reached = wanted() }); reached {
			return
		}
	}
	t.Fatal("the modem does not come so far")
}

func awaitHome(t *testing.T, m *virtual.Modem) {
	t.Helper()
	await(t, m, func() bool { return m.Registration().State == modem.Home })
}

// tool runs qmicli or mbimcli and returns what it prints, with each run of
// blanks as one.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, append([]string{"-p", "-d", "/dev/null"}, args...)...).CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s %v hangs: %s", name, args, out)
	}
	text := string(out)
	if err != nil {
		text += "\nerror: " + err.Error()
	}
	return regexp.MustCompile(`[ \t]+`).ReplaceAllString(text, " ")
}

func qmicli(t *testing.T, args ...string) string {
	t.Helper()
	return tool(t, "qmicli", append([]string{"--device-open-qmi"}, args...)...)
}

// says checks that text has all of the lines. Quotes do not count: some commands
// print them, others do not.
func says(t *testing.T, text string, lines ...string) {
	t.Helper()
	text = strings.ReplaceAll(text, "'", "")
	for _, line := range lines {
		if !strings.Contains(text, strings.ReplaceAll(line, "'", "")) {
			t.Errorf("lacks %q:\n%s", line, text)
		}
	}
}

func TestQmicliReadsTheDevice(t *testing.T) {
	m := startQMI(t, quick())
	d := m.Device()
	says(t, qmicli(t, "--dms-get-ids"), "IMEI: '"+d.IMEI+"'")
	says(t, qmicli(t, "--dms-get-manufacturer"), "Manufacturer: '"+d.Manufacturer+"'")
	says(t, qmicli(t, "--dms-get-model"), "Model: '"+d.Model+"'")
	says(t, qmicli(t, "--dms-get-revision"), "Revision: '"+d.Firmware+"'")
	says(t, qmicli(t, "--dms-get-capabilities"), "Data Service: 'non-simultaneous-cs-ps'", "Networks: 'gsm, umts, lte'")
	says(t, qmicli(t, "--get-service-version-info"), "wds (1.67)", "uim (1.46)", "wda (1.16)")
	says(t, qmicli(t, "--wda-set-data-format=raw-ip"), "Link layer protocol: 'raw-ip'", "Uplink data aggregation protocol: 'disabled'")
}

func TestQmicliSwitchesTheRadio(t *testing.T) {
	m := startQMI(t, quick())
	awaitHome(t, m)
	says(t, qmicli(t, "--dms-get-operating-mode"), "Mode: 'online'")
	says(t, qmicli(t, "--dms-set-operating-mode=low-power"), "Operating mode set successfully")
	says(t, qmicli(t, "--dms-get-operating-mode"), "Mode: 'low-power'", "HW restricted: 'no'")
	says(t, qmicli(t, "--nas-get-serving-system"), "Registration state: 'not-registered'", "PS: 'detached'")
	says(t, qmicli(t, "--dms-set-operating-mode=reset"), "InvalidTransition")
	m.Do(func() { m.SetHardwareRadio(false) })
	says(t, qmicli(t, "--dms-set-operating-mode=online"), "HardwareRestricted")
}

func TestQmicliUnlocksTheSIM(t *testing.T) {
	s := quick()
	s.Slots[0].SIM.PIN = "4711"
	m := startQMI(t, s)
	await(t, m, func() bool { return m.SIMState() == modem.SIMLocked })
	says(t, qmicli(t, "--uim-get-card-status"),
		"Primary GW: slot '1', application '1'", "Card state: 'present'", "Application type: 'usim (2)'",
		"Application state: 'pin1-or-upin-pin-required'", "PIN1 state: 'enabled-not-verified'", "PIN1 retries: '3'", "PUK1 retries: '10'")
	says(t, qmicli(t, "--uim-read-transparent=0x3F00,0x7FFF,0x6F07"), "AccessDenied", "SW1: '0x69'")
	says(t, qmicli(t, "--uim-verify-pin=PIN1,0000"), "'IncorrectPin'", "Verify: 2", "Unblock: 10")
	says(t, qmicli(t, "--dms-uim-get-pin-status"), "Status: enabled-not-verified", "Verify: 2")
	says(t, qmicli(t, "--uim-verify-pin=PIN1,4711"), "PIN verified successfully")
	says(t, qmicli(t, "--uim-get-card-status"), "Application state: 'ready'", "PIN1 state: 'enabled-verified'", "PIN1 retries: '3'")
	says(t, qmicli(t, "--uim-read-transparent=0x3F00,0x2FE2"), "98:88:12:01:00:00:50:03:80:F2")
	says(t, qmicli(t, "--uim-read-transparent=0x3F00,0x7FFF,0x6F07"), "08:09:10:10:10:32:54:76:98")
	says(t, qmicli(t, "--dms-uim-get-iccid"), m.Card().ICCID)
	says(t, qmicli(t, "--dms-uim-get-imsi"), m.Card().IMSI)
}

func TestQmicliBlocksTheSIM(t *testing.T) {
	s := quick()
	s.Slots[0].SIM.PIN = "4711"
	m := startQMI(t, s)
	await(t, m, func() bool { return m.SIMState() == modem.SIMLocked })
	qmicli(t, "--uim-verify-pin=PIN1,0000")
	qmicli(t, "--uim-verify-pin=PIN1,0000")
	says(t, qmicli(t, "--uim-verify-pin=PIN1,0000"), "'PinBlocked'", "Verify: 0")
	says(t, qmicli(t, "--uim-verify-pin=PIN1,4711"), "'PinBlocked'")
	says(t, qmicli(t, "--uim-get-card-status"), "Application state: 'puk1-or-upin-puk-required'", "PIN1 state: 'blocked'", "PIN1 retries: '0'")
}

func TestQmicliSeesSlots(t *testing.T) {
	s := quick()
	s.Slots[1].SIM = &virtual.SIM{ICCID: "8949020000012345678", IMSI: "262011234567890", MNCDigits: 2}
	m := startQMI(t, s)
	awaitHome(t, m)
	says(t, qmicli(t, "--uim-get-slot-status"), "2 physical slots found", "Slot status: active\n Logical slot: 1\n ICCID: 8988211000000530082",
		"Slot status: inactive\n ICCID: 8949020000012345678")
	says(t, qmicli(t, "--uim-switch-slot=2"), "Successfully switched slots")
	await(t, m, func() bool { return m.Registration().State == modem.Roaming })
	says(t, qmicli(t, "--nas-get-serving-system"), "Roaming status: 'on'")
	m.Do(func() { m.DrawSIM(1) })
	says(t, qmicli(t, "--uim-get-card-status"), "Card state: 'absent'")
	says(t, qmicli(t, "--uim-verify-pin=PIN1,0000"), "NoSim")
}

func TestQmicliHearsTheNetwork(t *testing.T) {
	m := startQMI(t, quick())
	awaitHome(t, m)
	says(t, qmicli(t, "--nas-get-signal-info"), "LTE:", "RSSI: '-67 dBm'", "RSRQ: '-11 dB'", "RSRP: '-97 dBm'", "SNR: '12.0 dB'")
	says(t, qmicli(t, "--nas-get-serving-system"), "Registration state: 'registered'", "PS: 'attached'", "[0]: 'lte'", "Roaming status: 'off'",
		"Description: 'Testnet'", "3GPP cell ID: '27447297'", "LTE tracking area code: '4711'", "MNC with PCS digit: 'no'")
	says(t, qmicli(t, "--nas-get-home-network"), "MCC: '1'", "MNC: '1'", "Description: 'Testnet'")
	says(t, qmicli(t, "--nas-get-plmn-name=00101"), "Long Name: Testnet", "Short Name: Testnet", "Service Name: Testnet")
	says(t, qmicli(t, "--nas-get-system-info"), "LTE service:", "Status: 'available'", "MCC: '001'", "MNC: '01'", "Tracking Area Code: '4711'")
	says(t, qmicli(t, "--nas-get-rf-band-info"), "Active Band Class: 'eutran-20'", "Active Channel: '6300'")
	says(t, qmicli(t, "--nas-set-system-selection-preference=lte"), "set successfully")
	says(t, qmicli(t, "--nas-get-system-selection-preference"), "Mode preference: 'lte'", "Network selection preference: 'automatic'")
}

func TestQmicliSeesADenial(t *testing.T) {
	s := quick()
	s.Networks[0].Deny = 8
	m := startQMI(t, s)
	await(t, m, func() bool { return m.Registration().State == modem.Denied })
	says(t, qmicli(t, "--nas-get-serving-system"), "Registration state: 'registration-denied'", "PS: 'detached'")
	says(t, qmicli(t, "--nas-get-system-info"), "Status: 'limited'", "Forbidden: 'yes'", "Registration reject: 'cs-ps' (ps-and-non-ps-services-not-allowed)")
	says(t, qmicli(t, "--wds-start-network=apn=internet,ip-type=4"), "CallFailed", "no-service")
}

func TestQmicliConnectsBothFamilies(t *testing.T) {
	m := startQMI(t, quick())
	awaitHome(t, m)
	cid := regexp.MustCompile(`CID: '(\d+)'`)
	handle := regexp.MustCompile(`handle: '(\d+)'`)
	const keep = "--client-no-release-cid"
	for number, family := range []string{"4", "6"} {
		started := qmicli(t, "--wds-start-network=apn=internet,ip-type="+family, keep)
		id, h := cid.FindStringSubmatch(started), handle.FindStringSubmatch(started)
		if id == nil || h == nil {
			t.Fatalf("not started: %s", started)
		}
		client := "--client-cid=" + id[1]
		var g modem.Connection
		m.Do(func() {
			if s, ok := m.Session(number); ok {
				g = s.Granted
			}
		})
		settings := qmicli(t, "--wds-get-current-settings", client, keep)
		if family == "4" {
			says(t, settings, "IP Family: IPv4", "IPv4 address: "+g.Address4.Addr().String(), "IPv4 gateway address: "+g.Gateway4.String(),
				"IPv4 subnet mask: 255.255.255.248", "IPv4 primary DNS: "+g.DNS[0].String(), "MTU: 1430")
		} else {
			says(t, settings, "IP Family: IPv6", "IPv6 address: "+g.Address6.String(), "IPv6 gateway address: "+g.Gateway6.String()+"/64",
				"IPv6 primary DNS: "+g.DNS[0].String(), "MTU: 1430")
		}
		says(t, qmicli(t, "--wds-get-packet-service-status", client, keep), "Connection status: 'connected'")
		says(t, qmicli(t, "--wds-get-packet-statistics", client, keep), "TX packets OK: 0")
		says(t, qmicli(t, "--wds-stop-network=17", client, keep), "InvalidHandle")
		says(t, qmicli(t, "--wds-stop-network="+h[1], client, keep), "Network stopped")
		says(t, qmicli(t, "--wds-get-current-settings", client), "OutOfCall")
	}
}

func TestQmicliIsToldWhy(t *testing.T) {
	s := quick()
	full := *s.Networks[0].APNs[0]
	full.Name, full.Default = "full", false
	s.Networks[0].APNs = append(s.Networks[0].APNs, &full)
	m := startQMI(t, s)
	awaitHome(t, m)
	for cause, words := range map[modem.SessionCause]string{
		8: "operator-determined-barring", 26: "insufficient-resources", 29: "authentication-failed", 33: "option-unsubscribed", 34: "option-temporarily-out-of-order",
	} {
		m.Do(func() {
			if err := m.ChangeAPN("", "full", func(a *virtual.APN) { a.Refuse = cause }); err != nil {
				t.Fatal(err)
			}
		})
		says(t, qmicli(t, "--wds-start-network=apn=full,ip-type=4"), "CallFailed", words, fmt.Sprintf("verbose call end reason (6,%d): [3gpp]", cause))
	}
	says(t, qmicli(t, "--wds-start-network=apn=nowhere,ip-type=4"), "CallFailed", "unknown-apn", "(6,27): [3gpp] unknown-apn")
	m.Do(func() {
		if err := m.ChangeAPN("", "internet", func(a *virtual.APN) { a.Families = modem.IPv4 }); err != nil {
			t.Fatal(err)
		}
	})
	says(t, qmicli(t, "--wds-start-network=apn=internet,ip-type=6"), "CallFailed", "(2,210): [internal] pdn-ipv6-call-disallowed")
}

func TestQmicliReadsProfiles(t *testing.T) {
	m := startQMI(t, quick())
	awaitHome(t, m)
	says(t, qmicli(t, "--wds-modify-profile=3gpp,1,name=mine,apn=internet,pdp-type=IPV4V6,auth=CHAP,username=me"), "Profile successfully modified")
	says(t, qmicli(t, "--wds-get-profile-list=3gpp"), "[1] 3gpp - mine\n APN: 'internet'\n PDP type: 'ipv4-or-ipv6'", "Username: 'me'", "Auth: 'chap'", "[2] 3gpp - ims")
	says(t, qmicli(t, "--wds-get-lte-attach-parameters"), "APN: internet", "IP support type: ipv4v6")
	says(t, qmicli(t, "--wds-get-lte-attach-pdn-list"), "Current list: '1'")
	m.Do(func() {
		if apn := m.AttachAPN(); apn.Name != "internet" || apn.User != "me" || apn.Auth != modem.CHAP {
			t.Errorf("the modem will attach with %v", apn)
		}
	})
}
