//go:build vm

package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A crossing is a spoke between the hosts of four zones. No host speaks for
// itself: tests make every packet, and see which arrive.
//
//	inside  lan .10 ── .1 lan0 ┐         ┌ wan0 .2 ── .1 hub0 hub  outside
//	        lan .10 ── .1 lan1 ┘ [spoke] └ hq .17 ════ .1 hq  hub  tunnel
//
// wan0 may be in a VRF. The hub's end of the tunnel always speaks ESP once
// protectGRE was called; what comes in clear is forged.
type crossing struct {
	*lab
	vrf  string
	ends map[string]*end
	// wan0 is the hardware address of the spoke's.
	wan0 net.HardwareAddr
	// probes counts, for texts and ports.
	probes int
	// clearGRE is what came out of the spoke in clear, which must be nothing.
	clearGRE []sight
}

// end is where packets of a zone come from and are seen to arrive: a link of a
// host, or the router itself.
type end struct {
	// host and router are the addresses of the two sides, by family.
	host, router [2]netip.Addr
	// fds see what arrives.
	fds []int
	// index, peer are how a host's link sends to the router.
	index int
	peer  []byte
	// device is the router's, that its own packets to the end leave by.
	device string
	// leaving says that it sees what leaves a device and not what arrives.
	leaving bool
}

// The ends of a crossing.
const (
	atInside  = "inside"
	atInside2 = "inside2"
	atOutside = "outside"
	atTunnel  = "tunnel"
	// atIntoTunnel sees what enters the tunnel at the spoke.
	atIntoTunnel = "into the tunnel"
	atSelf       = Self
)

// zoneOf is the zone of each end.
var zoneOf = map[string]string{
	atInside: "inside", atInside2: "inside", atOutside: "outside", atTunnel: "tunnel", atIntoTunnel: "tunnel", atSelf: Self,
}

func addresses4and6(v4, v6 string) [2]netip.Addr {
	return [2]netip.Addr{netip.MustParseAddr(v4), netip.MustParseAddr(v6)}
}

// Addresses beyond those of the ends: another host in the tunnel, one on the
// internet, and the group that everybody is in.
var (
	tunnel2  = addresses4and6("172.16.0.2", "2001:db8:16::2")
	internet = addresses4and6("198.51.100.1", "2001:db8:198::1")
	allHosts = addresses4and6("224.0.0.1", "ff02::1")
)

