//go:build vm

package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The host and the provider's side reach each other by these addresses without
// NAT and without the tunnel.
const (
	seedHost   = "192.168.18.10"
	seedRouter = "192.168.18.1"
	// seedHub is the hub's second address, where no socket is in the way.
	seedHub = "203.0.113.9"
)

// accessLists are those of a client router that was set up by hand, line by
// line, but for ACL-GRE, and the classes they make up.
func accessLists(t *testing.T) map[string][]Match {
	return map[string][]Match{
		"ACL-DHCP-IN":    {mustMatch(t, "udp/67>68")},
		"ACL-DHCP-OUT":   {mustMatch(t, "udp/68>67")},
		"ACL-ESP":        {mustMatch(t, "esp")},
		"ACL-IPSEC":      {mustMatch(t, "udp/4500"), mustMatch(t, "udp/500")},
		"ACL-MANAGEMENT": {mustMatch(t, "tcp/22"), mustMatch(t, "udp/123")},
		"ACL-PING": {
			mustMatch(t, "icmp/echo-request"), mustMatch(t, "icmp/echo-reply"),
			mustMatch(t, "icmp/ttl-exceeded"), mustMatch(t, "icmp/port-unreachable"),
		},
		"ACL-TRACEROUTE": {mustMatch(t, "udp/33434-33463")},
	}
}

// seedPolicies are the zone pairs. That router lets what is between self and
// INSIDE through because no pair names it; here it must be said.
func seedPolicies() []Policy {
	return []Policy{
		{From: "INSIDE", To: "OUTSIDE", Classes: []Class{
			{Name: "CLASS-INSIDE-TO-OUTSIDE-INSPECT", Action: actionInspect, Criteria: Criteria{Services: []string{"tcp", "udp", "icmp"}}},
		}},
		{From: "OUTSIDE", To: "INSIDE"},
		{From: Self, To: "OUTSIDE", Classes: []Class{
			{Name: "CLASS-SELF-TO-OUTSIDE-INSPECT", Action: actionInspect, Any: []Criteria{
				{Services: []string{"ACL-IPSEC"}},
				{Services: []string{"ACL-PING"}},
				{Services: []string{"ACL-TRACEROUTE"}, TTL: 1},
				{Services: []string{"ACL-MANAGEMENT"}},
			}},
			{Name: "CLASS-SELF-TO-OUTSIDE-PASS", Action: actionPass, Criteria: Criteria{Services: []string{"ACL-ESP", "ACL-DHCP-OUT"}}},
		}, Log: LogDrop},
		{From: "OUTSIDE", To: Self, Classes: []Class{
			{Name: "CLASS-OUTSIDE-TO-SELF-INSPECT", Action: actionInspect, Criteria: Criteria{Services: []string{"ACL-IPSEC", "ACL-MANAGEMENT"}}},
			{Name: "CLASS-OUTSIDE-TO-SELF-PASS", Action: actionPass, Criteria: Criteria{Services: []string{"ACL-ESP", "ACL-DHCP-IN"}}},
		}},
		{From: "INSIDE", To: Self, Inspect: []string{"any"}},
		{From: Self, To: "INSIDE", Inspect: []string{"any"}},
	}
}

func seedTopology() Topology {
	return Topology{Members: []Member{
		{Path: []string{"interfaces", "outside"}, Zone: "OUTSIDE", Link: "wan0", VRF: "front", Underlay: true},
		{Path: []string{"interfaces", "inside"}, Zone: "INSIDE", Link: "lan0"},
		{Path: []string{"tunnels", "Tunnel0"}, Zone: "INSIDE", Link: "hq", Tunnel: true, MSS: 1360},
	}}
}

// craft builds an IPv4 packet that ends in the text.
type craft struct {
	proto    protocol
	from, to string
	// source and dest are ports, or type and code of an ICMP message.
	source, dest uint16
	ttl          byte
}

