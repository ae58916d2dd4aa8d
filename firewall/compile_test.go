package firewall

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// branch is the policy of the documentation.
func branch(t *testing.T) Config {
	return Config{
		Services: map[string][]Match{
			"ike":  {mustMatch(t, "udp/500"), mustMatch(t, "udp/4500")},
			"mgmt": {mustMatch(t, "tcp/22")},
		},
		Policies: []Policy{
			{From: "inside", To: "outside", Inspect: []string{"tcp", "udp", "icmp"}, NAT: NATMasquerade},
			{From: "outside", To: Self, Inspect: []string{"ike"}, Pass: []string{"dhcp-client"}},
			{From: Self, To: "outside", Inspect: []string{"ike", "dns", "ntp", "icmp", "traceroute"}, Pass: []string{"dhcp-client", "esp"}, Log: LogDrop},
		},
	}
}

// zbfw is a client router's Zone-Based Firewall, word by word, but for the GRE
// that it passes to and from the provider.
func zbfw(t *testing.T) (Config, Topology) {
	return Config{
			Services: map[string][]Match{
				"DHCP-IN":    {mustMatch(t, "udp/67>68")},
				"DHCP-OUT":   {mustMatch(t, "udp/68>67")},
				"IPSEC":      {mustMatch(t, "udp/4500"), mustMatch(t, "udp/500")},
				"MANAGEMENT": {mustMatch(t, "tcp/22"), mustMatch(t, "udp/123")},
				"PING-AND-TRACEROUTE": {
					mustMatch(t, "icmp/echo-request"), mustMatch(t, "icmp/echo-reply"),
					mustMatch(t, "icmp/time-exceeded"), mustMatch(t, "icmp/destination-unreachable"),
					mustMatch(t, "udp/33434-33463"),
				},
			},
			Policies: []Policy{
				{From: "OUTSIDE", To: Self, Inspect: []string{"IPSEC", "MANAGEMENT"}, Pass: []string{"esp", "DHCP-IN"}},
				{From: "INSIDE", To: "OUTSIDE", Inspect: []string{"tcp", "udp", "icmp"}},
				{From: "OUTSIDE", To: "INSIDE"},
				{From: Self, To: "OUTSIDE", Inspect: []string{"IPSEC", "PING-AND-TRACEROUTE", "MANAGEMENT"}, Pass: []string{"esp", "DHCP-OUT"}, Log: LogDrop},
			},
		}, Topology{Members: []Member{
			{Path: []string{"interfaces", "outside"}, Zone: "OUTSIDE", Link: "eth0", VRF: "VRF-FRONT", Underlay: true},
			{Path: []string{"interfaces", "inside"}, Zone: "INSIDE", Link: "eth1", VRF: "VRF-TENANT1"},
			{Path: []string{"tunnels", "Tunnel0"}, Zone: "INSIDE", Link: "Tunnel0", VRF: "VRF-TENANT1", Tunnel: true, MSS: 1360},
		}}
}

