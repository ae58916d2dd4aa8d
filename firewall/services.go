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

// The names of the services that have a meaning beyond their ports.
const (
	serviceDHCPClient = "dhcp-client"
	serviceDHCPServer = "dhcp-server"
)

var (
	dhcpRequest = Match{proto: protoUDP, source: ports{68, 68}, dest: ports{67, 67}}
	dhcpAnswer  = Match{proto: protoUDP, source: ports{67, 67}, dest: ports{68, 68}}
)

// builtin are the services every configuration can name. Traceroute is the UDP
// form of the field's access lists; its answers come back as related errors.
var builtin = map[string]service{
	"ike":             {matches: []Match{port(protoUDP, 500), port(protoUDP, 4500)}},
	"ssh":             {matches: []Match{port(protoTCP, 22)}},
	"ntp":             {matches: []Match{port(protoUDP, 123)}},
	"dns":             {matches: []Match{port(protoUDP, 53), port(protoTCP, 53)}},
	"ping":            {matches: []Match{{proto: protoICMP, icmp: "echo-request"}}},
	"traceroute":      {matches: []Match{{proto: protoUDP, dest: ports{33434, 33463}}}},
	serviceDHCPClient: {matches: []Match{dhcpRequest}, answers: []Match{dhcpAnswer}},
	serviceDHCPServer: {matches: []Match{dhcpAnswer}, answers: []Match{dhcpRequest}},
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
