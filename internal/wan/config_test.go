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
	for name, tt := range map[string]struct {
		cfg  Config
		want string // the first error, empty for none
	}{
		"DHCP":           {cfg: dhcpConfig},
		"LAN":            {cfg: lanConfig},
		"point to point": {cfg: Config{Port: "wan", VRF: "front", IPv4: static("192.0.2.0/31", "192.0.2.1")}},
		"host address":   {cfg: Config{Port: "wan", VRF: "front", MTU: 1492, Metric: 5, IPv4: static("192.0.2.9/32", "10.0.0.1")}},
		"modem":          {cfg: Config{Modem: "m2", VRF: "front", Metric: 200}},

		"nothing":              {Config{}, "port: the interface has neither a port nor a modem; write port: wan, or the name on the case"},
		"both":                 {Config{Port: "wan", Modem: "m2"}, "modem: the interface has both a port and a modem; keep one of them"},
		"port name":            {Config{Port: "../wan", IPv4: lanConfig.IPv4}, "port: is not the name of a port; write the name on the case, such as wan or lan1"},
		"MTU":                  {Config{Port: "wan", MTU: 575, IPv4: lanConfig.IPv4}, "mtu: is out of range; write a number of octets from 576 to 9216"},
		"metric":               {Config{Port: "wan", Metric: -1, IPv4: lanConfig.IPv4}, "metric: is out of range; write a number from 1 to 1048576"},
		"DHCP in main":         {Config{Port: "wan", IPv4: IPv4{DHCP: true}}, "ipv4.dhcp: what a provider hands out must not enter the main table; give the interface a vrf, such as vrf: front"},
		"DHCP and address":     {Config{Port: "wan", VRF: "front", IPv4: IPv4{DHCP: true, Address: lanConfig.IPv4.Address}}, "ipv4.address: the address comes from DHCP; remove address, or dhcp"},
		"no address":           {Config{Port: "wan"}, "ipv4.address: the interface has no address; write dhcp: true, or a static address such as 192.0.2.10/24"},
		"subnet's address":     {Config{Port: "wan", IPv4: static("192.0.2.0/24", "")}, "ipv4.address: is the subnet's own address, not a host's; write a host's address with its prefix length, such as 192.0.2.10/24"},
		"broadcast address":    {Config{Port: "wan", IPv4: static("192.0.2.255/24", "")}, "ipv4.address: is the subnet's broadcast address, not a host's; write a host's address with its prefix length, such as 192.0.2.10/24"},
		"IPv6 address":         {Config{Port: "wan", IPv4: static("2001:db8::1/64", "")}, "ipv4.address: is not a host's IPv4 address; write a host's address with its prefix length, such as 192.0.2.10/24"},
		"gateway is ourselves": {Config{Port: "wan", IPv4: static("192.0.2.1/24", "192.0.2.1")}, "ipv4.gateway: is the interface's own address; write the provider's router"},
		"gateway no host":      {Config{Port: "wan", IPv4: static("192.0.2.1/24", "224.0.0.1")}, "ipv4.gateway: is not a host's IPv4 address; write the provider's router, such as 192.0.2.1"},
		"modem with address":   {Config{Modem: "m2", IPv4: lanConfig.IPv4}, "ipv4: a modem gets its address from the carrier; remove ipv4"},
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