// rulesets are the compiled cases of the golden files.
func rulesets(t *testing.T) map[string]*Ruleset {
	t.Helper()
	compile := func(c Config, topology Topology) *Ruleset {
		r, err := Compile(c, topology)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	mixed := Topology{Members: []Member{
		{Zone: "lan", Link: "lan1", VRF: "tenant"},
		{Zone: "guest", Link: "lan2", VRF: "tenant"},
		{Link: "lan3", VRF: "tenant"},
		{Zone: "outside", Link: "wan", Underlay: true, MSS: 1452},
		{Zone: "hq", Link: "hq", VRF: "tenant", Tunnel: true},
	}}
	exceptions := Config{Policies: []Policy{
		{From: "lan", To: "outside", Drop: []string{"tcp/25"}, Reject: []string{"tcp/23", "udp/137-139"}, Inspect: []string{"any"}, NAT: NATMasquerade, Log: LogDrop},
		{From: "guest", To: "outside", Inspect: []string{"tcp/443", "dns"}, NAT: NATMasquerade},
		{From: "guest", To: "outside", Reject: []string{"any"}},
		{From: "lan", To: "hq", Pass: []string{"ip/89"}},
		{From: "lan", To: Self, Inspect: []string{"ssh"}, Pass: []string{"dhcp-server"}},
		{From: Self, To: "lan", Pass: []string{"dhcp-server"}, Inspect: []string{"ping"}},
		{From: Self, To: "outside", Inspect: []string{"ike"}},
	}}
	zbfwConfig, zbfwTopology := zbfw(t)
	fullConfig, fullTopology := full(t)
	translated := Topology{Members: []Member{
		{Zone: "outside", Link: "wwan0", VRF: "front", Underlay: true},
		{Zone: "outside", Link: "clat", VRF: "front", Underlay: true, Over: "wwan0"},
		{Zone: "inside", Link: "lan1"},
	}}
	return map[string]*Ruleset{
		"branch":     compile(branch(t), spoke()),
		"zbfw":       compile(zbfwConfig, zbfwTopology),
		"full":       compile(fullConfig, fullTopology),
		"exceptions": compile(exceptions, mixed),
		"translated": compile(branch(t), translated),
		"empty":      compile(Config{}, Topology{}),
		"deny-all":   DenyAll(),
	}
}

func TestGolden(t *testing.T) {
	for name, ruleset := range rulesets(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".nft")
			got := ruleset.String()
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
				t.Errorf("ruleset differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestCompileIsDeterministic(t *testing.T) {
	first := rulesets(t)
	for range 20 {
		for name, r := range rulesets(t) {
			if r.String() != first[name].String() {
				t.Fatalf("%s compiles to different rulesets", name)
			}
		}
	}
}

// TestGREIsDecidedFirst holds what no configuration may change: nothing that
// could let GRE through is asked before GRE is decided. A stamp is no such
// thing: what bears one has been through what follows.
func TestGREIsDecidedFirst(t *testing.T) {
	for name, r := range rulesets(t) {
		for _, c := range r.chains {
			from, to, pair := strings.Cut(c.name, "/")
			underlay := strings.EqualFold(from, "outside") || strings.EqualFold(to, "outside")
			switch {
			case name == "empty":
				continue
			case c.hook == hookInput, c.hook == hookOutput:
			case pair && underlay && from != Self && to != Self && !strings.ContainsAny(to, "./"):
			default:
				continue
			}
			for _, rule := range c.rules {
				text := rule.String()
				if strings.Contains(text, "meta l4proto gre") {
					break
				}
				if strings.Contains(text, "ct ") && !strings.HasPrefix(text, "ct mark 0x") || strings.Contains(text, "@output") || strings.Contains(text, "@input") {
					t.Errorf("%s, chain %s: %q comes before GRE is decided", name, c.name, text)
				}
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	topology := spoke()
	for name, test := range map[string]struct {
		policies []Policy
		want     []string
	}{
		"one-sided pass": {
			[]Policy{{From: "outside", To: "inside", Pass: []string{"udp/5060"}}, {From: Self, To: "outside", Inspect: []string{"ike"}}},
			[]string{"policies.0.pass.0: udp/5060 passes from outside to inside, and its answers do not come back; write udp/5060 under inspect, or under pass from inside to outside as well"},
		},
		"no IKE": {
			[]Policy{{From: Self, To: "outside", Drop: []string{"udp"}, Inspect: []string{"ike"}}},
			[]string{"policies: no policy lets IKE from self to outside, so no tunnel comes up there; add {from: self, to: outside, inspect: [ike]}"},
		},
		"class that is never asked": {
			[]Policy{
				{From: "inside", To: "outside", Classes: []Class{{Name: "all", Action: actionInspect}, {Name: "web", Action: actionDrop, Criteria: Criteria{Services: []string{"http"}}}}},
				{From: "inside", To: "outside", Reject: []string{"ssh"}},
				{From: Self, To: "outside", Inspect: []string{"ike"}},
			},
			[]string{
				"policies.0.classes.1: no packet from inside to outside gets here: inspect all takes all of them; move it before that, or remove it",
				"policies.1.reject: no packet from inside to outside gets here: inspect all takes all of them; move it before that, or remove it",
			},
		},
		"IKE by ports": {[]Policy{{From: Self, To: "outside", Inspect: []string{"udp/400-5000"}}}, nil},
		"documented":   {branch(t).Policies, nil},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Policies: test.policies}
			var got []string
			for _, w := range config.Warnings(&topology) {
				got = append(got, w.Error())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
