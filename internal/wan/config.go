package wan

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/farspoke/farspoke/internal/invalid"
)

// Config is one entry of the configuration's interfaces: a port or a modem,
// where it belongs, and how it gets its address.
type Config struct {
	Port   string `json:"port,omitempty" jsonschema:"the Ethernet port, as it is written on the case"`
	Modem  string `json:"modem,omitempty" jsonschema:"the cellular modem, as it is written on the case; instead of port"`
	PDN    string `json:"pdn,omitempty" jsonschema:"one of the further connections of the modem, by its name there (default: the connection of the SIM)"`
	VRF    string `json:"vrf,omitempty" jsonschema:"the VRF the interface belongs to; the main table if absent"`
	Zone   string `json:"zone,omitempty" jsonschema:"the firewall zone the interface is a member of"`
	Metric int    `json:"metric,omitempty" jsonschema:"order among the underlays of one VRF, the lowest that is up is used (default 100)"`
	MTU    int    `json:"mtu,omitempty" jsonschema:"largest IP packet in octets (default: what DHCP says, else 1500)"`
	IPv4   IPv4   `json:"ipv4,omitempty" jsonschema:"how the interface gets its IPv4 address"`
	IPv6   IPv6   `json:"ipv6,omitempty" jsonschema:"the interface's IPv6 address; none if absent, and then it does not speak IPv6 at all"`
}

// IPv4 says where an interface's IPv4 address comes from.
type IPv4 struct {
	DHCP    bool         `json:"dhcp,omitempty" jsonschema:"ask the network for an address by DHCP"`
	Address netip.Prefix `json:"address,omitzero" jsonschema:"static address with its prefix length, such as 192.0.2.10/24"`
	Gateway netip.Addr   `json:"gateway,omitzero" jsonschema:"next hop of the default route, with a static address"`
}

// IPv6 is an interface's static IPv6 address.
type IPv6 struct {
	Address netip.Prefix `json:"address,omitzero" jsonschema:"static address with its prefix length, such as 2001:db8:17::1/64"`
	Gateway netip.Addr   `json:"gateway,omitzero" jsonschema:"next hop of the default route, which may be a link-local address"`
}

const (
	// defaultMetric leaves room on both sides for explicit metrics.
	defaultMetric = 100
	// maxMetric keeps every uplink before the unreachable default of its VRF.
	maxMetric = 1 << 20
	// Demotion is added to the metric of an underlay that leads nowhere, and puts
	// it behind every other.
	Demotion = maxMetric
	// minMTU is what every IPv4 host must take (RFC 791), minMTU6 what every link
	// must carry that is to carry IPv6 (RFC 8200), and defaultMTU what Ethernet
	// carries unless told otherwise (RFC 894).
	minMTU     = 576
	minMTU6    = 1280
	defaultMTU = 1500
	maxMTU     = 9216
	// maxPortName is the kernel's IFNAMSIZ less the terminating zero.
	maxPortName = 15
)

// RouteMetric returns the metric of the interface's routes, with the default
// applied. Two underlays of one VRF must not share it.
func (c Config) RouteMetric() int {
	if c.Metric == 0 {
		return defaultMetric
	}
	return c.Metric
}

// Validate reports everything wrong with c.
func (c Config) Validate() error {
	var errs []error
	field := func(name, problem, fix string) { errs = append(errs, invalid.Field(name, problem, fix)) }

	switch {
	case c.Port == "" && c.Modem == "":
		field("port", "the interface has neither a port nor a modem", "write port: wan, or the name on the case")
	case c.Port != "" && c.Modem != "":
		field("modem", "the interface has both a port and a modem", "keep one of them")
	case len(c.Port) > maxPortName || strings.ContainsAny(c.Port, "/: \t\n") || c.Port == "." || c.Port == "..":
		field("port", "is not the name of a port", "write the name on the case, such as wan or lan1")
	}
	if c.Metric < 0 || c.Metric > maxMetric {
		field("metric", "is out of range", "write a number from 1 to 1048576")
	}
	if c.MTU != 0 && (c.MTU < minMTU || c.MTU > maxMTU) {
		field("mtu", "is out of range", "write a number of octets from 576 to 9216")
	}
	switch {
	case c.Modem == "":
		errs = append(errs, invalid.In(c.validateIPv4(), "ipv4"), c.validateIPv6())
		if c.PDN != "" {
			field("pdn", "a port has no such thing", "remove pdn, or name a modem instead of the port")
		}
	case c.VRF == "":
		field("modem", "what a provider hands out must not enter the main table", "give the interface a vrf, such as vrf: front")
	case c.IPv4 != (IPv4{}):
		field("ipv4", "a modem gets its address from the carrier", "remove ipv4")
	case c.IPv6 != (IPv6{}):
		field("ipv6", "a modem gets its address from the carrier", "remove ipv6")
	}
	return errors.Join(errs...)
}

