//go:build vm

package firewall

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestFeatures shows by packets what each word of the configuration does that
// TestMatrix, which has the actions and states, leaves out.
func TestFeatures(t *testing.T) {
	x := newCrossing(t, "front")
	for _, feature := range []struct {
		name string
		test func(*crossing, *testing.T)
	}{
		{"address groups", (*crossing).addressGroups},
		{"groups filled at run time", (*crossing).dynamicGroups},
		{"DSCP and hops", (*crossing).headerFields},
		{"ways in and out", (*crossing).waysInAndOut},
		{"limit of connections", (*crossing).connectionLimit},
		{"limit of the rate", (*crossing).rateLimit},
		{"limit of SYN", (*crossing).synLimit},
		{"an error opens nothing", (*crossing).errorOpensNothing},
		{"reject answers", (*crossing).rejectAnswers},
		{"source addresses of a pool", (*crossing).sourcePool},
		{"static NAT", (*crossing).staticNAT},
		{"port forward", (*crossing).portForward},
		{"prefix NAT", (*crossing).prefixNAT},
		{"FTP helper", (*crossing).ftpHelper},
	} {
		t.Run(feature.name, func(t *testing.T) {
			forget(t)
			feature.test(x, t)
		})
	}
}

// use commits a configuration to which it adds what barriers need.
func (x *crossing) use(t *testing.T, config Config) {
	t.Helper()
	for _, zone := range []string{"inside", "outside", "tunnel"} {
		config.Policies = append(config.Policies,
			Policy{From: zone, To: Self, Inspect: []string{"udp/7000"}},
			Policy{From: Self, To: zone, Inspect: []string{"udp/7000"}})
	}
	x.commit(t, config)
}

// come sends a packet from one end to another and returns it as it arrives.
func (x *crossing) come(t *testing.T, from, to string, p probe) (sight, bool) {
	t.Helper()
	s, ok := x.fire(t, []shot{{from: from, to: to, probe: p}}, false)[p.text]
	return s, ok
}

// wantCome is come for a packet that must arrive, or must not.
func (x *crossing) wantCome(t *testing.T, want bool, from, to string, p probe) sight {
	t.Helper()
	s, ok := x.come(t, from, to, p)
	if ok != want {
		t.Errorf("%s from %s to %s arrives: %t, want %t", p.proto, p.from, p.to, ok, want)
	}
	return s
}

// datagram is a UDP packet between addresses with ports.
func (x *crossing) datagram(from, to string) probe {
	return probe{proto: protoUDP, from: netip.MustParseAddrPort(from), to: netip.MustParseAddrPort(to), text: x.text()}
}

// The hosts of the crossing with a port, by family.
var (
	insideHost  = [2]string{"192.168.17.10:4000", "[2001:db8:17::10]:4000"}
	inside2Host = [2]string{"192.168.18.10:4000", "[2001:db8:18::10]:4000"}
	outsideHost = [2]string{"203.0.113.1:9000", "[2001:db8:113::1]:9000"}
)

func (x *crossing) addressGroups(t *testing.T) {
	x.use(t, Config{
		Addresses: map[string][]AddressRange{"servers": {
			mustRange(t, "198.51.100.0/25"), mustRange(t, "192.0.2.10-192.0.2.20"), mustRange(t, "192.0.2.30"),
			mustRange(t, "2001:db8:a::/64"), mustRange(t, "2001:db8:b::1-2001:db8:b::f"),
		}},
		Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{
			{Name: "from", Action: actionDrop, Criteria: Criteria{Source: []string{"192.168.18.0/24", "2001:db8:18::10"}}},
			{Name: "to", Action: actionInspect, Criteria: Criteria{Destination: []string{"servers"}}},
		}}},
	})
	for _, test := range []struct {
		to   string
		want bool
	}{
		{"198.51.100.0", true}, {"198.51.100.127", true}, {"198.51.100.128", false},
		{"192.0.2.9", false}, {"192.0.2.10", true}, {"192.0.2.20", true}, {"192.0.2.21", false}, {"192.0.2.30", true},
		{"2001:db8:a::ffff:1", true}, {"2001:db8:a:1::", false},
		{"2001:db8:b::", false}, {"2001:db8:b::1", true}, {"2001:db8:b::f", true}, {"2001:db8:b::10", false},
	} {
		to := netip.AddrPortFrom(netip.MustParseAddr(test.to), 9).String()
		family := 0
		if netip.MustParseAddr(test.to).Is6() {
			family = 1
		}
		x.wantCome(t, test.want, atInside, atOutside, x.datagram(insideHost[family], to))
		x.wantCome(t, false, atInside2, atOutside, x.datagram(inside2Host[family], to))
	}
}