func newCrossing(t *testing.T, vrf string) *crossing {
	t.Helper()
	first := alone(t)
	oneCPU(t)
	x := &crossing{lab: &lab{spoke: first, hub: newHost(t), lan: newHost(t)}, vrf: vrf}
	for sysctl, value := range map[string]string{
		"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1",
		// The router sends so many errors to one host that some would not come.
		"ipv4/icmp_ratelimit": "0", "ipv6/icmp/ratelimit": "0",
	} {
		check(t, os.WriteFile("/proc/sys/net/"+sysctl, []byte(value), 0o644))
	}
	spoke, hub, lan := handle(t, x.spoke), handle(t, x.hub), handle(t, x.lan)
	if vrf != "" {
		front := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: vrf}, Table: frontTable}
		check(t, spoke.LinkAdd(front))
		check(t, spoke.LinkSetUp(front))
		t.Cleanup(func() { check(t, spoke.LinkDel(front)) })
	}
	x.cable(t, "wan0", x.hub, "hub0")
	x.cable(t, "lan0", x.lan, "eth0")
	x.cable(t, "lan1", x.lan, "eth1")
	x.wan0 = link(t, spoke, "wan0").Attrs().HardwareAddr
	if vrf != "" {
		check(t, spoke.LinkSetMaster(link(t, spoke, "wan0"), link(t, spoke, vrf)))
	}
	tunnel(t, spoke, "wan0", "172.16.0.17", "172.16.0.1", hubWAN)
	tunnel(t, hub, "hub0", "172.16.0.1", "172.16.0.17", spokeWAN)
	// The tunnels have their IPv4 addresses.
	x.ends = map[string]*end{
		atInside:  {host: addresses4and6(hostLAN, "2001:db8:17::10"), router: addresses4and6(spokeLAN, "2001:db8:17::1"), device: "lan0"},
		atInside2: {host: addresses4and6("192.168.18.10", "2001:db8:18::10"), router: addresses4and6("192.168.18.1", "2001:db8:18::1"), device: "lan1"},
		atOutside: {host: addresses4and6(hubWAN, "2001:db8:113::1"), router: addresses4and6(spokeWAN, "2001:db8:113::2"), device: "wan0"},
		atTunnel:  {host: addresses4and6("172.16.0.1", "2001:db8:16::1"), router: addresses4and6("172.16.0.17", "2001:db8:16::17"), device: "hq"},
		atSelf:    {},
	}
	x.attach(t, atInside, x.lan, lan, "eth0")
	x.attach(t, atInside2, x.lan, lan, "eth1")
	x.attach(t, atOutside, x.hub, hub, "hub0")
	x.attach(t, atTunnel, x.hub, hub, "hq")
	x.ends[atTunnel].peer = netip.MustParseAddr(spokeWAN).AsSlice()
	into := *x.ends[atTunnel]
	into.fds, into.leaving = []int{newTap(t, x.spoke, "hq").fd}, true
	x.ends[atIntoTunnel] = &into
	x.listen(t)
	x.lead(t, spoke)
	t.Cleanup(func() {
		conn := must(nftables.New())(t)
		conn.AddTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
		conn.DelTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
		check(t, conn.Flush())
	})
	return x
}

// oneCPU keeps the test on one CPU until it ends. Each has its own queue of
// arriving packets, and what is sent from another can overtake.
func oneCPU(t *testing.T) {
	t.Helper()
	var all, one unix.CPUSet
	check(t, unix.SchedGetaffinity(0, &all))
	one.Set(0)
	// A thread that begins meanwhile has the CPUs of the one that began it.
	pin := func(set unix.CPUSet) {
		for pinned := false; !pinned; {
			pinned = true
			for _, thread := range must(os.ReadDir("/proc/self/task"))(t) {
				var now unix.CPUSet
				id := must(strconv.Atoi(thread.Name()))(t)
				err := unix.SchedGetaffinity(id, &now)
				if err == nil && now != set {
					pinned = false
					err = unix.SchedSetaffinity(id, &set)
				}
				// A thread that has ended meanwhile needs no CPU.
				if !errors.Is(err, unix.ESRCH) {
					check(t, err)
				}
			}
		}
	}
	pin(one)
	t.Cleanup(func() { pin(all) })
}

// attach gives the two sides of an end their addresses, and looks at the
// host's.
func (x *crossing) attach(t *testing.T, name string, ns netns.NsHandle, there *netlink.Handle, device string) {
	t.Helper()
	e, spoke := x.ends[name], handle(t, x.spoke)
	for family, bits := range [2]int{24, 64} {
		if name == atTunnel && family == 0 {
			continue
		}
		for h, own := range map[*netlink.Handle]netip.Addr{spoke: e.router[family], there: e.host[family]} {
			d := device
			if h == spoke {
				d = e.device
			}
			check(t, h.AddrAdd(link(t, h, d), &netlink.Addr{IPNet: &net.IPNet{IP: own.AsSlice(), Mask: net.CIDRMask(bits, own.BitLen())}, Flags: unix.IFA_F_NODAD}))
		}
	}
	at := link(t, there, device).Attrs()
	e.index, e.peer = at.Index, link(t, spoke, e.device).Attrs().HardwareAddr
	c := &capture{}
	c.open(t, ns, device, unix.ETH_P_ALL)
	e.fds = []int{c.fd}
}

