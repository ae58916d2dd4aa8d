package firewall

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/farspoke/farspoke/internal/invalid"
)

// validateNAT checks what a policy says of source addresses.
func validateNAT(p *Policy) error {
	switch {
	case p.NAT == "" && len(p.NATExcept) > 0:
		return invalid.Field("nat-except", "there is no NAT to except from", "add nat: masquerade, or remove it")
	case p.NAT == "":
		return nil
	case p.From == Self || p.To == Self:
		return invalid.Field("nat", "packets from and to the router itself are not translated", "remove nat from this policy")
	case p.NAT == NATMasquerade:
		return nil
	}
	switch pool, err := ParseAddressRange(p.NAT); {
	case err != nil:
		return invalid.Field("nat", fmt.Sprintf("unknown value %q", p.NAT), "write nat: masquerade, or the address, prefix or range that packets leave with")
	case pool.v6():
		return invalid.Field("nat", "IPv6 is translated by whole prefixes only", "write prefix-nat, or an IPv4 address")
	}
	return nil
}

// validateTranslations checks the lists about NAT, but for their zones.
func (c *Config) validateTranslations() error {
	var problems []error
	for i := range c.PortForwards {
		problems = append(problems, invalid.Index(c.PortForwards[i].validate(), "port-forwards", i))
	}
	for i, s := range c.StaticNAT {
		problems = append(problems, invalid.Index(s.validate(), "static-nat", i))
	}
	for i, p := range c.PrefixNAT {
		problems = append(problems, invalid.Index(p.validate(), "prefix-nat", i))
	}
	return errors.Join(problems...)
}

func (f *PortForward) validate() error {
	problems := []error{invalid.In(validateZone(f.From), "from"), invalid.In(validateHost(f.To), "to")}
	for n, zone := range f.Hairpin {
		problems = append(problems, invalid.Index(validateZone(zone), "hairpin", n))
	}
	single := f.Port.dest.first == f.Port.dest.last
	switch {
	case f.Port.proto != protoTCP && f.Port.proto != protoUDP && f.Port.proto != protoSCTP || f.Port.dest.all() || !f.Port.source.all():
		problems = append(problems, invalid.Field("port", "a port is missing", "write tcp/443, udp/5000-5010 or the like"))
	case f.Port.proto == protoUDP && !f.Address.IsValid() && (f.Port.dest.holds(500) || f.Port.dest.holds(4500)):
		problems = append(problems, invalid.Field("port", "the router's own IKE would go to that host, and no tunnel come up", "choose another port, or give an address that is not the router's own"))
	case f.ToPort != 0 && !single:
		problems = append(problems, invalid.Field("to-port", "a range keeps its ports", "remove it, or write an entry for each port"))
	}
	if f.Address.IsValid() {
		problems = append(problems, invalid.In(validateHost(f.Address), "address"))
		if f.To.IsValid() && f.Address.Is4() != f.To.Is4() {
			problems = append(problems, invalid.Field("address", "address and to are of different families", "write two of one family"))
		}
	}
	return errors.Join(problems...)
}

func (s *StaticNAT) validate() error {
	problems := []error{
		invalid.In(validateZone(s.Zone), "zone"),
		invalid.In(validateHost(s.Inside), "inside"), invalid.In(validateHost(s.Outside), "outside"),
	}
	if s.Inside.IsValid() && s.Outside.IsValid() && s.Inside.Is4() != s.Outside.Is4() {
		problems = append(problems, invalid.Field("outside", "inside and outside are of different families", "write two of one family"))
	}
	return errors.Join(problems...)
}

func validateHost(a netip.Addr) error {
	switch {
	case !a.IsValid():
		return &invalid.Error{Problem: "an address is missing", Fix: "write the address of a host"}
	case a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Is4In6():
		return &invalid.Error{Problem: a.String() + " is not the address of a host", Fix: "write one that packets can be sent to"}
	}
	return nil
}

func (p *PrefixTranslation) validate() error {
	problems := []error{invalid.In(validateZone(p.Zone), "zone")}
	for _, side := range []struct {
		key    string
		prefix netip.Prefix
	}{{"inside", p.Inside}, {"outside", p.Outside}} {
		switch {
		case !side.prefix.IsValid() || !side.prefix.Addr().Is6() || side.prefix.Addr().Is4In6():
			problems = append(problems, invalid.Field(side.key, "an IPv6 prefix is missing", "write 2001:db8:17::/48 or the like"))
		case side.prefix != side.prefix.Masked():
			problems = append(problems, invalid.Field(side.key, side.prefix.String()+" has bits beyond its length", "write "+side.prefix.Masked().String()))
		}
	}
	if p.Inside.IsValid() && p.Outside.IsValid() && p.Inside.Bits() != p.Outside.Bits() {
		problems = append(problems, invalid.Field("outside", "the prefixes have different lengths", fmt.Sprintf("write one of length %d", p.Inside.Bits())))
	}
	return errors.Join(problems...)
}

// validateTranslatedZones checks the zones of the lists about NAT.
func (c *Config) validateTranslatedZones(t *Topology) error {
	var problems []error
	for i := range c.PortForwards {
		f := &c.PortForwards[i]
		problems = append(problems, invalid.Index(invalid.In(unknownZone(t, f.From), "from"), "port-forwards", i))
		for n, zone := range f.Hairpin {
			err := unknownZone(t, zone)
			if zone == f.From && err == nil {
				err = &invalid.Error{Problem: zone + " is where the connections come from anyway", Fix: "name the zones behind the router"}
			}
			problems = append(problems, invalid.Index(invalid.Index(err, "hairpin", n), "port-forwards", i))
		}
	}
	for i, s := range c.StaticNAT {
		problems = append(problems, invalid.Index(invalid.In(unknownZone(t, s.Zone), "zone"), "static-nat", i))
	}
	for i, p := range c.PrefixNAT {
		problems = append(problems, invalid.Index(invalid.In(unknownZone(t, p.Zone), "zone"), "prefix-nat", i))
	}
	return errors.Join(problems...)
}