func (x *crossing) dynamicGroups(t *testing.T) {
	const moment = 5 * time.Second
	config := Config{
		DynamicAddresses: map[string]DynamicAddresses{"blocked": {}, "moment": {Timeout: moment}},
		Policies: []Policy{{From: "inside", To: "outside", Inspect: []string{"udp"}, Classes: []Class{
			{Name: "blocked", Action: actionDrop, Criteria: Criteria{Destination: []string{"blocked", "moment"}}},
		}}},
	}
	port := 4000
	open := func(family int) probe {
		port++ // A new connection each time.
		p := x.datagram(insideHost[family], outsideHost[family])
		p.from = netip.AddrPortFrom(p.from.Addr(), uint16(port))
		return p
	}
	wantTo := func(want bool, family int) {
		t.Helper()
		x.wantCome(t, want, atInside, atOutside, open(family))
	}
	hosts := x.ends[atOutside].host
	x.use(t, config)
	for family, v6 := range []bool{false, true} {
		set := familyName("blocked", v6)
		wantTo(true, family)
		check(t, Netfilter{}.Fill(set, hosts[family]))
		wantTo(false, family)
		// Another policy with the same group.
		config.Policies[0].Inspect = append(config.Policies[0].Inspect, "tcp/"+map[bool]string{false: "80", true: "443"}[v6])
		x.use(t, config)
		wantTo(false, family)
		check(t, Netfilter{}.Clear(set, hosts[family]))
		wantTo(true, family)
	}
	var began time.Time
	fill := func() {
		began = time.Now()
		check(t, Netfilter{}.Fill(familyName("moment", false), hosts[0]))
	}
	fill()
	for blocked := false; ; {
		_, came := x.come(t, atInside, atOutside, open(0))
		passed := time.Since(began)
		switch {
		case came && passed < moment/2:
			t.Fatalf("after %s the address is not in the group, whose timeout is %s", passed, moment)
		case came && blocked:
			return
		case came:
			fill() // This was too slow to find it there: once more.
		case passed > moment+patience:
			t.Fatal("the address never leaves the group")
		default:
			blocked = true
		}
	}
}

func (x *crossing) headerFields(t *testing.T) {
	x.use(t, Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{
		{Name: "marked", Action: actionPass, Criteria: Criteria{DSCP: []DSCP{46, 26}}},
		{Name: "near", Action: actionPass, Criteria: Criteria{TTL: 9}},
	}}}})
	for family := range 2 {
		for _, test := range []struct {
			dscp DSCP
			hops uint8
			want bool
		}{{46, 0, true}, {26, 0, true}, {34, 0, false}, {0, 0, false}, {0, 9, false}, {0, 10, true}, {0, 11, false}} {
			p := x.datagram(insideHost[family], outsideHost[family])
			p.dscp, p.hops = test.dscp, test.hops
			x.wantCome(t, test.want, atInside, atOutside, p)
		}
	}
}

