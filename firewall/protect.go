package firewall

// The points and priorities of the base chains.
var (
	hookRawPrerouting = hook{kind: "filter", point: "prerouting", priority: "raw"}
	hookRawOutput     = hook{kind: "filter", point: "output", priority: "raw"}
	hookMSS           = hook{kind: "filter", point: "forward", priority: "mangle"}
	hookInput         = hook{kind: "filter", point: "input", priority: "filter", drop: true}
	hookForward       = hook{kind: "filter", point: "forward", priority: "filter", drop: true}
	hookOutput        = hook{kind: "filter", point: "output", priority: "filter", drop: true}
	hookPostrouting   = hook{kind: "nat", point: "postrouting", priority: "srcnat"}
)

// Names of the sets and chains that are not about a pair of zones.
const (
	setUnderlays  = "underlays"
	setMasquerade = "masqueraded"
	chainGREIn    = "gre-in"
	chainGREOut   = "gre-out"
	chainWithin   = "within-zone"
)

// loopback is the device of packets from the router to itself.
const loopback = "lo"

// DenyAll returns the ruleset of a router that has no policy yet: nothing is
// received, sent or forwarded. Packet sockets, and so DHCP and ARP, are below
// the IP hooks and unaffected.
func DenyAll() *Ruleset {
	r := &Ruleset{}
	r.chain("input", hookInput).add(device{ingress, loopback}, accept)
	r.chain("forward", hookForward)
	r.chain("output", hookOutput).add(device{egress, loopback}, accept)
	return r
}

// bypassTracking keeps the tunnel's packets out of connection tracking. The
// entry our own GRE would make is what a forged answer in clear belongs to,
// and looking it up would cost every packet of the tunnel twice.
func (c *compiler) bypassTracking() {
	if len(c.underlays) == 0 {
		return
	}
	in := c.chain("prerouting-raw", hookRawPrerouting)
	out := c.chain("output-raw", hookRawOutput)
	for _, proto := range []protocol{protoGRE, protoESP} {
		in.add(layer4(proto), member{[]nameKey{ingress}, setUnderlays}, notrack)
		out.add(layer4(proto), notrack)
	}
}

// protectInput decides GRE and ESP to the router. GRE counts as the tunnel's
// whatever device it comes by: the kernel would hand it to a tunnel over
// another device if the key fits.
func (c *compiler) protectInput(in *chain) {
	in.add(layer4(protoGRE), jumpTo(chainGREIn))
	if len(c.underlays) > 0 {
		in.add(layer4(protoESP), member{[]nameKey{ingress}, setUnderlays}, accept)
		// ESP is in no connection that the error could belong to. The kernel
		// looks for the SA that sent what the error quotes.
		in.add(tooBig4, member{[]nameKey{ingress}, setUnderlays}, accept)
		in.add(tooBig6, member{[]nameKey{ingress}, setUnderlays}, accept)
	}

	gre := c.chain(chainGREIn, hook{})
	gre.add(fromIPsec, c.count(counter{name: "gre-in.ipsec", class: "GRE received inside IPsec"}), accept)
	gre.add(c.count(counter{name: "gre-in.clear", class: "GRE received in clear, dropped"}), drop)
}

// protectOutput decides GRE and ESP from the router.
func (c *compiler) protectOutput(out *chain) {
	out.add(layer4(protoGRE), jumpTo(chainGREOut))
	if len(c.underlays) > 0 {
		out.add(layer4(protoESP), member{[]nameKey{egress}, setUnderlays}, accept)
	}

	gre := c.chain(chainGREOut, hook{})
	// What is multicast into a tunnel the kernel sends to the group on the
	// underlay. Copies have gone to the hubs by then. No SA leads to a group, so
	// this repeats what the next rules do, under a name that alarms nobody.
	gre.add(toMulticast, c.count(counter{name: "gre-out.multicast", class: "GRE to a multicast group, of which hubs get copies, dropped"}), drop)
	gre.add(intoIPsec, c.count(counter{name: "gre-out.ipsec", class: "GRE sent into IPsec"}), accept)
	gre.add(c.count(counter{name: "gre-out.clear", class: "GRE to be sent in clear, dropped"}), drop)
}

// protectForward keeps GRE in clear and transit between providers away from
// the underlays.
func (c *compiler) protectForward(forward *chain) {
	if len(c.underlays) == 0 {
		return
	}
	from := member{[]nameKey{ingress}, setUnderlays}
	to := member{[]nameKey{egress}, setUnderlays}
	gre := c.count(counter{name: "forward.gre", class: "GRE in clear through the router, dropped"})
	forward.add(layer4(protoGRE), from, gre, drop)
	forward.add(layer4(protoGRE), to, gre, drop)
	forward.add(from, to, c.count(counter{name: "forward.transit", class: "from provider to provider, dropped"}), drop)
}

// neighbourDiscovery lets NS and NA through: it is to IPv6 what ARP, which no
// IP hook sees, is to IPv4. RFC 4861, 7.1: a hop limit of 255 proves that the
// sender is on the link.
func neighbourDiscovery(c *chain) {
	c.add(icmpMessage{v6: true, number: 135}, onLink, accept)
	c.add(icmpMessage{v6: true, number: 136}, onLink, accept)
}

// pathMTU lets the router's own errors of path MTU discovery out, whatever the
// policy: without them connections hang. The kernel sends them before the
// forward hook has seen the packet, so the connection may bear no mark yet.
func pathMTU(out *chain) {
	out.add(tooBig4, ctState(stateRelated), accept)
	out.add(tooBig6, ctState(stateRelated), accept)
}

// clampMSS bounds the TCP segments through each member in both directions. A
// tunnel is bounded by the route's MTU too, which is smaller where the path to
// one peer is, and which allows for the longer header of IPv6.
func (c *compiler) clampMSS() {
	var clamped []Member
	for _, m := range c.topology.Members {
		if m.MSS > 0 || m.Tunnel {
			clamped = append(clamped, m)
		}
	}
	if len(clamped) == 0 {
		return
	}
	chain := c.chain("mss", hookMSS)
	for _, m := range clamped {
		out, in := device{egress, m.Link}, device{ingress, m.Link}
		if m.VRF != "" {
			in.key = slave
		}
		for _, direction := range []device{out, in} {
			if m.MSS > 0 {
				chain.add(direction, openTCP, clamp(m.MSS))
			}
			if m.Tunnel {
				chain.add(direction, openTCP, clampRoute)
			}
		}
	}
}
