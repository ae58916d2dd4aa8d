package firewall

import (
	"net/netip"
	"testing"
	"time"
)

// full is a policy that uses every word of the configuration.
func full(t *testing.T) (Config, Topology) {
	return Config{
			Addresses: map[string][]AddressRange{
				"servers": {mustRange(t, "10.1.0.0/16"), mustRange(t, "10.1.2.0/24"), mustRange(t, "192.0.2.10-192.0.2.20"), mustRange(t, "2001:db8:1::/48")},
				"top":     {mustRange(t, "255.255.255.240-255.255.255.255"), mustRange(t, "0.0.0.0/8")},
			},
			DynamicAddresses: map[string]DynamicAddresses{"blocked": {Timeout: time.Hour}, "friends": {}},
			Zones: map[string]Zone{
				"guest": {Within: WithinPolicy, Default: actionReject, Log: LogDrop},
				"dmz":   {Default: actionPass},
				Self:    {Default: actionInspect},
			},
			Policies: []Policy{
				{From: "lan", To: "outside", NAT: "203.0.113.8-203.0.113.15", NATExcept: []AddressRange{mustRange(t, "10.0.0.0/8"), mustRange(t, "192.168.0.0/16")},
					Classes: []Class{
						{Name: "bad", Action: actionDrop, Criteria: Criteria{Destination: []string{"blocked", "198.51.100.0/24", "top"}}, Log: true},
						{Name: "voice", Action: actionPass, Criteria: Criteria{Services: []string{"udp/16384-32767"}, DSCP: []DSCP{46, 34}, In: []string{"lan", "lan2"}}},
						{Name: "files", Action: actionInspect, Helper: "ftp", Criteria: Criteria{Services: []string{"ftp"}, Destination: []string{"servers"}}},
						{Name: "web", Action: actionInspect, Log: true, Criteria: Criteria{Services: []string{"http", "https"}, Source: []string{"192.168.17.0/24"}},
							Any:   []Criteria{{Destination: []string{"servers"}}, {TTL: 1}, {Out: []string{"wan"}}},
							Limit: &Limit{Connections: 50, Rate: mustRate(t, "20/second"), SYN: mustRate(t, "200/minute")}},
						{Name: "old", Action: actionReject, Criteria: Criteria{Services: []string{"telnet", "udp/23"}}, Log: true},
					},
					Inspect: []string{"ping", "dns"}, Log: LogDrop},
				{From: "outside", To: "dmz", Inspect: []string{"forwarded"}},
				{From: "lan", To: "dmz", Inspect: []string{"any"}},
				{From: "guest", To: "guest", Inspect: []string{"udp/5353", "sctp/2905"}},
				{From: "outside", To: Self, Classes: []Class{
					{Name: "syn", Action: actionInspect, Criteria: Criteria{Services: []string{"ssh"}, Source: []string{"friends"}, In: []string{"wan"}}, Limit: &Limit{SYN: mustRate(t, "10/second")}},
				}, Reject: []string{"any"}},
				{From: "lan", To: Self, Inspect: []string{"ssh", "icmp/timestamp-request"}, Pass: []string{"dhcp-server", "dhcpv6-server"}},
			},
			PortForwards: []PortForward{
				{From: "outside", Port: mustMatch(t, "tcp/8443"), To: netip.MustParseAddr("192.168.18.10"), ToPort: 443, Hairpin: []string{"lan", "dmz"}},
				{From: "outside", Port: mustMatch(t, "udp/5000-5010"), Address: netip.MustParseAddr("203.0.113.9"), To: netip.MustParseAddr("192.168.18.11")},
				{From: "outside", Port: mustMatch(t, "tcp/8443"), To: netip.MustParseAddr("2001:db8:18::10"), ToPort: 443},
			},
			StaticNAT: []StaticNAT{{Zone: "outside", Inside: netip.MustParseAddr("192.168.18.12"), Outside: netip.MustParseAddr("203.0.113.12")}},
			PrefixNAT: []PrefixTranslation{{Zone: "outside", Inside: netip.MustParsePrefix("fd00:17::/48"), Outside: netip.MustParsePrefix("2001:db8:17::/48")}},
		}, Topology{Members: []Member{
			{Path: []string{"interfaces", "lan"}, Zone: "lan", Link: "lan1", VRF: "tenant"},
			{Path: []string{"interfaces", "lan2"}, Zone: "lan", Link: "lan2", VRF: "tenant"},
			{Path: []string{"interfaces", "dmz"}, Zone: "dmz", Link: "lan3"},
			{Path: []string{"interfaces", "guest1"}, Zone: "guest", Link: "lan4"},
			{Path: []string{"interfaces", "guest2"}, Zone: "guest", Link: "lan5"},
			{Path: []string{"interfaces", "wan"}, Zone: "outside", Link: "wan0", VRF: "front", Underlay: true},
			{Path: []string{"tunnels", "hq"}, Zone: "hq", Link: "hq", VRF: "tenant", Tunnel: true, MSS: 1360},
		}}
}

func mustRange(t *testing.T, text string) AddressRange {
	t.Helper()
	r, err := ParseAddressRange(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustRate(t *testing.T, text string) Rate {
	t.Helper()
	var r Rate
	if err := r.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return r
}
