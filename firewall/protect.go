package firewall

// The points and priorities of the base chains.
var (
	hookRawOutput   = hook{kind: "filter", point: "output", priority: "raw"}
	hookPrerouting  = hook{kind: "nat", point: "prerouting", priority: "dstnat"}
	hookInput       = hook{kind: "filter", point: "input", priority: "filter", drop: true}
	hookForward     = hook{kind: "filter", point: "forward", priority: "filter", drop: true}
	hookOutput      = hook{kind: "filter", point: "output", priority: "filter", drop: true}
	hookPostrouting = hook{kind: "nat", point: "postrouting", priority: "srcnat"}
)

// Names of the sets and chains that are not about a pair of zones.
const (
	setUnderlays    = "underlays"
	setStamps       = "stamps"
	chainGREIn      = "gre-in"
	chainGREOut     = "gre-out"
	chainGREThrough = "gre-through"
	chainTransit    = "transit"
	chainWithin     = "within-zone"
	chainMSS        = "mss"
	chainICMPIn     = "icmp-in"
	chainICMPOut    = "icmp-out"
)

// DenyAll returns the ruleset of a router that has no policy yet: nothing is
// received, sent or forwarded. Packet sockets, and so DHCP and ARP, are below
// the IP hooks and unaffected.
func DenyAll() *Ruleset {
	r := &Ruleset{}
	r.chain("input", hookInput).add(fromSelf, accept)
	r.chain("forward", hookForward)
	r.chain("output", hookOutput).add(toSelf, accept)
	return r.complete()
}

// bypassTracking keeps what the tunnel sends out of connection tracking, which
// would look every packet up twice more. What it receives is decided before
// tracking is asked, and to look at all packets for it would cost the others.
func (c *compiler) bypassTracking() {
	if len(c.underlays) == 0 {
		return
	}
	out := c.chain("output-raw", hookRawOutput)
	for _, proto := range []protocol{protoGRE, protoESP} {
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
	}

	gre := c.chain(chainGREIn, hook{})
	gre.add(fromIPsec, accept) // which the SA counts
	gre.add(c.count(counter{name: "gre-in.clear", class: "GRE received in clear, dropped"}), drop)
}

// protectOutput decides ESP and GRE from the router. ESP is the kernel's own,
// made of what was let through before. A packet in a VRF comes by twice: first
// with the VRF's device, outside connection tracking and before its route leads
// into IPsec, then with the link, when it is decided.
func (c *compiler) protectOutput(out *chain) {
	if len(c.underlays) > 0 {
		out.add(layer4(protoESP), accept)
	}
	out.add(layer4(protoGRE), jumpTo(chainGREOut))

	gre := c.chain(chainGREOut, hook{})
	gre.add(intoIPsec, accept)
	if c.topology.hasVRF() {
		gre.add(byVRF, accept)
	}
	// What is multicast into a tunnel the kernel sends to the group on the
	// underlay. Copies have gone to the hubs by then. No SA leads to a group, so
	// this repeats what the next rule does, under a name that alarms nobody.
	gre.add(toMulticast, c.count(counter{name: "gre-out.multicast", class: "GRE to a multicast group, of which hubs get copies, dropped"}), drop)
	gre.add(c.count(counter{name: "gre-out.clear", class: "GRE to be sent in clear, dropped"}), drop)
}

// protectForward keeps GRE in clear and transit between providers away from
// the underlays. GRE goes there from the chains of the pairs: no connection of
// it is ever stamped by one of an underlay, so it is behind their stamps, where
// it costs the packets of a connection nothing.
func (c *compiler) protectForward() {
	if len(c.underlays) == 0 {
		return
	}
	gre := c.chain(chainGREThrough, hook{})
	gre.add(c.count(counter{name: "forward.gre", class: "GRE in clear through the router, dropped"}), drop)
	transit := c.chain(chainTransit, hook{})
	transit.add(c.count(counter{name: "forward.transit", class: "from provider to provider, dropped"}), drop)
}

// translators lets IPv6 pass between a translator's device and the underlay that
// carries it, both ways. By IPv4 the device is an underlay as others are; what it
// makes of that is no transit, and the policies have decided about it already.
func (c *compiler) translators(forward *chain) {
	for _, m := range c.topology.Members {
		if m.Over == "" {
			continue
		}
		key := ingress
		if m.VRF != "" {
			key = slave
		}
		forward.add(ipv6, device{key, m.Link}, device{egress, m.Over}, accept)
		forward.add(ipv6, device{key, m.Over}, device{egress, m.Link}, accept)
	}
}

// controlMessages lets those ICMP messages to and from the router through that
// a network does not work without, whatever the policy.
func (c *compiler) controlMessages() {
	received := c.chain(chainICMPIn, hook{})
	sent := c.chain(chainICMPOut, hook{})
	for _, at := range []*chain{received, sent} {
		neighbours(at)
	}
	if len(c.underlays) > 0 {
		// ESP is in no connection that the error could belong to. The kernel
		// looks for the SA that sent what the error quotes.
		received.add(tooBig4, member{[]nameKey{ingress}, setUnderlays}, accept)
		received.add(tooBig6, member{[]nameKey{ingress}, setUnderlays}, accept)
	}
	// The router's own errors of path MTU discovery: without them connections
	// hang. The kernel sends them before the forward hook has seen the packet, so
	// the connection may bear no stamp yet.
	sent.add(tooBig4, ctState(stateRelated), accept)
	sent.add(tooBig6, ctState(stateRelated), accept)
}

// neighbours lets neighbour discovery through, which is to IPv6 what ARP, which
// no IP hook sees, is to IPv4, and the membership of its groups, by which
// switches know where to send it. RFC 4861, 7.1: a hop limit of 255 proves that
// the sender is on the link. RFC 2710, 3: MLD is sent with one of 1.
func neighbours(c *chain) {
	for _, number := range []uint8{135, 136} {
		c.add(icmp6(number), onLink, accept)
	}
	for _, number := range []uint8{130, 131, 132, 143} {
		c.add(icmp6(number), andNoFurther, accept)
	}
}

// longerIPv6 is by how many octets IPv6's header is longer than IPv4's.
const longerIPv6 = 20

// clampMSS bounds the TCP segments through each member in both directions. A
// tunnel is bounded by the route's MTU too, which is smaller where the path to
// one peer is, and which allows for the longer header of IPv6. For packets out
// of the tunnel that is the way back, for which the kernel asks the main table
// alone; so in a VRF the longer header is allowed for here.
func (c *compiler) clampMSS(forward *chain) {
	var clamped []Member
	for _, m := range c.topology.Members {
		if m.MSS > 0 || m.Tunnel {
			clamped = append(clamped, m)
		}
	}
	if len(clamped) == 0 {
		return
	}
	forward.add(openTCP, call(chainMSS))
	at := c.chain(chainMSS, hook{})
	for _, m := range clamped {
		out, in := device{egress, m.Link}, device{ingress, m.Link}
		if m.VRF != "" {
			in.key = slave
		}
		for _, direction := range []device{out, in} {
			if m.MSS > 0 {
				at.add(direction, clamp(m.MSS))
			}
			if m.MSS > 0 && m.Tunnel && direction.key == slave {
				at.add(direction, ipv6, clamp(m.MSS-longerIPv6))
			}
			if m.Tunnel {
				at.add(direction, clampRoute)
			}
		}
	}
}
