package cli

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/keepalive"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/lockdown"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what a command prints with the file of that name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	for line := range strings.Lines(got) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("%s: longer than 80 columns: %s", name, line)
		}
	}
}

func TestShowStatus(t *testing.T) {
	golden(t, "status", statusText(branch))
	broken := branch
	broken.Config.Problem = "farspoke.yaml:7:20: interfaces.wan: there is no key \"vfr\" here\n    7 |   wan: {port: wan, vfr: front}\n      |                    ^^^\n      write \"vrf\""
	broken.Uplinks = nil
	broken.Lockdown.Kernel, broken.Lockdown.Open = lockdown.Off, []string{"/tmp"}
	golden(t, "status-broken", statusText(broken))
}

func TestShowDMVPN(t *testing.T) {
	key := uint32(1)
	tunnel := dmvpn.Status{Name: "hq", Address: netip.MustParsePrefix("172.16.100.17/24"), Key: &key, Underlay: "front", IPsec: "hq", Up: true}
	hub := dmvpn.ServerStatus{Address: netip.MustParseAddr("172.16.100.1"), Name: "hub1.example.net"}
	up, registering := hub, hub
	up.NBMA, up.State, up.Routed, up.ExpiresIn, up.UpDown = netip.MustParseAddr("203.0.113.1"), dmvpn.Registered, true, 272, 3728
	up.SharedWith = netip.MustParseAddr("172.16.100.99")
	up.Claimed, up.Observed, up.BehindNAT, up.Requests, up.Replies = netip.MustParseAddr("100.64.0.17"), netip.MustParseAddr("198.51.100.7"), true, 3, 3
	registering.Address, registering.Name = netip.MustParseAddr("172.16.100.2"), "203.0.113.2"
	registering.NBMA, registering.State, registering.Requests = netip.MustParseAddr("203.0.113.2"), dmvpn.Registering, 4
	registering.LastError = "the server has not answered 4 requests"
	tunnel.Servers = []dmvpn.ServerStatus{up, registering}
	spoke := netip.MustParseAddr("172.16.100.18")
	tunnel.Shortcuts = []dmvpn.ShortcutStatus{
		{Destination: netip.MustParsePrefix("192.168.2.0/24"), Peer: spoke, NBMA: netip.MustParseAddr("198.51.100.9"), BehindNAT: true, State: nhc.PathUp, UpDown: 61, ExpiresIn: 290},
		{Destination: netip.MustParsePrefix("192.168.3.9/32"), State: nhc.PathHeld, ExpiresIn: 42, Cause: "nobody answers the resolution requests"},
	}

	tunnel.Shortcuts = append(tunnel.Shortcuts, tunnel.Shortcuts[0])
	tunnel.Shortcuts[2].Destination = netip.MustParsePrefix("172.16.100.18/32")
	tunnel.Multicast.Replicated = 12
	exchanged := nhc.Exchanged{
		Sent: map[string]uint64{"registration request": 3, "resolution request": 2}, Received: map[string]uint64{"registration reply": 3, "error indication": 1, "purge request": 0},
		ErrorsReceived: map[string]uint64{"loop detected": 1},
	}
	tunnel.Counters = dmvpn.Counters{Exchanged: exchanged, Unexpected: 4, Peers: []nhc.PeerCounters{{NBMA: up.NBMA, Exchanged: exchanged}}}

	unresolved := dmvpn.Status{Name: "dc", Address: netip.MustParsePrefix("172.16.101.17/24"), VRF: "red"}
	hub.State, hub.LastError = dmvpn.Down, "no uplink"
	unresolved.Servers = []dmvpn.ServerStatus{hub}
	peer := ikev2.PeerStatus{Profile: "hq", Protected: true, Status: session.Status{Peer: up.NBMA, State: "up", Uptime: time.Hour}}
	other := ikev2.PeerStatus{Profile: "dc", Status: session.Status{Peer: netip.MustParseAddr("192.0.2.9"), State: "up"}}
	status := api.Status{Tunnels: []dmvpn.Status{tunnel, unresolved}, IPsec: []ikev2.Status{{VRF: "front", Peers: []ikev2.PeerStatus{peer, other}}}}
	golden(t, "dmvpn", dmvpnText(status, false))
	golden(t, "dmvpn-detail", dmvpnText(status, true))

	c, stdout, _ := box(t, &fakeRouter{status: api.Status{}}, "")
	if c.Main(t.Context(), []string{"sh", "dm"}); stdout.String() != "No tunnel is configured.\n" {
		t.Errorf("without tunnels: %q", stdout)
	}
	c, stdout, _ = box(t, &fakeRouter{status: status}, "")
	var decoded []dmvpn.Status
	if c.Main(t.Context(), []string{"show", "dmvpn", "detail", "--json"}); json.Unmarshal(stdout.Bytes(), &decoded) != nil || len(decoded) != 2 {
		t.Errorf("as JSON: %s", stdout)
	}
}

func TestShowDMVPNPath(t *testing.T) {
	c, stdout, stderr := box(t, &fakeRouter{}, "")
	if got := c.Main(t.Context(), []string{"sh", "dm", "p", "10.9.9.9"}); got != exitOK || stdout.String() != "hq:\n  No route leads to 10.9.9.9 over this tunnel.\n" {
		t.Errorf("exit status %d, %q, %q", got, stdout, stderr)
	}
	stdout.Reset()
	var paths []api.Path
	if c.Main(t.Context(), []string{"show", "dmvpn", "path", "10.9.9.9", "--json"}); json.Unmarshal(stdout.Bytes(), &paths) != nil || len(paths) != 1 {
		t.Errorf("as JSON: %s", stdout)
	}
	if got := c.Main(t.Context(), []string{"show", "dmvpn", "path", "nowhere"}); got != exitFailed || !strings.Contains(stderr.String(), `"nowhere" is no address`) {
		t.Errorf("exit status %d, %q", got, stderr)
	}
}