func (x *crossing) waysInAndOut(t *testing.T) {
	x.use(t, Config{Policies: []Policy{
		{From: "inside", To: "outside", Classes: []Class{{Name: "lan2", Action: actionPass, Criteria: Criteria{In: []string{"lan2"}, Out: []string{"wan"}}}}},
		{From: "outside", To: "inside", Classes: []Class{{Name: "lan", Action: actionPass, Criteria: Criteria{In: []string{"wan"}, Out: []string{"lan"}}}}},
		{From: "outside", To: Self, Classes: []Class{{Name: "wan", Action: actionPass, Criteria: Criteria{In: []string{"wan"}, Services: []string{"udp/9"}}}}},
	}})
	for family := range 2 {
		x.wantCome(t, false, atInside, atOutside, x.datagram(insideHost[family], outsideHost[family]))
		x.wantCome(t, true, atInside2, atOutside, x.datagram(inside2Host[family], outsideHost[family]))
		x.wantCome(t, true, atOutside, atInside, x.datagram(outsideHost[family], insideHost[family]))
		x.wantCome(t, false, atOutside, atInside2, x.datagram(outsideHost[family], inside2Host[family]))
		own := netip.AddrPortFrom(x.ends[atOutside].router[family], 9).String()
		x.wantCome(t, true, atOutside, atSelf, x.datagram(outsideHost[family], own))
	}
}

// limited commits a policy whose one class has the limit.
func (x *crossing) limited(t *testing.T, a action, limit Limit) {
	t.Helper()
	x.use(t, Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{{Name: "all", Action: a, Limit: &limit}}}}})
}

// wantOpen opens a connection from the nth port of a host at an end.
func (x *crossing) wantOpen(t *testing.T, want bool, proto protocol, at string, family, n int) {
	t.Helper()
	p := probe{proto: proto, flags: tcpSYN, text: x.text(),
		from: netip.AddrPortFrom(x.ends[at].host[family], uint16(5000+n)), to: netip.MustParseAddrPort(outsideHost[family])}
	x.wantCome(t, want, at, atOutside, p)
}

func (x *crossing) connectionLimit(t *testing.T) {
	x.limited(t, actionInspect, Limit{Connections: 2})
	for family := range 2 {
		for n, want := range []bool{true, true, false, false} {
			x.wantOpen(t, want, protoUDP, atInside, family, n)
		}
		x.wantOpen(t, true, protoUDP, atInside, family, 0) // What is open goes on.
		x.wantOpen(t, true, protoUDP, atInside2, family, 0)
	}
	forget(t)
	x.wantOpen(t, true, protoUDP, atInside, 0, 9)
}

func (x *crossing) rateLimit(t *testing.T) {
	x.limited(t, actionInspect, Limit{Rate: mustRate(t, "2/hour")})
	for family := range 2 {
		for n, want := range []bool{true, true, false, false} {
			x.wantOpen(t, want, protoUDP, atInside, family, n)
		}
		for range 3 {
			x.wantOpen(t, true, protoUDP, atInside, family, 0)
		}
		x.wantOpen(t, true, protoUDP, atInside2, family, 0)
	}
	// Under pass it is packets that count.
	x.use(t, Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{
		{Name: "packets", Action: actionPass, Limit: &Limit{Rate: mustRate(t, "2/hour")}},
	}}}})
	for _, want := range []bool{true, true, false} {
		x.wantOpen(t, want, protoUDP, atInside, 0, 0)
	}
}

func (x *crossing) synLimit(t *testing.T) {
	x.limited(t, actionInspect, Limit{SYN: mustRate(t, "3/hour")})
	x.wantOpen(t, true, protoTCP, atInside, 0, 0)
	x.wantOpen(t, true, protoTCP, atInside2, 0, 0)
	x.wantOpen(t, true, protoTCP, atInside, 1, 0)
	x.wantOpen(t, false, protoTCP, atInside, 0, 1)
	x.wantOpen(t, false, protoTCP, atInside2, 1, 1)
	x.wantOpen(t, true, protoUDP, atInside, 0, 0)
}

// errorOpensNothing has a policy that lets errors pass, but not the answers of
// what they are about.
func (x *crossing) errorOpensNothing(t *testing.T) {
	x.use(t, Config{Policies: []Policy{
		{From: "inside", To: "outside", Pass: []string{"udp"}},
		{From: "outside", To: "inside", Inspect: []string{"icmp"}},
	}})
	for family := range 2 {
		p := x.datagram(insideHost[family], outsideHost[family])
		x.wantCome(t, true, atInside, atOutside, p)
		x.wantCome(t, true, atOutside, atInside, probe{proto: protoICMP, from: p.to, to: p.from, about: &p, text: x.text()})
		x.wantCome(t, false, atOutside, atInside, x.datagram(outsideHost[family], insideHost[family]))
	}
}

