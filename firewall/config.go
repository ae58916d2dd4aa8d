package firewall

import (
	"net/netip"
	"time"
)

// Self is the name of the zone that holds the router's own sockets. It has no
// members.
const Self = "self"

// Config is the firewall section of the configuration. The zero Config lets
// traffic pass within zones and drops everything else.
type Config struct {
	// Services gives names to groups of matches. A name of the built-in
	// services may be given a new meaning, a protocol's name may not.
	Services map[string][]Match `json:"services,omitempty" jsonschema:"named groups of protocols and ports, for example mgmt: [tcp/22, udp/161]"`
	// Addresses gives names to groups of addresses, of both families.
	Addresses map[string][]AddressRange `json:"addresses,omitempty" jsonschema:"named groups of prefixes, addresses and ranges, for example servers: [10.1.0.0/16, 192.0.2.10-192.0.2.20, 2001:db8:1::/48]"`
	// DynamicAddresses are groups that are filled while the router runs, and
	// kept over a commit.
	DynamicAddresses map[string]DynamicAddresses `json:"dynamic-addresses,omitempty" jsonschema:"named groups of addresses that are filled at run time by farspoke firewall add"`
	// Zones says what holds for a zone as a whole. Zones that need nothing said
	// are not here.
	Zones map[string]Zone `json:"zones,omitempty" jsonschema:"what holds for a zone as a whole; a zone without an entry passes traffic within it and drops the rest"`
	// Policies say what may pass between zones. What none names is dropped.
	Policies []Policy `json:"policies,omitempty" jsonschema:"what may pass from one zone to another; what is not named is dropped"`

	PortForwards []PortForward       `json:"port-forwards,omitempty" jsonschema:"ports of the router that lead to a host behind it"`
	StaticNAT    []StaticNAT         `json:"static-nat,omitempty" jsonschema:"hosts that have an address of their own outside, one to one"`
	PrefixNAT    []PrefixTranslation `json:"prefix-nat,omitempty" jsonschema:"IPv6 prefixes that have another prefix of the same length outside"`
}

// Zone is what holds for a zone as a whole.
type Zone struct {
	// Within is empty, and traffic between the zone's members passes, or
	// WithinPolicy.
	Within string `json:"within,omitempty" jsonschema:"policy: traffic between the members of the zone passes only where a policy from the zone to itself allows it"`
	// Default is what becomes of traffic from this zone to another that no
	// class of a policy names; empty means drop. Only for the zone self it is
	// about the router's own packets, and none is about packets to self.
	Default action `json:"default,omitempty" jsonschema:"what becomes of traffic from this zone to other zones that no policy names: drop (the default), reject, pass or inspect; traffic to self is always dropped"`
	// Log is LogDrop or empty.
	Log string `json:"log,omitempty" jsonschema:"drop: log what falls to the default and is dropped or rejected, rate limited"`
}

// WithinPolicy makes traffic within a zone subject to policies.
const WithinPolicy = "policy"

// DynamicAddresses is a group of addresses that is filled at run time.
type DynamicAddresses struct {
	// Timeout is after how long an address leaves the group; with 0 it stays.
	Timeout time.Duration `json:"timeout,omitempty" jsonschema:"after how long an address leaves the group by itself; never if absent"`
}

// Policy says what happens to the traffic from one zone to another. Its lists
// hold names of services, or matches such as tcp/8080 in place.
//
// Several policies for the same zones are asked in their order, the first that
// names a packet decides. Within one policy the classes are asked first, in
// their order; then the lists, drop and reject before pass and inspect, so
// that an exception can be written beside its rule.
type Policy struct {
	From string `json:"from" jsonschema:"zone the traffic comes from, or self"`
	To   string `json:"to" jsonschema:"zone the traffic goes to, or self"`
	// Classes are for what the lists cannot say.
	Classes []Class `json:"classes,omitempty" jsonschema:"classes asked in their order, before the lists: for addresses, interfaces, DSCP, limits and names of one's own"`
	// Inspect lets connections be opened and their answers come back.
	Inspect []string `json:"inspect,omitempty" jsonschema:"services whose connections may be opened; answers are let back"`
	// Pass lets packets through in this direction only, without state.
	Pass []string `json:"pass,omitempty" jsonschema:"services let through in this direction only, without state"`
	// Drop discards silently, Reject answers with a TCP reset or ICMP error.
	Drop   []string `json:"drop,omitempty" jsonschema:"services discarded silently"`
	Reject []string `json:"reject,omitempty" jsonschema:"services refused with a TCP reset or an ICMP error"`
	// Log is LogDrop or empty.
	Log string `json:"log,omitempty" jsonschema:"drop: log what this policy or the end of the list drops, rate limited"`
	// NAT is NATMasquerade, or the addresses that IPv4 packets leave with: one,
	// a prefix, or a range. It holds for all traffic between the two zones.
	NAT string `json:"nat,omitempty" jsonschema:"masquerade: IPv4 takes the address of the interface it leaves by; or the address, prefix or range it takes instead"`
	// NATExcept are the destinations that are reached without NAT.
	NATExcept []AddressRange `json:"nat-except,omitempty" jsonschema:"destinations to which packets keep their address"`
}

