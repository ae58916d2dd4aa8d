package dmvpn

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/secret"
)

func TestValidate(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, test := range []struct {
		name   string
		change func(*Config)
		path   string
		want   string
	}{
		{"no address", func(c *Config) { c.Address = netip.Prefix{} }, "address", "has no address"},
		{"network as address", func(c *Config) { c.Address = prefix("172.16.100.0/24") }, "address", "is the network itself"},
		{"multicast address", func(c *Config) {
			c.Address = prefix("224.0.0.5/24")
			c.NHRP.Servers[0].Address = netip.MustParseAddr("224.0.0.6")
		}, "address", "cannot be the address of a host"},
		{"small MTU", func(c *Config) { c.MTU = 575 }, "mtu", "out of range"},
		{"large MTU", func(c *Config) { c.MTU = 9001 }, "mtu", "out of range"},
		{"small MTU for IPv6", func(c *Config) {
			c.Address, c.MTU, c.Routes = prefix("2001:db8::17/64"), 1279, nil
			c.NHRP.Servers[0].Address = netip.MustParseAddr("2001:db8::1")
		}, "mtu", "out of range"},
		{"MSS above MTU", func(c *Config) { c.MSS = 1361 }, "mss", "do not suit an MTU of 1400"},
		{"small MSS", func(c *Config) { c.MSS = 535 }, "mss", "do not suit"},
		{"no profile", func(c *Config) { c.IPsec = "" }, "ipsec", "no IPsec profile"},
		{"route with host bits", func(c *Config) { c.Routes[0] = prefix("10.0.0.1/8") }, "routes.0", "bits beyond its length"},
		{"route of another family", func(c *Config) { c.Routes[0] = prefix("2001:db8::/32") }, "routes.0", "another family"},
		{"multicast route", func(c *Config) { c.Routes[0] = prefix("224.0.0.0/4") }, "routes.0", "multicast"},
		{"route twice", func(c *Config) { c.Routes = append(c.Routes, c.Routes[0]) }, "routes.1", "there twice"},
		{"route to the cloud", func(c *Config) { c.Routes[0] = prefix("172.16.100.0/24") }, "routes.0", "the tunnel's own network"},
		{"tunnel through itself", func(c *Config) { c.Underlay, c.Routes[0] = "", prefix("198.51.100.0/24") }, "routes.0", "leads the tunnel into itself"},
		{"default route beside its underlay", func(c *Config) {
			c.Underlay, c.Routes[0], c.NHRP.Servers[0].NBMA = "", prefix("0.0.0.0/0"), "hub"
		}, "routes.0", "leads the tunnel into itself"},
		{"long secret", func(c *Config) { c.NHRP.Authentication = secret.New("s", "123456789") }, "nhrp.authentication", "secret s holds 9 octets"},
		{"secret with blank", func(c *Config) { c.NHRP.Authentication = secret.New("s", "a b") }, "nhrp.authentication", "secret s holds 3 octets"},
		{"long group", func(c *Config) { c.NHRP.Group = strings.Repeat("g", 65) }, "nhrp.group", "cannot be the name of a group"},
		{"group with blank", func(c *Config) { c.NHRP.Group = "10 Mbit/s" }, "nhrp.group", "cannot be the name of a group"},
		{"group with umlaut", func(c *Config) { c.NHRP.Group = "süd" }, "nhrp.group", "cannot be the name of a group"},
		{"short holding time", func(c *Config) { c.NHRP.HoldingTime = 9 * time.Second }, "nhrp.holding-time", "out of range"},
		{"long holding time", func(c *Config) { c.NHRP.HoldingTime = 65536 * time.Second }, "nhrp.holding-time", "out of range"},
		{"half seconds", func(c *Config) { c.NHRP.HoldingTime = 10500 * time.Millisecond }, "nhrp.holding-time", "not whole seconds"},
		{"short registration timeout", func(c *Config) { c.NHRP.RegistrationTimeout = time.Millisecond }, "nhrp.registration-timeout", "out of range"},
		{"long registration timeout", func(c *Config) { c.NHRP.RegistrationTimeout = 301 * time.Second }, "nhrp.registration-timeout", "out of range"},
		{"long fallback", func(c *Config) { c.NHRP.Fallback = 61 * time.Second }, "nhrp.fallback", "out of range"},
		{"cluster of nobody", func(c *Config) { c.NHRP.Clusters = []Cluster{{1, 1}} }, "nhrp.clusters.0.cluster", "no server belongs"},
		{"cluster twice", func(c *Config) { c.NHRP.Clusters = []Cluster{{0, 1}, {0, 2}} }, "nhrp.clusters.1.cluster", "there twice"},
		{"cluster of none", func(c *Config) { c.NHRP.Clusters = []Cluster{{0, 0}} }, "nhrp.clusters.0.max-connections", "out of range"},
		{"priority", func(c *Config) { c.NHRP.Servers[0].Priority = 256 }, "nhrp.servers.0.priority", "out of range"},
		{"server's cluster", func(c *Config) { c.NHRP.Servers[0].Cluster = 11 }, "nhrp.servers.0.cluster", "out of range"},
		{"dynamic with address", func(c *Config) { c.NHRP.Servers[0].Dynamic = true }, "nhrp.servers.0.dynamic", "has an address already"},
		{"no server", func(c *Config) { c.NHRP.Servers = nil }, "nhrp.servers", "no server"},
		{"server without address", func(c *Config) { c.NHRP.Servers[0].Address = netip.Addr{} }, "nhrp.servers.0.address", "no address in the tunnel"},
		{"server outside", func(c *Config) { c.NHRP.Servers[0].Address = netip.MustParseAddr("172.16.101.1") }, "nhrp.servers.0.address", "lies outside of the tunnel's network 172.16.100.0/24"},
		{"server is us", func(c *Config) { c.NHRP.Servers[0].Address = spokeAddress }, "nhrp.servers.0.address", "our own address"},
		{"server without NBMA", func(c *Config) { c.NHRP.Servers[0].NBMA = "" }, "nhrp.servers.0.nbma", "no address on the underlay"},
		{"server at IPv6", func(c *Config) { c.NHRP.Servers[0].NBMA = "2001:db8::1" }, "nhrp.servers.0.nbma", "carried over IPv4"},
		{"server at multicast", func(c *Config) { c.NHRP.Servers[0].NBMA = "224.0.0.1" }, "nhrp.servers.0.nbma", "cannot be the address"},
		{"mistyped address", func(c *Config) { c.NHRP.Servers[0].NBMA = "198.51.100" }, "nhrp.servers.0.nbma", "neither an address nor a host name"},
		{"mistyped name", func(c *Config) { c.NHRP.Servers[0].NBMA = "hub_1.example.net" }, "nhrp.servers.0.nbma", "neither an address nor a host name"},
		{"server twice", func(c *Config) { c.NHRP.Servers = append(c.NHRP.Servers, Server{Address: hub1, NBMA: "other"}) }, "nhrp.servers.1.address", "another server's already"},
		{"NBMA twice", func(c *Config) {
			c.NHRP.Servers = append(c.NHRP.Servers, Server{Address: hub2, NBMA: nbma1.String()})
		}, "nhrp.servers.1.nbma", "another server's already"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := testConfig()
			if err := c.Validate(); err != nil {
				t.Fatalf("the sample is invalid: %v", err)
			}
			test.change(&c)
			errs := invalid.List(c.Validate())
			if len(errs) != 1 {
				t.Fatalf("Validate = %v, want one error", errs)
			}
			if path := strings.Join(errs[0].Path, "."); path != test.path {
				t.Errorf("path = %s, want %s", path, test.path)
			}
			if !strings.Contains(errs[0].Problem, test.want) || errs[0].Fix == "" {
				t.Errorf("error = %q, want %q and a remedy", errs[0], test.want)
			}
		})
	}
}

func TestValidKeys(t *testing.T) {
	zero := uint32(0)
	c := testConfig()
	c.Key = &zero
	c.NHRP.Servers[0].NBMA = "hub1.example.net."
	c.Address = netip.MustParsePrefix("172.16.100.17/24")
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	c := testConfig().WithDefaults()
	if c.MTU != 1400 || c.MSS != 1360 || c.NHRP.HoldingTime != 600*time.Second || c.Key != nil {
		t.Errorf("defaults = %+v", c)
	}
	c = Config{MTU: 1300}.WithDefaults()
	if c.MSS != 1260 {
		t.Errorf("MSS = %d for an MTU of %d", c.MSS, c.MTU)
	}
	if again := c.WithDefaults(); again.MSS != c.MSS {
		t.Error("defaults change what they set")
	}
}