func (x *crossing) rejectAnswers(t *testing.T) {
	x.use(t, Config{Policies: []Policy{
		{From: "inside", To: "outside", Reject: []string{"any"}},
		{From: "outside", To: Self, Reject: []string{"udp/161", "tcp/23"}},
	}})
	for family := range 2 {
		for _, way := range []struct{ at, from, to string }{
			{atInside, insideHost[family], outsideHost[family]},
			{atOutside, outsideHost[family], netip.AddrPortFrom(x.ends[atOutside].router[family], 0).String()},
		} {
			for proto, port := range map[protocol]uint16{protoUDP: 161, protoTCP: 23} {
				p := x.datagram(way.from, way.to)
				p.proto, p.flags, p.to = proto, tcpSYN, netip.AddrPortFrom(p.to.Addr(), port)
				x.send(t, way.at, "", p)
				seen := x.barrier(t, way.at, way.at, family, false)
				if !slices.ContainsFunc(seen, func(s sight) bool { return refuses(s, p) }) {
					t.Errorf("%s from %s to %s is not refused, but answered by %v", proto, p.from, p.to, seen)
				}
			}
		}
	}
}

// refuses reports whether the packet refuses the probe: TCP by a reset, all else
// by the error that it is administratively prohibited.
func refuses(s sight, p probe) bool {
	if p.proto == protoTCP {
		return s.proto == protoTCP && s.from == p.to && s.to == p.from && s.content[13]&tcpRST != 0
	}
	kind := [2]byte{3, 13} // RFC 1812, 5.2.7.1
	if p.v6() {
		kind = [2]byte{1, 1} // RFC 4443, 3.1
	}
	return s.proto == protoICMP && s.ends(p.text) && [2]byte(s.content) == kind
}

// wantAddresses compares the addresses of a packet that has arrived.
func wantAddresses(t *testing.T, s sight, from, to string) {
	t.Helper()
	if s.from != netip.MustParseAddrPort(from) || s.to != netip.MustParseAddrPort(to) {
		t.Errorf("it came from %s to %s, want from %s to %s", s.from, s.to, from, to)
	}
}

func (x *crossing) sourcePool(t *testing.T) {
	x.use(t, Config{Policies: []Policy{{From: "inside", To: "outside", Inspect: []string{"udp"},
		NAT: "203.0.113.8-203.0.113.9", NATExcept: []AddressRange{mustRange(t, "192.0.2.0/24")}}}})
	s := x.wantCome(t, true, atInside, atOutside, x.datagram(insideHost[0], outsideHost[0]))
	if a := s.from.Addr().String(); a != "203.0.113.8" && a != "203.0.113.9" {
		t.Errorf("it came from %s, want an address of the pool", a)
	}
	s = x.wantCome(t, true, atOutside, atInside, x.datagram(outsideHost[0], s.from.String()))
	wantAddresses(t, s, outsideHost[0], insideHost[0])

	s = x.wantCome(t, true, atInside, atOutside, x.datagram(insideHost[0], "192.0.2.7:9"))
	wantAddresses(t, s, insideHost[0], "192.0.2.7:9")
	s = x.wantCome(t, true, atInside, atOutside, x.datagram(insideHost[1], outsideHost[1]))
	wantAddresses(t, s, insideHost[1], outsideHost[1])
}

func (x *crossing) staticNAT(t *testing.T) {
	outside := [2]string{"203.0.113.12:4000", "[2001:db8:113::12]:4000"}
	config := Config{Policies: []Policy{
		{From: "inside", To: "outside", Inspect: []string{"udp"}},
		{From: "outside", To: "inside", Inspect: []string{"forwarded"}},
	}}
	for family := range 2 {
		config.StaticNAT = append(config.StaticNAT, StaticNAT{Zone: "outside", Inside: x.ends[atInside].host[family], Outside: netip.MustParseAddrPort(outside[family]).Addr()})
	}
	x.use(t, config)
	for family := range 2 {
		x.wantTranslated(t, family, outside[family])
	}
}