func (c Config) validateIPv4() error {
	v4 := c.IPv4
	if v4.DHCP {
		var errs []error
		if v4.Address.IsValid() {
			errs = append(errs, invalid.Field("address", "the address comes from DHCP", "remove address, or dhcp"))
		}
		if v4.Gateway.IsValid() {
			errs = append(errs, invalid.Field("gateway", "the gateway comes from DHCP", "remove gateway, or dhcp"))
		}
		if c.VRF == "" {
			errs = append(errs, invalid.Field("dhcp",
				"what a provider hands out must not enter the main table",
				"give the interface a vrf, such as vrf: front"))
		}
		return errors.Join(errs...)
	}
	if v4 == (IPv4{}) && c.IPv6.Address.IsValid() {
		return nil
	}
	if !v4.Address.IsValid() {
		return invalid.Field("address", "the interface has no address", "write dhcp: true, or a static address such as 192.0.2.10/24")
	}
	var errs []error
	if err := checkHost(v4.Address); err != nil {
		errs = append(errs, invalid.Field("address", err.Error(), "write a host's address with its prefix length, such as 192.0.2.10/24"))
	}
	switch {
	case !v4.Gateway.IsValid():
	case !isUnicast(v4.Gateway):
		errs = append(errs, invalid.Field("gateway", "is not a host's IPv4 address", "write the provider's router, such as 192.0.2.1"))
	case v4.Gateway == v4.Address.Addr():
		errs = append(errs, invalid.Field("gateway", "is the interface's own address", "write the provider's router"))
	}
	return errors.Join(errs...)
}

// checkHost reports why p cannot be a host's address with its subnet.
func checkHost(p netip.Prefix) error {
	switch a := p.Addr(); {
	case !isUnicast(a):
		return errors.New("is not a host's IPv4 address")
	case p.Bits() == 0:
		return errors.New("has prefix length 0")
	case p.Bits() < 31 && a == p.Masked().Addr():
		return errors.New("is the subnet's own address, not a host's")
	case p.Bits() < 31 && a == lastAddr(p):
		return errors.New("is the subnet's broadcast address, not a host's")
	}
	return nil
}

// isUnicast reports whether a can be the IPv4 address of a host other than by
// loopback: not in 0/8, 127/8, multicast, or class E (RFC 1122, 3.2.1.3).
func isUnicast(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	first := a.As4()[0]
	return first != 0 && first != 127 && first < 224
}

func (c Config) validateIPv6() error {
	v6 := c.IPv6
	if v6 == (IPv6{}) {
		return nil
	}
	var errs []error
	field := func(name, problem, fix string) {
		errs = append(errs, invalid.In(invalid.Field(name, problem, fix), "ipv6"))
	}
	if !v6.Address.IsValid() {
		field("address", "the interface has no address", "write a static address such as 2001:db8:17::1/64")
	} else if problem := checkHost6(v6.Address); problem != "" {
		field("address", problem, "write a host's address with its prefix length, such as 2001:db8:17::1/64")
	}
	switch {
	case !v6.Gateway.IsValid():
	case !isUnicast6(v6.Gateway):
		field("gateway", "is not a host's IPv6 address", "write the provider's router, such as fe80::1")
	case v6.Gateway == v6.Address.Addr():
		field("gateway", "is the interface's own address", "write the provider's router")
	case c.IPv4 == (IPv4{}):
		field("gateway", "a provider must be reached by IPv4 too, which tunnels need", "give the interface ipv4, or remove gateway")
	}
	if c.MTU != 0 && c.MTU < minMTU6 {
		errs = append(errs, invalid.Field("mtu", "is too small for IPv6", "write a number of octets from 1280 to 9216"))
	}
	return errors.Join(errs...)
}

// checkHost6 says why p cannot be the address of a router that others reach by more
// than one link, with its subnet.
func checkHost6(p netip.Prefix) string {
	switch a := p.Addr(); {
	case !isUnicast6(a):
		return "is not a host's IPv6 address"
	case a.IsLinkLocalUnicast():
		return "is of this link alone, where the box finds an address by itself"
	case p.Bits() == 0:
		return "has prefix length 0"
	case p.Bits() < 127 && a == p.Masked().Addr():
		return "is that of all the subnet's routers, not a host's"
	}
	return ""
}

// isUnicast6 reports whether a can be the IPv6 address of a host other than by
// loopback, as it is written without a zone.
func isUnicast6(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}

// lastAddr returns the highest address of p.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
