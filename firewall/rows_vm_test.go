//go:build vm

package firewall

import (
	"cmp"
	"fmt"
	"slices"
)

// The matrix is every way between two ends × what a policy says there × what
// the packet is to connection tracking × the family, by every medium. Its rows
// are made from these tables, and row.lets says what a policy means.

// way is a direction between two ends. By a group the packets are multicast.
type way struct {
	from, to string
	group    bool
}

// The ways that end in the tunnel are apart: its media are several.
var (
	waysOutside = []way{
		{atInside, atInside2, false}, {atInside, atOutside, false}, {atInside, atSelf, false},
		{atOutside, atInside, false}, {atOutside, atOutside, false}, {atOutside, atSelf, false},
		{atSelf, atInside, false}, {atSelf, atOutside, false}, {atSelf, atSelf, false},
		{atInside, atSelf, true}, {atOutside, atSelf, true},
		{atSelf, atInside, true}, {atSelf, atOutside, true},
	}
	waysTunnel = []way{
		{atInside, atTunnel, false}, {atOutside, atTunnel, false}, {atSelf, atTunnel, false},
		{atTunnel, atInside, false}, {atTunnel, atOutside, false}, {atTunnel, atSelf, false}, {atTunnel, atTunnel, false},
		{atTunnel, atSelf, true}, {atSelf, atIntoTunnel, true}, {atSelf, atTunnel, true},
	}
)

// servicePorts are the ports by what the matrix's policies say of them, for TCP and
// UDP alike. Of one they say nothing: it falls to the default.
var servicePorts = map[action]uint16{actionInspect: inspectedPort, actionPass: 7001, actionDrop: 7002, actionReject: 7003, unnamed: 7004}

const unnamed action = ""

var services = []action{actionInspect, actionPass, actionDrop, actionReject, unnamed}

// state is what a packet is to connection tracking.
type state struct {
	name  string
	proto protocol
	flags byte
	// known packets belong to a conversation that was opened before; back are
	// those that go to the end which opened it, and elsewhere those of them that
	// come from a zone which is neither's.
	known, back, elsewhere bool
	// afterError packets follow an error about the conversation.
	afterError bool
	// invalid packets belong to none and open none.
	invalid bool
}

var states = []state{
	{name: "new", proto: protoUDP},
	{name: "new, TCP", proto: protoTCP, flags: tcpSYN},
	{name: "new, TCP picked up in the middle", proto: protoTCP, flags: tcpACK},
	{name: "established, an answer", proto: protoUDP, known: true, back: true},
	{name: "established, an answer after an error", proto: protoUDP, known: true, back: true, afterError: true},
	{name: "established, a further packet", proto: protoUDP, known: true},
	{name: "related, an error", proto: protoICMP, known: true, back: true},
	{name: "related, an error of a router elsewhere", proto: protoICMP, known: true, back: true, elsewhere: true},
	{name: "invalid, an error about nothing", proto: protoICMP, invalid: true},
	{name: "invalid, a TCP answer to nothing", proto: protoTCP, flags: tcpSYN | tcpACK, invalid: true},
	{name: "invalid, a TCP reset of nothing", proto: protoTCP, flags: tcpRST, invalid: true},
	{name: "invalid, TCP flags that contradict", proto: protoTCP, flags: tcpSYN | tcpFIN, invalid: true},
	{name: "invalid, no TCP flags", proto: protoTCP, invalid: true},
}

// medium is what the packets of some rows go by.
type medium struct {
	name  string
	ways  []way
	zones map[string]Zone
	// nat says that the way to outside is masqueraded.
	nat bool
	// down says that IKE is: what comes by the tunnel comes in clear.
	down bool
	// forged says that IKE is up, and the judged packets come by the tunnel in
	// clear nevertheless.
	forged bool
}

var (
	closed = map[string]Zone{"inside": {Within: WithinPolicy}}
	// opened has all other defaults, and lets traffic within inside pass.
	opened = map[string]Zone{"inside": {Default: actionPass}, "outside": {Default: actionReject}, "tunnel": {Default: actionInspect}, Self: {Default: actionInspect}}
)

// row is a case of the matrix.
type row struct {
	*medium
	way
	// family is 0 for IPv4, 1 for IPv6.
	family int
	// service is what the way's policy says of the port.
	service action
	state
}

func (r row) String() string {
	group := ""
	if r.group {
		group = " multicast"
	}
	return fmt.Sprintf("IPv%d%s %s to %s, %s: %s", 4+2*r.family, group, r.from, r.to, cmp.Or(r.service, "unnamed"), r.state.name)
}

