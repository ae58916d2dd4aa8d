package config

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farspoke/farspoke/internal/breakout"
)

// TestExits: a zone reaches the providers that its policies translate for, by its
// own interfaces.
func TestExits(t *testing.T) {
	const file = `hostname: branch-17
vrfs: {front: {}, tenant: {}, other: {}}
interfaces:
  wan: {port: wan, vrf: front, zone: outside, ipv4: {dhcp: true}}
  lte: {modem: m2, vrf: front, zone: mobile, metric: 200}
  wan2: {port: wan2, vrf: other, zone: second, ipv4: {address: 192.0.2.9/24, gateway: 192.0.2.1}}
  old: {port: wan3, zone: plain, ipv4: {address: 198.51.100.9/24, gateway: 198.51.100.1}}
  lan: {port: lan1, zone: inside, ipv4: {address: 192.168.17.1/24}, ipv6: {address: "2001:db8:17::1/64"}}
  more: {port: lan2, zone: inside, ipv4: {address: 192.168.18.1/24}}
  guests: {port: lan3, zone: guests, ipv4: {address: 192.168.19.1/24}}
  shop: {port: lan4, vrf: tenant, zone: shop, ipv4: {address: 10.17.0.1/16}}
  closed: {port: lan5, ipv4: {address: 192.168.20.1/24}}
  dmz: {port: lan6, zone: dmz, ipv4: {address: 192.168.21.1/24}}
  mail: {port: lan7, zone: dmz, ipv4: {address: 192.168.22.1/24}}
  six: {port: lan8, zone: dmz, ipv6: {address: "fd00:17::1/64"}}
tunnels:
  hq:
    underlay: front
    address: 172.16.100.17/24
    zone: inside
    nhrp: {servers: [{address: 172.16.100.1, nbma: 203.0.113.1}]}
    ipsec: hq
ipsec: {hq: {local: {psk: {secret: ike-hq}}}}
firewall:
  policies:
    - {from: self, to: outside, inspect: [ike]}
    - {from: shop, to: second, inspect: [tcp], nat: masquerade}
    - {from: inside, to: outside, inspect: [tcp], nat: masquerade}
    - {from: inside, to: mobile, inspect: [tcp], nat: masquerade}
    - {from: inside, to: plain, inspect: [tcp], nat: masquerade}
    - {from: inside, to: second, inspect: [tcp]}
    - {from: guests, to: outside, inspect: [tcp], nat: masquerade}
    - {from: outside, to: dmz, inspect: [forwarded]}
  port-forwards: [{from: outside, port: tcp/443, to: 192.168.21.80}]
  static-nat: [{zone: second, inside: 192.168.22.25, outside: 192.0.2.25}]
  prefix-nat: [{zone: outside, inside: "fd00:17::/56", outside: "2001:db8:99::/56"}]
`
	f, err := Parse("farspoke.yaml", []byte(file), testSecrets)
	if err != nil {
		t.Fatal(err)
	}
	network := func(link, prefix string) breakout.Network {
		return breakout.Network{Link: link, Prefix: netip.MustParsePrefix(prefix)}
	}
	want := []breakout.Exit{
		{From: "tenant", To: "other", Networks: []breakout.Network{network("lan4", "10.17.0.0/16")}},
		{From: "", To: "front", Networks: []breakout.Network{
			network("lan1", "192.168.17.0/24"), network("lan1", "2001:db8:17::/64"), network("lan2", "192.168.18.0/24"),
			network("lan3", "192.168.19.0/24"), network("lan6", "192.168.21.0/24"), network("lan8", "fd00:17::/64"),
		}},
		{From: "", To: "other", Networks: []breakout.Network{network("lan7", "192.168.22.0/24")}},
	}
	if diff := cmp.Diff(want, f.Exits(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("exits (-want +got):\n%s", diff)
	}
}
