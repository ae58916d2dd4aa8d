package wan

import (
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/internal/invalid"
)

func TestValidate(t *testing.T) {
	static := func(address, gateway string) IPv4 {
		v4 := IPv4{Address: netip.MustParsePrefix(address)}
		if gateway != "" {
			v4.Gateway = netip.MustParseAddr(gateway)
		}
		return v4
	}
	six := func(address, gateway string) IPv6 {
		v6 := IPv6{Address: netip.MustParsePrefix(address)}
		if gateway != "" {
			v6.Gateway = netip.MustParseAddr(gateway)
		}
		return v6
	}
	const host6 = "; write a host's address with its prefix length, such as 2001:db8:17::1/64"
	for name, tt := range map[string]struct {
		cfg  Config
		want string // the first error, empty for none
	}{
		"DHCP":           {cfg: dhcpConfig},
		"LAN":            {cfg: lanConfig},
		"point to point": {cfg: Config{Port: "wan", VRF: "front", IPv4: static("192.0.2.0/31", "192.0.2.1")}},
		"host address":   {cfg: Config{Port: "wan", VRF: "front", MTU: 1492, Metric: 5, IPv4: static("192.0.2.9/32", "10.0.0.1")}},
		"modem":          {cfg: Config{Modem: "m2", VRF: "front", Metric: 200}},

		"IPv6 alone":         {cfg: Config{Port: "lan1", IPv6: six("2001:db8:17::1/64", "")}},
		"IPv6 beside DHCP":   {cfg: Config{Port: "wan", VRF: "front", IPv4: dhcpConfig.IPv4, IPv6: six("2001:db8:9::/127", "2001:db8:9::1")}},
		"link-local gateway": {cfg: Config{Port: "wan", VRF: "front", IPv4: dhcpConfig.IPv4, IPv6: six("2001:db8:9::9/128", "fe80::1")}},

		"nothing":               {Config{}, "port: the interface has neither a port nor a modem; write port: wan, or the name on the case"},
		"both":                  {Config{Port: "wan", Modem: "m2"}, "modem: the interface has both a port and a modem; keep one of them"},
		"port name":             {Config{Port: "../wan", IPv4: lanConfig.IPv4}, "port: is not the name of a port; write the name on the case, such as wan or lan1"},
		"MTU":                   {Config{Port: "wan", MTU: 575, IPv4: lanConfig.IPv4}, "mtu: is out of range; write a number of octets from 576 to 9216"},
		"metric":                {Config{Port: "wan", Metric: -1, IPv4: lanConfig.IPv4}, "metric: is out of range; write a number from 1 to 1048576"},
		"DHCP in main":          {Config{Port: "wan", IPv4: IPv4{DHCP: true}}, "ipv4.dhcp: what a provider hands out must not enter the main table; give the interface a vrf, such as vrf: front"},
		"DHCP and address":      {Config{Port: "wan", VRF: "front", IPv4: IPv4{DHCP: true, Address: lanConfig.IPv4.Address}}, "ipv4.address: the address comes from DHCP; remove address, or dhcp"},
		"no address":            {Config{Port: "wan"}, "ipv4.address: the interface has no address; write dhcp: true, or a static address such as 192.0.2.10/24"},
		"subnet's address":      {Config{Port: "wan", IPv4: static("192.0.2.0/24", "")}, "ipv4.address: is the subnet's own address, not a host's; write a host's address with its prefix length, such as 192.0.2.10/24"},
		"broadcast address":     {Config{Port: "wan", IPv4: static("192.0.2.255/24", "")}, "ipv4.address: is the subnet's broadcast address, not a host's; write a host's address with its prefix length, such as 192.0.2.10/24"},
		"IPv6 address":          {Config{Port: "wan", IPv4: static("2001:db8::1/64", "")}, "ipv4.address: is not a host's IPv4 address; write a host's address with its prefix length, such as 192.0.2.10/24"},
		"gateway is ourselves":  {Config{Port: "wan", IPv4: static("192.0.2.1/24", "192.0.2.1")}, "ipv4.gateway: is the interface's own address; write the provider's router"},
		"gateway no host":       {Config{Port: "wan", IPv4: static("192.0.2.1/24", "224.0.0.1")}, "ipv4.gateway: is not a host's IPv4 address; write the provider's router, such as 192.0.2.1"},
		"IPv6 without address":  {Config{Port: "lan1", IPv4: lanConfig.IPv4, IPv6: IPv6{Gateway: netip.MustParseAddr("fe80::1")}}, "ipv6.address: the interface has no address; write a static address such as 2001:db8:17::1/64"},
		"IPv4 as IPv6":          {Config{Port: "lan1", IPv6: six("192.0.2.1/24", "")}, "ipv6.address: is not a host's IPv6 address" + host6},
		"mapped address":        {Config{Port: "lan1", IPv6: six("::ffff:192.0.2.1/120", "")}, "ipv6.address: is not a host's IPv6 address" + host6},
		"multicast of IPv6":     {Config{Port: "lan1", IPv6: six("ff02::1/64", "")}, "ipv6.address: is not a host's IPv6 address" + host6},
		"link-local address":    {Config{Port: "lan1", IPv6: six("fe80::1/64", "")}, "ipv6.address: is of this link alone, where the box finds an address by itself" + host6},
		"subnet's routers":      {Config{Port: "lan1", IPv6: six("2001:db8:17::/64", "")}, "ipv6.address: is that of all the subnet's routers, not a host's" + host6},
		"everything as subnet":  {Config{Port: "lan1", IPv6: six("2001:db8::1/0", "")}, "ipv6.address: has prefix length 0" + host6},
		"IPv6 gateway no host":  {Config{Port: "wan", VRF: "front", IPv4: dhcpConfig.IPv4, IPv6: six("2001:db8::9/64", "192.0.2.1")}, "ipv6.gateway: is not a host's IPv6 address; write the provider's router, such as fe80::1"},
		"IPv6 gateway is us":    {Config{Port: "wan", VRF: "front", IPv4: dhcpConfig.IPv4, IPv6: six("2001:db8::9/64", "2001:db8::9")}, "ipv6.gateway: is the interface's own address; write the provider's router"},
		"IPv6 provider alone":   {Config{Port: "wan", VRF: "front", IPv6: six("2001:db8::9/64", "fe80::1")}, "ipv6.gateway: a provider must be reached by IPv4 too, which tunnels need; give the interface ipv4, or remove gateway"},
		"IPv6 in small packets": {Config{Port: "lan1", MTU: 1000, IPv6: six("2001:db8::9/64", "")}, "mtu: is too small for IPv6; write a number of octets from 1280 to 9216"},
		"modem in main":         {Config{Modem: "m2"}, "modem: what a provider hands out must not enter the main table; give the interface a vrf, such as vrf: front"},
		"PDN of a port":         {Config{Port: "wan", PDN: "corp", IPv4: lanConfig.IPv4}, "pdn: a port has no such thing; remove pdn, or name a modem instead of the port"},
		"modem with IPv6":       {Config{Modem: "m2", VRF: "front", IPv6: six("2001:db8::9/64", "")}, "ipv6: a modem gets its address from the carrier; remove ipv6"},
		"modem with address":    {Config{Modem: "m2", VRF: "front", IPv4: lanConfig.IPv4}, "ipv4: a modem gets its address from the carrier; remove ipv4"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if errs := invalid.List(tt.cfg.Validate()); len(errs) > 0 {
				got = errs[0].Error()
			}
			if got != tt.want {
				t.Errorf("Validate = %q, want %q", got, tt.want)
			}
		})
	}
}