// listen lets the router's own end see what the router receives.
func (x *crossing) listen(t *testing.T) {
	t.Helper()
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		icmp := unix.IPPROTO_ICMP
		if family == unix.AF_INET6 {
			icmp = unix.IPPROTO_ICMPV6
		}
		for _, proto := range []int{unix.IPPROTO_TCP, unix.IPPROTO_UDP, icmp} {
			fd := must(unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, proto))(t)
			t.Cleanup(func() { unix.Close(fd) })
			x.ends[atSelf].fds = append(x.ends[atSelf].fds, fd)
		}
	}
}

// lead adds the routes: to the internet out of the main table and, if there is
// one, out of the VRF, and from there to all zones.
func (x *crossing) lead(t *testing.T, spoke *netlink.Handle) {
	t.Helper()
	wan := link(t, spoke, "wan0").Attrs().Index
	outside := x.ends[atOutside]
	tables := []int{unix.RT_TABLE_MAIN}
	if x.vrf != "" {
		tables = append(tables, frontTable)
	}
	for family := range 2 {
		for _, table := range tables {
			route(t, spoke, &netlink.Route{LinkIndex: wan, Gw: outside.host[family].AsSlice(), Flags: int(netlink.FLAG_ONLINK), Table: table})
		}
		for _, name := range []string{atInside, atInside2, atTunnel} {
			if x.vrf == "" {
				break
			}
			e := x.ends[name]
			bits := [2]int{24, 64}[family]
			prefix := netip.PrefixFrom(e.host[family], bits).Masked()
			route(t, spoke, &netlink.Route{
				LinkIndex: link(t, spoke, e.device).Attrs().Index, Table: frontTable,
				Dst: &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(bits, prefix.Addr().BitLen())},
			})
		}
	}
	x.meet(t, spoke)
}

// meet tells the spoke the neighbours in the tunnel, as NHRP would.
func (x *crossing) meet(t *testing.T, spoke *netlink.Handle) {
	t.Helper()
	hq := link(t, spoke, "hq").Attrs().Index
	for family := range 2 {
		for _, a := range []netip.Addr{x.ends[atTunnel].host[family], tunnel2[family]} {
			check(t, spoke.NeighSet(&netlink.Neigh{LinkIndex: hq, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), LLIPAddr: net.ParseIP(hubWAN).To4()}))
		}
	}
}

// topology is the spoke's.
func (x *crossing) topology() Topology {
	return Topology{Members: []Member{
		{Path: []string{"interfaces", "lan"}, Zone: "inside", Link: "lan0"},
		{Path: []string{"interfaces", "lan2"}, Zone: "inside", Link: "lan1"},
		{Path: []string{"interfaces", "wan"}, Zone: "outside", Link: "wan0", VRF: x.vrf, Underlay: true},
		{Path: []string{"tunnels", "hq"}, Zone: "tunnel", Link: "hq", Tunnel: true, MSS: 1360},
	}}
}

// commit puts a configuration into the spoke's kernel.
func (x *crossing) commit(t *testing.T, config Config) {
	t.Helper()
	r, err := Compile(config, x.topology())
	if err != nil {
		t.Fatal(err)
	}
	check(t, Netfilter{}.Replace(r))
}

// protect brings IKE up, with ESP in UDP if there is a natPort, until the test
// ends.
func (x *crossing) protect(t *testing.T, natPort int) {
	t.Helper()
	protectGRE(t, x.spoke, spokeWAN, hubWAN, natPort)
	protectGRE(t, x.hub, hubWAN, spokeWAN, natPort)
	if natPort != 0 {
		decapsulate(t, udp(t, x.spoke, x.vrf, spokeWAN+":4500"))
		decapsulate(t, udp(t, x.hub, "", hubWAN+":4500"))
	}
}

