package firewall

import (
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/invalid"
)

func TestValidateRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"unknown service": {
			Config{Policies: []Policy{{From: "inside", To: Self, Inspect: []string{"sssh"}}}},
			`policies.0.inspect.0: unknown service "sssh"; write ssh`,
		},
		"unknown service without a near name": {
			Config{Policies: []Policy{{From: "inside", To: Self, Pass: []string{"telemetry"}}}},
			`policies.0.pass.0: unknown service "telemetry"; define it under firewall.services, or write a match such as tcp/22`,
		},
		"clear GRE": {
			Config{Policies: []Policy{{From: "outside", To: Self, Pass: []string{"ike", "gre"}}}},
			`policies.0.pass.1: GRE in clear towards or from the router would be a hole`,
		},
		"clear GRE by number and name": {
			Config{
				Services: map[string][]Match{"tunnel": {mustMatch(t, "ip/47")}},
				Policies: []Policy{{From: Self, To: "outside", Inspect: []string{"tunnel"}}},
			},
			`policies.0.inspect.0: GRE in clear`,
		},
		"inspected ESP": {
			Config{Policies: []Policy{{From: Self, To: "outside", Inspect: []string{"esp"}}}},
			`policies.0.inspect.0: IPsec has no connections to inspect; write esp under pass, in both directions`,
		},
		"inspected DHCP": {
			Config{Policies: []Policy{{From: Self, To: "outside", Inspect: []string{"dhcp-client"}}}},
			`policies.0.inspect.0: DHCP answers are broadcast, inspect cannot recognise them; write dhcp-client under pass, in both directions`,
		},
		"forwarded DHCP": {
			Config{Policies: []Policy{{From: "inside", To: "outside", Pass: []string{"dhcp-client"}}}},
			`policies.0.pass.0: dhcp-client is about the router itself`,
		},
		"twice": {
			Config{Policies: []Policy{{From: "inside", To: "outside", Drop: []string{"dns"}, Inspect: []string{"dns"}}}},
			`policies.0.inspect.0: dns is in drop already`,
		},
		"same zone": {
			Config{Policies: []Policy{{From: "inside", To: "inside"}}},
			`policies.0.to: traffic within inside always passes`,
		},
		"no zone": {
			Config{Policies: []Policy{{To: "inside"}}},
			`policies.0.from: a zone is missing`,
		},
		"zone name with nft syntax": {
			Config{Policies: []Policy{{From: `a"; flush ruleset; #`, To: "inside"}}},
			`policies.0.from: "a\"; flush ruleset; #" cannot be the name of a zone`,
		},
		"log": {
			Config{Policies: []Policy{{From: "inside", To: "outside", Log: "all"}}},
			`policies.0.log: unknown value "all"; write log: drop`,
		},
		"nat": {
			Config{Policies: []Policy{{From: "inside", To: "outside", NAT: "overload"}}},
			`policies.0.nat: unknown value "overload"; write nat: masquerade`,
		},
		"nat of self": {
			Config{Policies: []Policy{{From: Self, To: "outside", NAT: NATMasquerade}}},
			`policies.0.nat: packets from and to the router itself are not translated`,
		},
		"service named as a protocol": {
			Config{Services: map[string][]Match{"tcp": {mustMatch(t, "tcp/22")}}},
			`services.tcp: tcp is the name of a protocol`,
		},
		"service named as a match": {
			Config{Services: map[string][]Match{"tcp/22": {mustMatch(t, "tcp/22")}}},
			`services.tcp/22: tcp/22 is a match and cannot be a name`,
		},
		"empty service": {
			Config{Services: map[string][]Match{"mgmt": {}}},
			`services.mgmt: the service is empty`,
		},
		"empty match": {
			Config{Services: map[string][]Match{"mgmt": {{}}}},
			`services.mgmt.0: the match is empty`,
		},
	} {
		t.Run(name, func(t *testing.T) { wantProblem(t, test.config.Validate(), test.want) })
	}
}

func TestValidateZonesRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		policy Policy
		want   string
	}{
		"unknown zone": {
			Policy{From: "insid", To: "outside"},
			`policies.0.from: zone insid has no interface and no tunnel; write inside`,
		},
		"forwarded GRE": {
			Policy{From: "inside", To: "outside", Inspect: []string{"gre"}},
			`policies.0.inspect.0: GRE to or from a provider is dropped`,
		},
		"forwarded ESP": {
			Policy{From: "outside", To: "inside", Pass: []string{"esp"}},
			`policies.0.pass.0: IPsec on an underlay is the router's own; write ike`,
		},
		"nat to a zone inside": {
			Policy{From: "outside", To: "inside", NAT: NATMasquerade},
			`policies.0.nat: inside does not face a provider`,
		},
		"from provider to provider": {
			Policy{From: "outside", To: "lte", Inspect: []string{"any"}},
			`policies.0.to: both zones face providers`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Policies: []Policy{test.policy}}
			if err := config.Validate(); err != nil {
				t.Fatal(err)
			}
			topology := spoke()
			topology.Members = append(topology.Members, Member{Zone: "lte", Link: "wwan0", VRF: "front2", Underlay: true})
			wantProblem(t, config.ValidateZones(&topology), test.want)
		})
	}
}