func (c craft) bytes(text string) packet {
	from, to := netip.MustParseAddr(c.from).As4(), netip.MustParseAddr(c.to).As4()
	var content []byte
	switch c.proto {
	case protoUDP:
		content = binary.BigEndian.AppendUint16(content, c.source)
		content = binary.BigEndian.AppendUint16(content, c.dest)
		content = binary.BigEndian.AppendUint16(content, uint16(8+len(text)))
		content = append(content, 0, 0)
		content = append(content, text...)
	case protoTCP:
		content = binary.BigEndian.AppendUint16(content, c.source)
		content = binary.BigEndian.AppendUint16(content, c.dest)
		content = append(content, 0, 0, 0, 1, 0, 0, 0, 0, 5<<4, 0x02, 4, 0, 0, 0, 0, 0)
		content = append(content, text...)
		pseudo := append(append(from[:], to[:]...), 0, byte(protoTCP), byte(len(content)>>8), byte(len(content)))
		binary.BigEndian.PutUint16(content[16:], onesComplement(append(pseudo, content...)))
	case protoICMP:
		content = append(content, byte(c.source), byte(c.dest), 0, 0, 0, 9, 0, 1)
		content = append(content, text...)
		binary.BigEndian.PutUint16(content[2:], onesComplement(content))
	default:
		content = append([]byte{0, 0, 0x77, 0x77, 0, 0, 0, 1}, text...)
	}
	p := make(packet, ipHeader, ipHeader+len(content))
	p[0], p[8], p[9] = 0x45, c.ttl, byte(c.proto)
	if c.proto == protoICMP {
		p[9] = byte(protoICMPv4)
	}
	if c.ttl == 0 {
		p[8] = 64
	}
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	copy(p[12:], from[:])
	copy(p[16:], to[:])
	binary.BigEndian.PutUint16(p[10:], onesComplement(p))
	return append(p, content...)
}