// forget makes the spoke forget all connections.
func forget(t *testing.T) {
	t.Helper()
	check(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
}

// number is a new one, of five digits.
func (x *crossing) number() int {
	x.probes++
	return x.probes
}

// text is that of no other probe. All have the same length, so none ends as
// another.
func (x *crossing) text() string { return fmt.Sprintf("<probe %06d>", x.number()) }

// send sends the probe from an end; from the router, towards the end to.
func (x *crossing) send(t *testing.T, from, to string, p probe) {
	t.Helper()
	e := x.ends[from]
	if from == atSelf {
		x.sendOwn(t, to, p)
		return
	}
	x.put(t, e, e.index, e.peer, p.packet())
}

// put sends a packet out of a host's link. All are sent, and so received, on one
// processor, as those of a tunnel are that come by a real link: of two that begin a
// connection of GRE on two processors at the same moment, connection tracking drops one.
func (x *crossing) put(t *testing.T, e *end, index int, peer, packet []byte) {
	t.Helper()
	to := &unix.SockaddrLinklayer{Protocol: etherType(packet), Ifindex: index, Halen: uint8(len(peer))}
	copy(to.Addr[:], peer)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	check(t, unix.SchedGetaffinity(0, &all))
	one.Set(0)
	check(t, unix.SchedSetaffinity(0, &one))
	err := unix.Sendto(e.fds[0], packet, 0, to)
	check(t, errors.Join(err, unix.SchedSetaffinity(0, &all)))
}

// etherType is the packet's, as a socket address has it.
func etherType(packet []byte) uint16 {
	proto := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		proto = unix.ETH_P_IPV6
	}
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, proto))
}

// forge sends the probe as one of the tunnel's that is not protected.
func (x *crossing) forge(t *testing.T, p probe) {
	t.Helper()
	inner := p.packet()
	gre := []byte{0x20, 0, 0x08, 0x00, 0, 0, 0, tunnelKey}
	if p.v6() {
		gre[2], gre[3] = 0x86, 0xdd
	}
	outer := ipv4Packet(byte(protoGRE), netip.MustParseAddr(hubWAN), netip.MustParseAddr(spokeWAN), len(gre)+len(inner))
	hub := x.ends[atOutside]
	x.put(t, hub, hub.index, x.wan0, slices.Concat(outer, gre, inner))
}

// sendOwn sends a packet of the router's own. One that the firewall drops is an
// error here, which the test sees by its not coming.
func (x *crossing) sendOwn(t *testing.T, to string, p probe) {
	t.Helper()
	family := unix.AF_INET
	var address unix.Sockaddr = &unix.SockaddrInet4{Addr: [4]byte(p.to.Addr().AsSlice()[:4])}
	if p.v6() {
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Addr: p.to.Addr().As16()}
	}
	fd := must(unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(p.number())))(t)
	defer unix.Close(fd)
	if device := x.ends[to].device; device != "" {
		// To a group a socket sends by the link, else as IKE does, by the VRF.
		if x.vrf != "" && to == atOutside && !p.to.Addr().IsMulticast() {
			device = x.vrf
		}
		check(t, unix.BindToDevice(fd, device))
	}
	if err := unix.Sendto(fd, p.transport(), 0, address); err != nil && !errors.Is(err, unix.EPERM) {
		t.Fatalf("sending %+v: %v", p, err)
	}
}