func TestTopologyRefuses(t *testing.T) {
	path := []string{"interfaces", "lan"}
	for name, test := range map[string]struct {
		members []Member
		want    string
	}{
		"zone in two VRFs": {
			[]Member{{Path: []string{"interfaces", "wan"}, Zone: "z", Link: "wan", VRF: "front"}, {Path: path, Zone: "z", Link: "lan1"}},
			`interfaces.lan.zone: zone z would span the main table and VRF front, where interfaces.wan is`,
		},
		"long name":           {[]Member{{Path: path, Link: "sixteen-letters-"}}, `interfaces.lan: the device name "sixteen-letters-" is longer`},
		"name with quote":     {[]Member{{Path: path, Link: `a" drop`}}, `interfaces.lan: the device name "a\" drop" holds a character`},
		"name with wildcard":  {[]Member{{Path: path, Link: `lan*`}}, `interfaces.lan: the device name "lan*" holds a character`},
		"VRF without a name":  {[]Member{{Path: path, Link: "lan", VRF: ".."}}, `interfaces.lan: the device name ".." is not a name`},
		"one device twice":    {[]Member{{Path: []string{"interfaces", "a"}, Link: "lan"}, {Path: path, Link: "lan"}}, `interfaces.lan: two members are the same device lan`},
		"over nothing":        {[]Member{{Path: path, Link: "clat", Underlay: true, Over: "wan"}}, `interfaces.lan: clat is over wan, which is no underlay of the main table`},
		"over a LAN":          {[]Member{{Path: path, Link: "clat", Underlay: true, Over: "lan"}, {Link: "lan"}}, `interfaces.lan: clat is over lan, which is no underlay of the main table`},
		"over another VRF's":  {[]Member{{Path: path, Link: "clat", VRF: "front", Underlay: true, Over: "wan"}, {Link: "wan", VRF: "back", Underlay: true}}, `interfaces.lan: clat is over wan, which is no underlay of VRF front`},
		"a LAN over":          {[]Member{{Path: path, Link: "lan", Over: "wan"}, {Link: "wan", Underlay: true}}, `interfaces.lan: lan is over wan, which is no underlay of the main table`},
		"over a translator":   {[]Member{{Path: path, Link: "a", Underlay: true, Over: "b"}, {Link: "b", Underlay: true, Over: "wan"}, {Link: "wan", Underlay: true}}, `interfaces.lan: a is over b, which is no underlay of the main table`},
		"segment size":        {[]Member{{Path: path, Link: "lan", MSS: 80}}, `interfaces.lan.mss: a segment size of 80 octets does not work; write 536 to 65495`},
		"name of a zone":      {[]Member{{Path: path, Link: "lan", Zone: "a/b"}}, `interfaces.lan.zone: "a/b" cannot be the name of a zone`},
		"zone that is self":   {[]Member{{Path: path, Link: "lan", Zone: Self}}, `interfaces.lan.zone: self is the router itself and has no members`},
		"underlay and inside": {[]Member{{Path: []string{"interfaces", "wan"}, Zone: "z", Link: "wan", Underlay: true}, {Path: path, Zone: "z", Link: "lan"}}, `interfaces.lan.zone: zone z would hold`},
	} {
		t.Run(name, func(t *testing.T) {
			topology := Topology{Members: test.members}
			wantProblem(t, topology.Validate(), test.want)
		})
	}
}

func TestParseMatch(t *testing.T) {
	for _, text := range []string{"tcp", "udp", "icmp", "esp", "gre", "any", "tcp/22", "udp/33434-33463", "udp/67>68", "icmp/echo-request", "ip/88"} {
		if got := mustMatch(t, text).String(); got != text {
			t.Errorf("ParseMatch(%q).String() = %q", text, got)
		}
	}
	for text, want := range map[string]string{
		"":               `unknown protocol ""; write ah, any, esp, gre, icmp, sctp, tcp, udp or ip/NUMBER`,
		"ip":             `unknown protocol "ip"`,
		"ip/256":         `"256" is not the number of an IP protocol`,
		"tcp/":           `"" is not a port or a range`,
		"tcp/0":          `"0" is not a port or a range`,
		"tcp/65536":      `"65536" is not a port or a range`,
		"udp/20-10":      `the range 20-10 runs backwards; write 10-20`,
		"udp/67>":        `"" is not a port`,
		"icmp/echo":      `unknown ICMP message "echo"; write one of destination-unreachable, echo-reply`,
		"esp/500":        `esp has no ports`,
		"tcp/22; accept": `"22; accept" is not a port`,
	} {
		if _, err := ParseMatch(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseMatch(%q) = %v, want %s", text, err, want)
		}
	}
	if got := mustMatch(t, "ip/47"); !isGRE(got) {
		t.Errorf("ip/47 is %v, not GRE", got)
	}
}

func FuzzParseMatch(f *testing.F) {
	for _, text := range []string{"tcp/22", "udp/1-2", "udp/67>68", "icmp/echo-reply", "ip/47", "any", "tcp/1-", "/", ">"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMatch(text)
		if err != nil {
			return
		}
		if again, err := ParseMatch(m.String()); err != nil || again != m {
			t.Errorf("%q is %+v, which prints as %q and is then %+v, %v", text, m, m, again, err)
		}
	})
}

func mustMatch(t *testing.T, text string) Match {
	t.Helper()
	m, err := ParseMatch(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wantProblem fails unless one of the problems in err begins with want.
func wantProblem(t *testing.T, err error, want string) {
	t.Helper()
	for _, problem := range invalid.List(err) {
		if strings.HasPrefix(problem.Error(), want) {
			return
		}
	}
	t.Errorf("got  %v\nwant %s", err, want)
}

// spoke is the topology of a spoke with a front-door VRF.
func spoke() Topology {
	return Topology{Members: []Member{
		{Path: []string{"interfaces", "wan"}, Zone: "outside", Link: "wan", VRF: "front", Underlay: true},
		{Path: []string{"interfaces", "lan"}, Zone: "inside", Link: "lan1"},
		{Path: []string{"interfaces", "lte"}, Zone: "outside", Link: "wwan0", VRF: "front", Underlay: true},
		{Path: []string{"tunnels", "hq"}, Zone: "inside", Link: "hq", Tunnel: true, MSS: 1360},
	}}
}