const (
	// LogDrop logs packets that are dropped or rejected.
	LogDrop = "drop"
	// NATMasquerade gives IPv4 packets the address of the outgoing interface.
	NATMasquerade = "masquerade"
)

// Class is one step of a policy: which packets, and what becomes of them.
type Class struct {
	// Name is shown by counters and in the log.
	Name   string `json:"name" jsonschema:"shown with the counters and in the log"`
	Action action `json:"action" jsonschema:"inspect, pass, drop or reject"`
	// Criteria must all hold.
	Criteria
	// Any holds alternatives, of which one must hold too.
	Any []Criteria `json:"any,omitempty" jsonschema:"alternatives, of which one must hold as well (match-any)"`
	// Log logs each packet that is dropped or passed, and each connection that
	// is inspected, rate limited.
	Log bool `json:"log,omitempty" jsonschema:"log what the class decides, rate limited"`
	// Helper is the connection tracking helper that finds the further
	// connections of a protocol.
	Helper string `json:"helper,omitempty" jsonschema:"ftp, tftp or sip: let the data connections through that such a connection announces"`
	Limit  *Limit `json:"limit,omitempty" jsonschema:"how much of it is let through; what exceeds it is dropped"`
}

// Criteria select packets. Those that are given must all hold; of the values of
// one of them any may.
type Criteria struct {
	Services []string `json:"services,omitempty" jsonschema:"names of services, or protocols and ports such as tcp/8080"`
	// Source and Destination hold names of address groups, or addresses.
	Source      []string `json:"source,omitempty" jsonschema:"names of address groups, prefixes, addresses or ranges the packets come from"`
	Destination []string `json:"destination,omitempty" jsonschema:"names of address groups, prefixes, addresses or ranges the packets go to"`
	DSCP        []DSCP   `json:"dscp,omitempty" jsonschema:"values of the DSCP field, such as af31, ef, cs6 or 46"`
	// TTL is the value of the field time to live, or hop limit; 0 is any.
	TTL uint8 `json:"ttl,omitempty" jsonschema:"value of the time to live, or hop limit"`
	// In and Out hold names of interfaces and tunnels as the configuration has
	// them.
	In  []string `json:"in,omitempty" jsonschema:"names of interfaces and tunnels the packets come in by"`
	Out []string `json:"out,omitempty" jsonschema:"names of interfaces and tunnels the packets leave by"`
}

// Limit bounds what a class lets through. Zero fields are without bound.
type Limit struct {
	// Connections is how many one source may have open at once.
	Connections uint32 `json:"connections,omitempty" jsonschema:"connections that one source address may have open at once"`
	// Rate is how many connections one source may open, under pass how many
	// packets it may send.
	Rate Rate `json:"rate,omitzero" jsonschema:"connections that one source address may open, for example 20/second; packets under pass"`
	// SYN is how many TCP connections may be opened by all sources together.
	SYN Rate `json:"syn,omitzero" jsonschema:"TCP connections that all sources together may open, for example 200/second"`
}

// PortForward leads a port of the router to a host behind it. It only
// translates: what may pass is said by the policy between the zones, for which
// the service forwarded stands for whatever port-forwards have translated.
type PortForward struct {
	From string `json:"from" jsonschema:"zone the connections come from"`
	// Port is TCP or UDP with a port or a range.
	Port Match `json:"port" jsonschema:"tcp/443, udp/5000-5010 and the like"`
	// Address is where it is reached; the router's own addresses in that zone
	// if it is not valid.
	Address netip.Addr `json:"address,omitzero" jsonschema:"address it is reached at; the router's own in that zone if absent"`
	To      netip.Addr `json:"to" jsonschema:"address of the host behind the router"`
	// ToPort is the port there, the first one if Port is a range; 0 is the same.
	ToPort uint16 `json:"to-port,omitempty" jsonschema:"port there, or the first of the range; the same if absent"`
	// Hairpin are zones whose hosts reach it by the outside address, too.
	Hairpin []string `json:"hairpin,omitempty" jsonschema:"zones whose own hosts reach it by the same address as those outside"`
}

// StaticNAT gives a host an address of its own outside, IPv4 or IPv6.
type StaticNAT struct {
	Zone    string     `json:"zone" jsonschema:"zone in which the host is seen by its outside address"`
	Inside  netip.Addr `json:"inside" jsonschema:"address of the host"`
	Outside netip.Addr `json:"outside" jsonschema:"address it is seen by"`
}

// PrefixTranslation exchanges an IPv6 prefix for another of the same length and
// keeps the rest of the address, as RFC 6296 describes it. It keeps state, so
// it corrects checksums where the RFC chooses addresses that need no correction.
type PrefixTranslation struct {
	Zone    string       `json:"zone" jsonschema:"zone in which the hosts are seen by the outside prefix"`
	Inside  netip.Prefix `json:"inside" jsonschema:"prefix of the hosts"`
	Outside netip.Prefix `json:"outside" jsonschema:"prefix they are seen by, of the same length"`
}

// action is what happens to the packets of a class. Its text is the word of
// the configuration.
type action string

const (
	actionDrop    action = "drop"
	actionReject  action = "reject"
	actionPass    action = "pass"
	actionInspect action = "inspect"
)

// lets reports whether the action lets packets through.
func (a action) lets() bool { return a == actionPass || a == actionInspect }