// until returns what has arrived at the end once the packet that ends in the
// text has. An empty text returns it at once.
func (x *crossing) until(t *testing.T, at, text string) []sight {
	t.Helper()
	e := x.ends[at]
	polled := make([]unix.PollFd, len(e.fds))
	for i, fd := range e.fds {
		polled[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	var seen []sight
	limit := time.Now().Add(patience)
	for came := text == ""; ; {
		wait := 0
		if !came {
			wait = int(max(time.Until(limit).Milliseconds(), 0))
		}
		n, err := unix.Poll(polled, wait)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			t.Fatal(err)
		case n == 0 && came:
			return seen
		case n == 0:
			t.Fatalf("waiting at %s for %q; seen: %v; the firewall has counted %v; lost: %s", at, text, seen, must(Netfilter{}.Counters())(t), x.losses(t))
		}
		for i, p := range polled {
			if p.Revents == 0 {
				continue
			}
			s, ok := e.receive(t, i)
			if !ok {
				continue
			}
			if s.proto == protoGRE {
				x.clearGRE = append(x.clearGRE, s)
			}
			seen = append(seen, s)
			came = came || s.ends(text)
		}
	}
}

// receive reads one packet.
func (e *end) receive(t *testing.T, i int) (sight, bool) {
	t.Helper()
	buf := make([]byte, 65536)
	n, from, err := unix.Recvfrom(e.fds[i], buf, unix.MSG_DONTWAIT)
	// A link that is enslaved goes down for a moment.
	if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENETDOWN) {
		return sight{}, false
	}
	check(t, err)
	switch from := from.(type) {
	case *unix.SockaddrLinklayer:
		if leaving := from.Pkttype == unix.PACKET_OUTGOING; leaving != e.leaving {
			return sight{}, false
		}
	case *unix.SockaddrInet6:
		// A raw socket of IPv6 leaves the header away.
		proto := must(unix.GetsockoptInt(e.fds[i], unix.SOL_SOCKET, unix.SO_PROTOCOL))(t)
		return lookInto(byte(proto), netip.AddrFrom16(from.Addr), netip.IPv6Unspecified(), buf[:n]), true
	}
	return look(buf[:n])
}

// shot is a probe on its way from one end to another; in clear, it comes by the
// tunnel unprotected.
type shot struct {
	from, to string
	clear    bool
	probe
}

// fire sends the shots, all of one family, and returns those that arrive, as
// they do, by their texts. Those that are not among them have not arrived: a
// packet that came after them by the same way has. While IKE is down, that of
// the tunnel is one on the wire below.
func (x *crossing) fire(t *testing.T, shots []shot, down bool) map[string]sight {
	t.Helper()
	for name := range x.ends {
		x.until(t, name, "") // What is left over from before would fill the buffers.
	}
	for _, s := range shots {
		if s.from == atTunnel && s.clear {
			x.forge(t, s.probe)
		} else {
			x.send(t, s.from, s.to, s.probe)
		}
	}
	arrived := make(map[string]sight)
	passed := make(map[[2]string]bool)
	for _, s := range shots {
		if way := [2]string{s.from, s.to}; !passed[way] {
			passed[way] = true
			for _, seen := range x.barrier(t, s.from, s.to, s.family(), down) {
				for _, one := range shots {
					if one.to == s.to && one.proto == seen.proto && seen.ends(one.text) {
						arrived[one.text] = seen
					}
				}
			}
		}
	}
	return arrived
}

// barrier returns what has arrived at the end to, after packets that were sent
// now, one to the router from the end from and one from the router to the end
// to.
func (x *crossing) barrier(t *testing.T, from, to string, family int, down bool) []sight {
	t.Helper()
	wire := func(name string) string {
		if name == atTunnel && down {
			return atOutside
		}
		return name
	}
	if from != atSelf {
		in := x.follower(wire(from), atSelf, family)
		x.send(t, wire(from), atSelf, in)
		seen := x.until(t, atSelf, in.text)
		if to == atSelf {
			return seen
		}
	}
	out := x.follower(atSelf, wire(to), family)
	x.send(t, atSelf, wire(to), out)
	seen := x.until(t, wire(to), out.text)
	if to == wire(to) {
		return seen
	}
	return x.until(t, to, "")
}

// inspectedPort is that of the packets which prove that earlier ones have come.
// Every policy here inspects it, to and from self.
const inspectedPort = 7000

func (x *crossing) follower(from, to string, family int) probe {
	return probe{proto: protoUDP, text: x.text(),
		from: netip.AddrPortFrom(x.address(from, to, family), inspectedPort),
		to:   netip.AddrPortFrom(x.address(to, from, family), inspectedPort)}
}

// address is that of the end in packets that another end sends to it or gets
// from it.
func (x *crossing) address(of, facing string, family int) netip.Addr {
	e := x.ends[of]
	switch {
	case of == atSelf && facing == atSelf:
		return x.ends[atInside].router[family]
	case of == atSelf:
		return x.ends[facing].router[family]
	default:
		return e.host[family]
	}
}
