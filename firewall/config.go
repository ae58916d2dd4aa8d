package firewall

// Self is the name of the zone that holds the router's own sockets. It has no
// members.
const Self = "self"

// Config is the firewall section of the configuration. The zero Config lets
// traffic pass within zones and drops everything else.
type Config struct {
	// Services gives names to groups of matches. A name of the built-in
	// services may be given a new meaning, a protocol's name may not.
	Services map[string][]Match `json:"services,omitempty" jsonschema:"named groups of protocols and ports, for example mgmt: [tcp/22, udp/161]"`
	// Policies say what may pass between zones. What none names is dropped.
	Policies []Policy `json:"policies,omitempty" jsonschema:"what may pass from one zone to another; what is not named is dropped"`
}

// Policy says what happens to the traffic from one zone to another. Its lists
// hold names of services, or matches such as tcp/8080 in place.
//
// Several policies for the same zones are asked in their order, the first that
// names a packet decides. Within one policy drop and reject are asked before
// pass and inspect, so that an exception can be written beside its rule.
type Policy struct {
	From string `json:"from" jsonschema:"zone the traffic comes from, or self"`
	To   string `json:"to" jsonschema:"zone the traffic goes to, or self"`
	// Inspect lets connections be opened and their answers come back.
	Inspect []string `json:"inspect,omitempty" jsonschema:"services whose connections may be opened; answers are let back"`
	// Pass lets packets through in this direction only, without state.
	Pass []string `json:"pass,omitempty" jsonschema:"services let through in this direction only, without state"`
	// Drop discards silently, Reject answers with a TCP reset or ICMP error.
	Drop   []string `json:"drop,omitempty" jsonschema:"services discarded silently"`
	Reject []string `json:"reject,omitempty" jsonschema:"services refused with a TCP reset or an ICMP error"`
	// Log is LogDrop or empty.
	Log string `json:"log,omitempty" jsonschema:"drop: log what this policy or the end of the list drops, rate limited"`
	// NAT is NATMasquerade or empty. It holds for all traffic between the two
	// zones.
	NAT string `json:"nat,omitempty" jsonschema:"masquerade: IPv4 takes the address of the interface it leaves by"`
}

const (
	// LogDrop logs packets that are dropped or rejected.
	LogDrop = "drop"
	// NATMasquerade gives IPv4 packets the address of the outgoing interface.
	NATMasquerade = "masquerade"
)

// class is the part of a policy that shares one action.
type class struct {
	action   action
	services []string
}

// action is what happens to the packets of a class. Its text is the key of the
// configuration.
type action string

const (
	actionDrop    action = "drop"
	actionReject  action = "reject"
	actionPass    action = "pass"
	actionInspect action = "inspect"
)

// classes returns the non-empty classes in the order they are asked.
func (p *Policy) classes() []class {
	var classes []class
	for _, c := range []class{
		{actionDrop, p.Drop},
		{actionReject, p.Reject},
		{actionPass, p.Pass},
		{actionInspect, p.Inspect},
	} {
		if len(c.services) > 0 {
			classes = append(classes, c)
		}
	}
	return classes
}
