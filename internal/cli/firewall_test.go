package cli

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/farspoke/farspoke/firewall"
)

func TestShowFirewall(t *testing.T) {
	golden(t, "firewall", firewallText(firewall.Status{
		Active: true, Fingerprint: "3f2a91c0", Applied: time.Date(2026, 11, 27, 18, 4, 5, 0, time.UTC),
		Classes: []firewall.ClassStatus{
			{Class: "GRE received in clear, dropped", Tally: firewall.Tally{Packets: 3, Bytes: 400}},
			{From: "inside", To: "outside", Class: "inspected connections", Tally: firewall.Tally{Packets: 1234567, Bytes: 987654321}},
			{From: "inside", To: "outside", Class: "inspect http, https, dns, ntp, ping, ssh, imap, submission, tcp/8443"},
			{From: "outside", To: "self", Class: "no class, dropped", Tally: firewall.Tally{Packets: 1, Bytes: 40}},
		},
	}))
	if got := firewallText(firewall.Status{}); got != "No policy is in the kernel: the box is closed.\n" {
		t.Errorf("without a policy: %q", got)
	}
}

func TestFirewallCommands(t *testing.T) {
	dir := t.TempDir()
	file, empty := filepath.Join(dir, "new.yaml"), filepath.Join(dir, "empty.yaml")
	for name, text := range map[string]string{file: "hostname: x\n", empty: ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 11, 27, 18, 4, 5, 0, time.UTC)
	router := &fakeRouter{logged: []firewall.Logged{
		{Time: at, Decision: firewall.Decision{Verdict: "drop", From: "outside", To: "self", Class: "default"}, In: "front", Headers: firewall.Headers{
			Protocol: "tcp", Source: netip.MustParseAddr("198.51.100.7"), SourcePort: 40112, Destination: netip.MustParseAddr("203.0.113.2"), DestinationPort: 23, Flags: "SYN",
		}},
		{Time: at.Add(time.Second), Decision: firewall.Decision{Verdict: "reject", From: "inside", To: "outside", Class: "mail"}, In: "lan", Out: "wan", Lost: 7, Headers: firewall.Headers{
			Protocol: "udp", Source: netip.MustParseAddr("192.168.17.10"), SourcePort: 1, Destination: netip.MustParseAddr("203.0.113.1"), DestinationPort: 25,
		}},
	}}
	for _, test := range []struct {
		words       []string
		status      int
		out, errOut string
	}{
		{[]string{"firewall", "check", file}, exitOK, "warning: careful\nThe box would change its firewall so:\n\ninside to outside\n  + inspect tcp\n", ""},
		{[]string{"firewall", "commit", file}, exitOK, "The box had nothing to change.\n", ""},
		{[]string{"firewall", "check", empty}, exitFailed, "", "% the router process refuses: " + empty + " is empty\n"},
		{[]string{"firewall", "add", "blocked", "192.0.2.7"}, exitOK, "", ""},
		{[]string{"firewall", "add", "blocked", "nobody"}, exitFailed, "", "% the router process refuses: \"nobody\" is no address: write it like 192.0.2.7\n"},
		{[]string{"firewall", "list", "blocked"}, exitOK, "192.0.2.7\n", ""},
		{[]string{"firewall", "remove", "blocked", "192.0.2.7"}, exitOK, "", ""},
		{[]string{"firewall", "list", "blocked"}, exitOK, "", ""},
		{[]string{"show", "firewall", "log"}, exitOK, "2026-11-27 18:04:05 dropped outside to self, default: tcp 198.51.100.7:40112 to 203.0.113.2:23 SYN, in by front\n" +
			"7 lines were lost here\n2026-11-27 18:04:06 rejected inside to outside, mail: udp 192.168.17.10:1 to 203.0.113.1:25, in by lan, out by wan\n", ""},
	} {
		c, stdout, stderr := box(t, router, "")
		if got := c.Main(t.Context(), test.words); got != test.status || stdout.String() != test.out || stderr.String() != test.errOut {
			t.Errorf("%v: exit status %d, %q, %q; want %d, %q, %q", test.words, got, stdout, stderr, test.status, test.out, test.errOut)
		}
	}
}