// lets reports whether the judged packet arrives. This is what a policy means.
func (r row) lets() bool {
	from, to := r.judged()
	switch {
	case r.inClear(from, to):
		return false
	case r.group && to == atTunnel: // Only packet sockets send to the hubs.
		return false
	case zoneOf[from] == "outside" && zoneOf[to] == "outside":
		return false
	case zoneOf[from] == zoneOf[to] && r.zones[zoneOf[from]].Within != WithinPolicy:
		return true
	case r.known && r.inspected():
		return true
	}
	switch r.says(from, to, r.named()) {
	case actionPass:
		return true
	case actionInspect:
		return !r.ofNothing()
	default:
		return false
	}
}

// inspected reports whether the conversation is, from one end or the other.
func (r row) inspected() bool {
	return r.says(r.from, r.to, r.service) == actionInspect ||
		r.known && !r.back && r.says(r.to, r.from, unnamed) == actionInspect
}

// ofNothing reports whether the judged packet belongs to no conversation and
// opens none.
func (r row) ofNothing() bool {
	return r.invalid || r.proto == protoICMP && !r.says(r.from, r.to, r.service).lets()
}

// judged is the way of the judged packet.
func (r row) judged() (from, to string) {
	switch {
	case r.elsewhere:
		return r.third(), r.from
	case r.back:
		return r.to, r.from
	}
	return r.from, r.to
}

// third is the end that has no part in the conversation.
func (r row) third() string {
	for _, end := range []string{atInside, atOutside, atTunnel} {
		if end != r.from && end != r.to {
			if end == atTunnel && !slices.ContainsFunc(r.ways, func(w way) bool { return w.from == atTunnel }) {
				return atSelf
			}
			return end
		}
	}
	return ""
}

// named is what the policy of its own way says of the judged packet: of answers
// and errors nothing.
func (r row) named() action {
	if r.back || r.proto == protoICMP {
		return unnamed
	}
	return r.service
}

// says is what the policies say from one end to another, the default included.
func (m *medium) says(from, to string, service action) action {
	if service == unnamed && to != atSelf && zoneOf[from] != zoneOf[to] {
		return m.zones[zoneOf[from]].Default
	}
	return service
}

// inClear reports whether packets from one end to another are not protected.
func (m *medium) inClear(from, to string) bool {
	return m.down && (from == atTunnel || to == atTunnel) || m.forged && from == atTunnel
}

// exists reports whether there can be such a row.
func (r row) exists() bool {
	from, _ := r.judged()
	switch {
	case r.nat && (r.family == 1 || r.way != way{atInside, atOutside, false}):
		return false // Only this is translated.
	case r.group && r.state != states[0]:
		return false // Nobody answers as a group.
	case r.group && r.from == atSelf && zoneOf[r.to] == "tunnel" && r.family == 1:
		return false // The kernel maps no IPv6 group to an address of the underlay.
	case r.proto == protoICMP && !r.known && r.service != unnamed:
		return false // The error is the same for each.
	case r.elsewhere && (r.from == atSelf || r.to == atSelf || zoneOf[r.from] == zoneOf[r.to] || r.down || r.nat):
		return false // There is no third zone on such a way.
	case r.forged && from != atTunnel:
		return false // Only the tunnel's packets can be.
	}
	return true
}

// groups are the rows, together those of one way and family.
func (m *medium) groups() [][]row {
	var groups [][]row
	for _, w := range m.ways {
		for family := range 2 {
			var rows []row
			for _, service := range services {
				for _, s := range states {
					if r := (row{m, w, family, service, s}); r.exists() {
						rows = append(rows, r)
					}
				}
			}
			groups = append(groups, rows)
		}
	}
	return groups
}

// config has a policy for every two zones that can have one.
func (m *medium) config() Config {
	c := Config{Zones: m.zones}
	of := func(a action) []string {
		return []string{fmt.Sprintf("tcp/%d", servicePorts[a]), fmt.Sprintf("udp/%d", servicePorts[a])}
	}
	zones := []string{"inside", "outside", "tunnel", Self}
	for _, from := range zones {
		for _, to := range zones {
			if from == to && m.zones[from].Within != WithinPolicy {
				continue
			}
			p := Policy{From: from, To: to, Inspect: of(actionInspect), Pass: of(actionPass), Drop: of(actionDrop), Reject: of(actionReject)}
			if m.nat && from == "inside" && to == "outside" {
				p.NAT = NATMasquerade
			}
			if from == Self && to == "outside" || from == "outside" && to == Self {
				p.Inspect = append(p.Inspect, "ike") // Which carries ESP in UDP.
			}
			c.Policies = append(c.Policies, p)
		}
	}
	return c
}
