package metrics

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/uplink"
)

// branch has something of everything, and names that need care.
var branch = api.Status{
	Hostname: "branch \"17\"\\\n", Version: "v1", Uptime: 12.5, Goroutines: 40,
	Uplinks: []uplink.State{{Name: "wan", Up: true}, {Name: "lte"}},
	Tunnels: []dmvpn.Status{{
		Name: "hq", Up: true, Multicast: dmvpn.MulticastCounters{Replicated: 9},
		Servers: []dmvpn.ServerStatus{
			{Address: netip.MustParseAddr("172.16.100.1"), Name: "hub1.example.net", NBMA: netip.MustParseAddr("203.0.113.1"), State: dmvpn.Registered, ExpiresIn: 272, BehindNAT: true, Requests: 3, Replies: 2, Refusals: 1},
			{Name: "hubs.example.net", NBMA: netip.MustParseAddr("203.0.113.3"), State: dmvpn.Protecting},
			{Name: "hubs.example.net", NBMA: netip.MustParseAddr("203.0.113.4"), State: dmvpn.Down},
		},
		Shortcuts: []dmvpn.ShortcutStatus{{State: nhc.PathUp}, {State: nhc.PathUp}, {State: nhc.PathHeld}},
		Counters: dmvpn.Counters{Exchanged: nhc.Exchanged{
			Sent: map[string]uint64{"registration request": 3}, Received: map[string]uint64{"registration reply": 2, "error indication": 1},
			ErrorsReceived: map[string]uint64{"loop detected": 1}}, Malformed: 4,
		},
	}},
	IPsec: []ikev2.Status{{VRF: "front", HalfOpen: 1, Peers: []ikev2.PeerStatus{{Profile: "hq", Protected: true, Status: session.Status{Peer: netip.MustParseAddr("203.0.113.1")}}}}},
	Firewall: firewall.Status{Active: true, Classes: []firewall.ClassStatus{
		{From: "inside", To: "outside", Class: "inspect tcp", Tally: firewall.Tally{Packets: 7, Bytes: 700}},
		{From: "inside", To: "outside", Class: "inspect tcp", Tally: firewall.Tally{Packets: 1, Bytes: 100}},
	}},
}

// parse reads a page as Prometheus does.
func parse(t *testing.T, page []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	return families
}

// value returns the value of the one metric that has the labels.
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	var found []float64
	for _, m := range families[name].GetMetric() {
		have := make(map[string]string)
		for _, l := range m.GetLabel() {
			have[l.GetName()] = l.GetValue()
		}
		fits := true
		for i := 0; i < len(labels); i += 2 {
			fits = fits && have[labels[i]] == labels[i+1]
		}
		if fits {
			found = append(found, m.GetGauge().GetValue()+m.GetCounter().GetValue())
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s %v has the values %v, want one", name, labels, found)
	}
	return found[0]
}

func TestText(t *testing.T) {
	families := parse(t, Text(branch))
	for _, want := range []struct {
		value  float64
		name   string
		labels []string
	}{
		{1, "farspoke_info", []string{"hostname", branch.Hostname}},
		{12.5, "farspoke_uptime_seconds", nil},
		{1, "farspoke_uplink_up", []string{"uplink", "wan"}},
		{0, "farspoke_uplink_up", []string{"uplink", "lte"}},
		{1, "farspoke_tunnel_up", []string{"tunnel", "hq"}},
		{1, "farspoke_nhrp_server_up", []string{"server", "172.16.100.1"}},
		{0, "farspoke_nhrp_server_up", []string{"server", "", "nbma", "203.0.113.4"}},
		{1, "farspoke_nhrp_server_behind_nat", []string{"server", "172.16.100.1"}},
		{272, "farspoke_nhrp_registration_expiry_seconds", []string{"server", "172.16.100.1"}},
		{3, "farspoke_nhrp_registration_requests_total", []string{"server", "172.16.100.1"}},
		{2, "farspoke_nhrp_registration_replies_total", []string{"server", "172.16.100.1"}},
		{1, "farspoke_nhrp_registration_refusals_total", []string{"server", "172.16.100.1"}},
		{2, "farspoke_nhrp_shortcuts", []string{"state", "up"}},
		{1, "farspoke_nhrp_shortcuts", []string{"state", "held"}},
		{0, "farspoke_nhrp_shortcuts", []string{"state", "probing"}},
		{3, "farspoke_nhrp_packets_total", []string{"direction", "sent", "type", "registration request"}},
		{2, "farspoke_nhrp_packets_total", []string{"direction", "received", "type", "registration reply"}},
		{1, "farspoke_nhrp_errors_total", []string{"direction", "received", "error", "loop detected"}},
		{4, "farspoke_nhrp_dropped_total", []string{"reason", "malformed"}},
		{9, "farspoke_multicast_copies_total", []string{"outcome", "sent"}},
		{1, "farspoke_ipsec_peer_protected", []string{"peer", "203.0.113.1", "vrf", "front"}},
		{8, "farspoke_firewall_packets_total", []string{"class", "inspect tcp"}},
		{800, "farspoke_firewall_bytes_total", []string{"class", "inspect tcp"}},
	} {
		if got := value(t, families, want.name, want.labels...); got != want.value {
			t.Errorf("%s %v = %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}

// TestSamplesDiffer: Prometheus takes no page that says a thing twice.
func TestSamplesDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for line := range bytes.Lines(Text(branch)) {
		name, _, _ := bytes.Cut(line, []byte("} "))
		if line[0] != '#' && bytes.Contains(line, []byte("{")) && seen[string(name)] {
			t.Errorf("twice: %s", line)
		}
		seen[string(name)] = true
	}
}

func TestExporter(t *testing.T) {
	e := New(Config{}, func() api.Status { return branch }, slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.serve(ctx, listener) }()
	for path, want := range map[string]int{"/metrics": http.StatusOK, "/": http.StatusNotFound, "/status": http.StatusNotFound} {
		answer, err := http.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != want {
			t.Errorf("%s: %s, %v", path, answer.Status, err)
		}
		if want == http.StatusOK {
			value(t, parse(t, page), "farspoke_tunnel_up", "tunnel", "hq")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	for port, good := range map[int]bool{-1: false, 0: false, 1: true, 65535: true, 65536: false} {
		if err := (Config{Port: port, VRF: "mgmt"}).Validate(); (err == nil) != good {
			t.Errorf("port %d: %v", port, err)
		}
	}
}