// wantTranslated wants the inside host to be seen by another address outside,
// in both directions, and not to be reached by its own.
func (x *crossing) wantTranslated(t *testing.T, family int, outside string) {
	t.Helper()
	const other = 9009
	inside, far := insideHost[family], netip.AddrPortFrom(x.ends[atOutside].host[family], other).String()
	s := x.wantCome(t, true, atInside, atOutside, x.datagram(inside, far))
	wantAddresses(t, s, outside, far)
	s = x.wantCome(t, true, atOutside, atInside, x.datagram(far, outside))
	wantAddresses(t, s, far, inside)

	s = x.wantCome(t, true, atOutside, atInside, x.datagram(outsideHost[family], outside))
	wantAddresses(t, s, outsideHost[family], inside)
	s = x.wantCome(t, true, atInside, atOutside, x.datagram(inside, outsideHost[family]))
	wantAddresses(t, s, outside, outsideHost[family])

	third := netip.AddrPortFrom(x.ends[atOutside].host[family], other+1).String()
	x.wantCome(t, false, atOutside, atInside, x.datagram(third, inside))
}

func (x *crossing) prefixNAT(t *testing.T) {
	x.use(t, Config{
		PrefixNAT: []PrefixTranslation{{Zone: "outside", Inside: netip.MustParsePrefix("2001:db8:17::/64"), Outside: netip.MustParsePrefix("2001:db8:1717:1::/64")}},
		Policies: []Policy{
			{From: "inside", To: "outside", Inspect: []string{"udp"}},
			{From: "outside", To: "inside", Inspect: []string{"forwarded"}},
		},
	})
	x.wantTranslated(t, 1, "[2001:db8:1717:1::10]:4000")
	// A host of another prefix keeps its address.
	s := x.wantCome(t, true, atInside2, atOutside, x.datagram(inside2Host[1], outsideHost[1]))
	wantAddresses(t, s, inside2Host[1], outsideHost[1])
}

func (x *crossing) portForward(t *testing.T) {
	config := Config{Policies: []Policy{{From: "outside", To: "inside", Inspect: []string{"forwarded"}}}}
	for family := range 2 {
		to := x.ends[atInside].host[family]
		config.PortForwards = append(config.PortForwards,
			PortForward{From: "outside", Port: mustMatch(t, "udp/8443"), To: to, ToPort: 443, Hairpin: []string{"inside"}},
			PortForward{From: "outside", Port: mustMatch(t, "udp/6000-6010"), To: to})
	}
	x.use(t, config)
	for family := range 2 {
		own, host := x.ends[atOutside].router[family], x.ends[atInside].host[family]
		at := func(a netip.Addr, port uint16) string { return netip.AddrPortFrom(a, port).String() }
		s := x.wantCome(t, true, atOutside, atInside, x.datagram(outsideHost[family], at(own, 8443)))
		wantAddresses(t, s, outsideHost[family], at(host, 443))
		s = x.wantCome(t, true, atInside, atOutside, x.datagram(at(host, 443), outsideHost[family]))
		wantAddresses(t, s, at(own, 8443), outsideHost[family])
		s = x.wantCome(t, true, atOutside, atInside, x.datagram(outsideHost[family], at(own, 6007)))
		wantAddresses(t, s, outsideHost[family], at(host, 6007))

		x.wantCome(t, false, atOutside, atInside, x.datagram(outsideHost[family], at(own, 6011)))
		x.wantCome(t, false, atOutside, atInside, x.datagram(outsideHost[family], at(host, 444)))

		// From its own zone, and from the host itself, by the outside address.
		check(t, Netfilter{}.Fill(ownName("outside", family == 1), own))
		for _, from := range []string{atInside2, atInside} {
			client := at(x.ends[from].host[family], 4400)
			s := x.wantCome(t, true, from, atInside, x.datagram(client, at(own, 8443)))
			if s.from.Addr() != x.ends[atInside].router[family] || s.to.String() != at(host, 443) {
				t.Errorf("it came from %s to %s, want from the router to the host", s.from, s.to)
			}
			s = x.wantCome(t, true, atInside, from, x.datagram(at(host, 443), s.from.String()))
			wantAddresses(t, s, at(own, 8443), client)
		}
	}
}