// onesComplement is the checksum of RFC 1071.
func onesComplement(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		word := uint32(b[i]) << 8
		if i+1 < len(b) {
			word |= uint32(b[i+1])
		}
		sum += word
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// rawEnd sends packets as they are, and has a copy of what is delivered.
type rawEnd struct {
	sends int
	hears []int
}

func newRawEnd(t *testing.T, ns netns.NsHandle, device string) *rawEnd {
	t.Helper()
	e := &rawEnd{}
	open := func(proto int) int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto)
		check(t, err)
		if device != "" {
			check(t, unix.BindToDevice(fd, device))
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	check(t, in(ns, func() error {
		e.sends = open(unix.IPPROTO_RAW)
		for _, p := range []protocol{protoUDP, protoTCP, protoICMPv4, protoESP, protoGRE, 89} {
			e.hears = append(e.hears, open(int(p)))
		}
		return nil
	}))
	return e
}

// heard reports whether a packet has come that ends in the text, and forgets all
// that have come.
func (e *rawEnd) heard(t *testing.T, text string) (found bool) {
	t.Helper()
	buf := make([]byte, 2048)
	for _, fd := range e.hears {
		for {
			n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if errors.Is(err, unix.EINTR) {
				continue
			}
			check(t, err)
			// Errors quote what they are about.
			quoted := packet(buf[:n]).proto() == protoICMPv4 && (buf[ipHeader] == 3 || buf[ipHeader] == 11) && strings.Contains(text, "answer")
			found = found || packet(buf[:n]).ends(text) && !quoted
		}
	}
	return found
}

// TestSeed has the Zone-Based Firewall of a client router do what its access
// lists and class maps say.
func TestSeed(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the thread is bound to a CPU
	var set unix.CPUSet
	set.Set(0)
	check(t, unix.SchedSetaffinity(0, &set))
	l := newStreamLab(t)
	l.reachHost(t)

	config := Config{Services: accessLists(t), Policies: seedPolicies()}
	check(t, Netfilter{}.Replace(must(Compile(config, seedTopology()))(t)))
	markers := append(
		l.open(t, stream{name: "tunnel", from: "host", to: "hq"}, 4000, 7000),
		l.open(t, stream{name: "management", from: "self", to: "hub"}, 4001, 123)...)
	ends := map[string]*rawEnd{
		"host": newRawEnd(t, l.lan, ""), "hub": newRawEnd(t, l.hub, ""),
		"self": newRawEnd(t, l.spoke, "front"),
	}
	const (
		inspected = "CLASS-%s-INSPECT"
		ofNothing = inspected + ".invalid"
		passed    = "CLASS-%s-PASS"
		dropped   = "default"
	)

	number := 0
	// try sends a packet and reports whether it comes.
	try := func(from, to string, c craft, text string) bool {
		t.Helper()
		err := unix.Sendto(ends[from].sends, c.bytes(text), 0, &unix.SockaddrInet4{Addr: netip.MustParseAddr(c.to).As4()})
		if err != nil && !errors.Is(err, unix.EPERM) {
			t.Fatal(err)
		}
		number++
		must(round(nil, markers, number))(t)
		return ends[to].heard(t, text)
	}
	const (
		outward = "INSIDE-TO-OUTSIDE"
		inward  = "OUTSIDE-TO-INSIDE"
		sent    = "SELF-TO-OUTSIDE"
		toSelf  = "OUTSIDE-TO-SELF"
	)
	pairs := map[string]struct{ from, to, source, dest, chain string }{
		outward: {"host", "hub", seedHost, seedHub, "INSIDE/OUTSIDE"},
		inward:  {"hub", "host", seedHub, seedHost, "OUTSIDE/INSIDE"},
		sent:    {"self", "hub", spokeWAN, seedHub, "self/OUTSIDE"},
		toSelf:  {"hub", "self", seedHub, spokeWAN, "OUTSIDE/self"},
	}
	for i, test := range []struct {
		pair string
		craft
		// class is what decides. Of ESP nothing is counted.
		class string
	}{
		{toSelf, craft{proto: protoUDP, source: 67, dest: 68}, passed},
		{toSelf, craft{proto: protoUDP, source: 68, dest: 67}, dropped},
		{toSelf, craft{proto: protoUDP, source: 67, dest: 67}, dropped},
		{toSelf, craft{proto: protoESP}, ""},
		{toSelf, craft{proto: protoUDP, source: 2000, dest: 4500}, inspected},
		{toSelf, craft{proto: protoUDP, source: 2001, dest: 500}, inspected},
		{toSelf, craft{proto: protoUDP, source: 500, dest: 2002}, dropped},
		{toSelf, craft{proto: protoTCP, source: 2003, dest: 500}, dropped},
		{toSelf, craft{proto: protoTCP, source: 2004, dest: 22}, inspected},
		{toSelf, craft{proto: protoTCP, source: 2005, dest: 23}, dropped},
		{toSelf, craft{proto: protoUDP, source: 2006, dest: 22}, dropped},
		{toSelf, craft{proto: protoUDP, source: 2007, dest: 123}, inspected},
		{toSelf, craft{proto: protoTCP, source: 2008, dest: 123}, dropped},
		{toSelf, craft{proto: protoICMP, source: 8}, dropped},
		{toSelf, craft{proto: protoUDP, source: 2009, dest: 33434, ttl: 1}, dropped},
		{toSelf, craft{proto: 89}, dropped},

		{sent, craft{proto: protoUDP, source: 68, dest: 67}, passed},
		{sent, craft{proto: protoUDP, source: 67, dest: 68}, dropped},
		{sent, craft{proto: protoESP}, ""},
		{sent, craft{proto: protoUDP, source: 3000, dest: 4500}, inspected},
		{sent, craft{proto: protoUDP, source: 3001, dest: 500}, inspected},
		{sent, craft{proto: protoTCP, source: 3002, dest: 22}, inspected},
		{sent, craft{proto: protoUDP, source: 3003, dest: 123}, inspected},
		{sent, craft{proto: protoICMP, source: 8}, inspected},
		// An answer without a question is of no connection.
		{sent, craft{proto: protoICMP, source: 0}, ofNothing},
		{sent, craft{proto: protoICMP, source: 13}, dropped},
		{sent, craft{proto: protoUDP, source: 3004, dest: 33434, ttl: 1}, inspected},
		{sent, craft{proto: protoUDP, source: 3005, dest: 33463, ttl: 1}, inspected},
		{sent, craft{proto: protoUDP, source: 3006, dest: 33434, ttl: 2}, dropped},
		{sent, craft{proto: protoUDP, source: 3007, dest: 33464, ttl: 1}, dropped},
		{sent, craft{proto: protoUDP, source: 3008, dest: 33433, ttl: 1}, dropped},
		{sent, craft{proto: protoTCP, source: 3009, dest: 33434, ttl: 1}, dropped},
		{sent, craft{proto: protoTCP, source: 3010, dest: 80}, dropped},
		{sent, craft{proto: protoUDP, source: 3011, dest: 53}, dropped},
		{sent, craft{proto: 89}, dropped},

		{outward, craft{proto: protoTCP, source: 5000, dest: 80}, inspected},
		{outward, craft{proto: protoUDP, source: 5001, dest: 9}, inspected},
		{outward, craft{proto: protoICMP, source: 8}, inspected},
		{outward, craft{proto: 89}, dropped},
		{outward, craft{proto: protoESP}, dropped},
		{inward, craft{proto: protoTCP, source: 6000, dest: 22}, dropped},
		{inward, craft{proto: protoUDP, source: 6001, dest: 9}, dropped},
		{inward, craft{proto: protoICMP, source: 8}, dropped},
		{inward, craft{proto: protoESP}, dropped},
		{inward, craft{proto: 89}, dropped},
	} {
		p := pairs[test.pair]
		test.craft.from, test.craft.to = p.source, p.dest
		name := fmt.Sprintf("%s %s %d to %d, ttl %d", test.pair, test.proto, test.source, test.dest, test.ttl)
		want := test.class != dropped && test.class != ofNothing
		counter := p.chain + "." + dropped
		if test.class != dropped {
			counter = p.chain + "/" + fmt.Sprintf(test.class, test.pair)
		}
		var before uint64
		if test.class != "" {
			before = counted(t, counter)
		}
		if came := try(p.from, p.to, test.craft, fmt.Sprintf("<case %d>", i)); came != want {
			t.Errorf("%s: it comes is %t, want %t", name, came, want)
		}
		if test.class != "" {
			if n := counted(t, counter) - before; n != 1 {
				t.Errorf("%s: counter %s rose by %d, want 1", name, counter, n)
			}
		}
		// A segment to a closed port is answered by a reset.
		if test.class != inspected || test.proto != protoUDP {
			continue
		}
		answer := test.craft
		answer.from, answer.to, answer.source, answer.dest, answer.ttl = answer.to, answer.from, answer.dest, answer.source, 0
		if came := try(p.to, p.from, answer, fmt.Sprintf("<answer %d>", i)); !came {
			t.Errorf("the answer to %s does not come", name)
		}
	}

	t.Run("within INSIDE all is free", func(t *testing.T) {
		for _, c := range []craft{{proto: protoTCP, source: 1, dest: 2}, {proto: protoUDP, source: 3, dest: 4}, {proto: 89}, {proto: protoICMP, source: 8}} {
			c.from, c.to = hostLAN, hubHQ
			if !try("host", "hub", c, "<to the tunnel>") {
				t.Errorf("%s to the tunnel does not come", c.proto)
			}
			c.from, c.to = hubHQ, hostLAN
			if c.source += 100; c.proto == protoICMP {
				c.source = 8
			}
			if !try("hub", "host", c, "<from the tunnel>") {
				t.Errorf("%s from the tunnel does not come", c.proto)
			}
		}
	})
	t.Run("clear GRE is nobody's", func(t *testing.T) {
		// The hub's own would go into IPsec.
		before := counted(t, "gre-in.clear")
		if try("host", "self", craft{proto: protoGRE, from: seedHost, to: seedRouter}, "<clear>") {
			t.Error("it comes")
		}
		if n := counted(t, "gre-in.clear") - before; n != 1 {
			t.Errorf("%d packets are counted, want 1", n)
		}
	})
	t.Run("traceroute is answered, and a closed port is told", func(t *testing.T) {
		l.wantError(t, l.hub, spokeWAN+":123", 64, unix.ECONNREFUSED)
		l.wantError(t, l.hub, seedHost+":33434", 1, unix.EHOSTUNREACH)
	})
	t.Run("permit gre any any is refused", func(t *testing.T) {
		config.Services["ACL-GRE"] = []Match{mustMatch(t, "gre")}
		for _, at := range []int{2, 3} {
			config.Policies = seedPolicies()
			class := &config.Policies[at].Classes[1]
			class.Services = append(class.Services, "ACL-GRE")
			_, err := Compile(config, seedTopology())
			if want := "GRE in clear towards or from the router would be a hole into the tunnel's network: anyone could send and read it; " + greFix; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("class %s: %v, want %s", class.Name, err, want)
			}
		}
	})
}

