package firewall

import (
	"maps"
	"slices"
)

// service is what a name in a policy's list stands for.
type service struct {
	matches []Match
	// answers are the matches of the opposite direction for services whose
	// answers no connection entry can recognise, because they go to a
	// broadcast address. Only these differ by direction.
	answers []Match
}

var (
	dhcpRequest = Match{proto: protoUDP, source: ports{68, 68}, dest: ports{67, 67}}
	dhcpAnswer  = Match{proto: protoUDP, source: ports{67, 67}, dest: ports{68, 68}}

	// DHCPv6 asks a group and is answered from an address (RFC 9915, 7.1).
	dhcp6Request = Match{proto: protoUDP, source: ports{546, 546}, dest: ports{547, 547}}
	dhcp6Answer  = Match{proto: protoUDP, source: ports{547, 547}, dest: ports{546, 546}}
)

// builtin are the services every configuration can name. Traceroute is the UDP
// form of the field's access lists; its answers come back as related errors.
var builtin = map[string]service{
	"ike":           {matches: []Match{port(protoUDP, 500), port(protoUDP, 4500)}},
	"ssh":           {matches: []Match{port(protoTCP, 22)}},
	"telnet":        {matches: []Match{port(protoTCP, 23)}},
	"http":          {matches: []Match{port(protoTCP, 80)}},
	"https":         {matches: []Match{port(protoTCP, 443)}},
	"quic":          {matches: []Match{port(protoUDP, 443)}},
	"ftp":           {matches: []Match{port(protoTCP, 21)}},
	"tftp":          {matches: []Match{port(protoUDP, 69)}},
	"sip":           {matches: []Match{port(protoUDP, 5060), port(protoTCP, 5060)}},
	"smtp":          {matches: []Match{port(protoTCP, 25)}},
	"submission":    {matches: []Match{port(protoTCP, 587), port(protoTCP, 465)}},
	"imap":          {matches: []Match{port(protoTCP, 143), port(protoTCP, 993)}},
	"ldap":          {matches: []Match{port(protoTCP, 389), port(protoUDP, 389), port(protoTCP, 636)}},
	"kerberos":      {matches: []Match{port(protoTCP, 88), port(protoUDP, 88)}},
	"smb":           {matches: []Match{port(protoTCP, 445)}},
	"rdp":           {matches: []Match{port(protoTCP, 3389), port(protoUDP, 3389)}},
	"ntp":           {matches: []Match{port(protoUDP, 123)}},
	"dns":           {matches: []Match{port(protoUDP, 53), port(protoTCP, 53)}},
	"snmp":          {matches: []Match{port(protoUDP, 161)}},
	"snmp-trap":     {matches: []Match{port(protoUDP, 162)}},
	"syslog":        {matches: []Match{port(protoUDP, 514), port(protoTCP, 6514)}},
	"radius":        {matches: []Match{port(protoUDP, 1812), port(protoUDP, 1813)}},
	"tacacs":        {matches: []Match{port(protoTCP, 49)}},
	"bgp":           {matches: []Match{port(protoTCP, 179)}},
	"bfd":           {matches: []Match{port(protoUDP, 3784), port(protoUDP, 3785)}},
	"igmp":          {matches: []Match{{proto: 2}}},
	"eigrp":         {matches: []Match{{proto: 88}}},
	"ospf":          {matches: []Match{{proto: 89}}},
	"pim":           {matches: []Match{{proto: 103}}},
	"vrrp":          {matches: []Match{{proto: 112}}},
	"ping":          {matches: []Match{{proto: protoICMP, icmp: "echo-request"}}},
	"traceroute":    {matches: []Match{{proto: protoUDP, dest: ports{33434, 33463}}}},
	"forwarded":     {matches: []Match{{proto: protoForwarded}}},
	"dhcp-client":   {matches: []Match{dhcpRequest}, answers: []Match{dhcpAnswer}},
	"dhcp-server":   {matches: []Match{dhcpAnswer}, answers: []Match{dhcpRequest}},
	"dhcpv6-client": {matches: []Match{dhcp6Request}, answers: []Match{dhcp6Answer}},
	"dhcpv6-server": {matches: []Match{dhcp6Answer}, answers: []Match{dhcp6Request}},
}

func port(proto protocol, number uint16) Match {
	return Match{proto: proto, dest: ports{number, number}}
}

// resolve returns the matches that name stands for in a policy towards the
// zone to. It reports false for a name that means nothing.
func (c *Config) resolve(name, to string) ([]Match, bool) {
	if matches, ok := c.Services[name]; ok {
		return matches, true
	}
	if s, ok := builtin[name]; ok {
		if to == Self && s.answers != nil {
			return s.answers, true
		}
		return s.matches, true
	}
	m, err := ParseMatch(name)
	return []Match{m}, err == nil
}

// ofRouter reports whether the name is a built-in service whose answers no
// connection entry recognises.
func (c *Config) ofRouter(name string) bool {
	_, redefined := c.Services[name]
	return !redefined && builtin[name].answers != nil
}

// names returns every word a policy's list may hold, sorted.
func (c *Config) names() []string {
	all := make(map[string]bool)
	for name := range c.Services {
		all[name] = true
	}
	for name := range builtin {
		all[name] = true
	}
	for name := range protocols {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}