func TestShowCrypto(t *testing.T) {
	up := ikev2.PeerStatus{Profile: "hq", Protected: true, Status: session.Status{
		Peer: netip.MustParseAddr("203.0.113.1"), State: "up", Role: "initiator", Identity: "hub1.example.net",
		Local: netip.MustParseAddrPort("100.64.0.17:4500"), Remote: netip.MustParseAddrPort("203.0.113.1:4500"),
		SPIi: "0123456789abcdef", SPIr: "fedcba9876543210", Algorithms: "aes256gcm16-prfsha384-ecp384", NAT: "local",
		RekeyIn: 23*time.Hour + 59*time.Minute, Uptime: 90 * time.Second,
		RoundTrip: 62 * time.Millisecond, Public: netip.MustParseAddr("198.51.100.9"),
		Path: "rekeying the child SA", Unanswered: 4 * time.Second,
		Compat:   session.Compat{StartPort: 4500, Group: "ecp384", Selectors: "any"},
		Children: []session.ChildStatus{{SPIIn: "c0ffee01", SPIOut: "47c7658d", State: "in use", Algorithms: "aes256gcm16", UDP: true, Age: 90 * time.Second, RekeyIn: 55 * time.Minute}},
	}}
	down := ikev2.PeerStatus{Profile: "dc", Status: session.Status{
		Peer: netip.MustParseAddr("203.0.113.2"), State: "waiting to try again", RetryIn: 8 * time.Second,
		LastError: "203.0.113.2 refuses our pre-shared key ike-dc: compare the key and the identities on both sides",
	}}
	nats := []ikev2.TranslatorStatus{
		{Uplink: "lte", Public: netip.MustParseAddr("198.51.100.7"), Keepalives: 345, Status: keepalive.Status{
			Interval: 67500 * time.Millisecond, Lived: 90 * time.Second, Died: 2 * time.Minute, Search: keepalive.SearchDone, Questions: 6, MonthlyOctets: 1113600,
		}},
		{Uplink: "wan", Public: netip.MustParseAddr("198.51.100.8"), Status: keepalive.Status{
			Interval: 20 * time.Second, Search: keepalive.SearchWaiting, Questions: 4, MonthlyOctets: 3758400,
			Problem: "peer 203.0.113.1 sees us at another address than 198.51.100.8",
		}},
	}
	guest := ikev2.PeerStatus{Profile: "hq", Protected: true, Guest: true, Status: session.Status{Peer: netip.MustParseAddr("198.51.100.7"), State: "up", Uptime: time.Minute}}
	drift := ikev2.Drift{Mended: 2, Last: "the SA 203.0.113.1 spi 0x47c7658d with 203.0.113.1 was removed or replaced; another is agreed on", Foreign: []string{"out src 0.0.0.0/0 dst 0.0.0.0/0 proto 0 priority 100 allow"}}
	golden(t, "crypto", cryptoText([]ikev2.Status{{VRF: "front", Peers: []ikev2.PeerStatus{up, down}, NAT: nats}, {}, {VRF: "lte", Peers: []ikev2.PeerStatus{guest}, Drift: drift}}))

	c, stdout, _ := box(t, &fakeRouter{}, "")
	if c.Main(t.Context(), []string{"sh", "cr"}); stdout.String() != "No peer is to be protected.\n" {
		t.Errorf("without peers: %q", stdout)
	}
}

func TestShowVersionIsPlainAboutTrust(t *testing.T) {
	for want, report := range map[string]bootstate.Report{
		"v1, unverified\nStarted by something else":                                              {},
		"v1, unverified\nStarted from slot A":                                                    {Slot: "A", Standing: bootstate.Good},
		"v1, verified by a development key":                                                      {Slot: "A", Standing: bootstate.Good, Key: bootstate.DevelopmentKey},
		"v1, verified by the key acme-2026\nStarted from slot B to the rescue: slot A is broken": {Slot: "B", Standing: bootstate.Rescue, Key: "acme-2026", Note: "slot A is broken"},
	} {
		if got := versionText(api.Status{Version: "v1", Boot: report}); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestShowVersionSaysHowFarTheBoxIsClosed(t *testing.T) {
	golden(t, "version", versionText(branch))
	open := branch
	open.Boot, open.Lockdown = bootstate.Report{}, lockdown.State{Kernel: lockdown.Off, Open: []string{"/", "/tmp"}}
	golden(t, "version-open", versionText(open))
	open.Lockdown = lockdown.State{}
	if got := versionText(open); !strings.Contains(got, "it does not say") {
		t.Errorf("of a kernel that says nothing: %s", got)
	}

	c, stdout, _ := box(t, &fakeRouter{status: branch}, "")
	var decoded running
	if c.Main(t.Context(), []string{"show", "version", "--json"}); json.Unmarshal(stdout.Bytes(), &decoded) != nil || decoded.Lockdown.Kernel != lockdown.Confidentiality || decoded.Trust != "verified by the key acme-2026" {
		t.Errorf("as JSON: %s", stdout)
	}
}