// reachHost gives the host an address that the hub reaches by the underlay.
func (l *lab) reachHost(t *testing.T) {
	t.Helper()
	spoke, hub, lan := handle(t, l.spoke), handle(t, l.hub), handle(t, l.lan)
	assign(t, spoke, "lan0", seedRouter)
	assign(t, lan, "eth0", seedHost)
	assign(t, hub, "hub0", seedHub)
	route(t, spoke, &netlink.Route{LinkIndex: link(t, spoke, "lan0").Attrs().Index, Dst: subnet(seedHost), Table: frontTable})
	route(t, hub, &netlink.Route{Dst: subnet(seedHost), Gw: net.ParseIP(spokeWAN)})
}

// wantError sends a datagram and waits for what an ICMP error makes of it.
func (l *lab) wantError(t *testing.T, from netns.NsHandle, to string, ttl int, want error) {
	t.Helper()
	check(t, in(from, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		timeout := unix.NsecToTimeval(int64(patience))
		err = errors.Join(
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
			unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TTL, ttl),
			unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1),
			unix.Connect(fd, sockaddr(netip.MustParseAddrPort(to))))
		if err != nil {
			return err
		}
		if _, err := unix.Write(fd, []byte("x")); err != nil {
			return err
		}
		if _, err := unix.Read(fd, make([]byte, 1)); !errors.Is(err, want) {
			t.Errorf("after a datagram to %s with TTL %d: %v, want %v", to, ttl, err, want)
		}
		return nil
	}))
}
