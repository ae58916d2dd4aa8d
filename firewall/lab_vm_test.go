//go:build vm

package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The lab is a spoke in the VM's first network namespace between two others:
//
//	lan 192.168.17.10 ── lan0 192.168.17.1 [spoke] wan0 203.0.113.2 ── hub0 203.0.113.1 hub
//	                       front (VRF of wan0), hq 172.16.0.17 ═════ hq 172.16.0.1
//
// The mGRE tunnel hq has key 1 at both ends.
const (
	spokeWAN = "203.0.113.2"
	hubWAN   = "203.0.113.1"
	spokeLAN = "192.168.17.1"
	hostLAN  = "192.168.17.10"
	spokeHQ  = "172.16.0.17"
	hubHQ    = "172.16.0.1"

	frontTable = 100
	tunnelKey  = 1
)

// patience bounds every wait for a packet that must come.
const patience = 100 * time.Second

type lab struct {
	spoke, hub, lan netns.NsHandle
	// wire sees what arrives at hub0.
	wire *capture
}

// labTopology is the spoke's.
func labTopology() Topology {
	return Topology{Members: []Member{
		{Zone: "outside", Link: "wan0", VRF: "front", Underlay: true},
		{Zone: "inside", Link: "lan0"},
		{Zone: "inside", Link: "hq", Tunnel: true, MSS: 1360},
	}}
}

func newLab(t testing.TB) *lab {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := &lab{spoke: must(netns.Get())(t), hub: newHost(t), lan: newHost(t)}

	spoke := handle(t, l.spoke)
	front := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: "front"}, Table: frontTable}
	check(t, spoke.LinkAdd(front))
	check(t, spoke.LinkSetUp(front))
	t.Cleanup(func() { check(t, spoke.LinkDel(front)) })
	l.cable(t, "wan0", l.hub, "hub0")
	l.cable(t, "lan0", l.lan, "eth0")
	wan := link(t, spoke, "wan0")
	check(t, spoke.LinkSetMasterByIndex(wan, front.Index))
	assign(t, spoke, "wan0", spokeWAN)
	assign(t, spoke, "lan0", spokeLAN)
	check(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))

	hub, lan := handle(t, l.hub), handle(t, l.lan)
	assign(t, hub, "hub0", hubWAN)
	assign(t, lan, "eth0", hostLAN)

	// Direct internet access: out of the main table to the provider, and back
	// from the VRF to the LAN.
	route(t, spoke, &netlink.Route{LinkIndex: wan.Attrs().Index, Gw: net.ParseIP(hubWAN), Flags: int(netlink.FLAG_ONLINK)})
	route(t, spoke, l.wayBack(t))
	route(t, lan, &netlink.Route{Gw: net.ParseIP(spokeLAN)})
	route(t, hub, &netlink.Route{Dst: subnet(hostLAN), Gw: net.ParseIP(spokeWAN)})

	tunnel(t, spoke, "wan0", spokeHQ, hubHQ, hubWAN)
	tunnel(t, hub, "hub0", hubHQ, spokeHQ, spokeWAN)
	route(t, hub, &netlink.Route{Dst: &net.IPNet{IP: net.ParseIP("10.17.0.0").To4(), Mask: net.CIDRMask(16, 32)}, Gw: net.ParseIP(spokeHQ)})

	l.wire = newCapture(t, l.hub, "hub0")
	return l
}

// wayBack is the route that lets answers from the VRF reach the LAN.
func (l *lab) wayBack(t testing.TB) *netlink.Route {
	return &netlink.Route{LinkIndex: link(t, handle(t, l.spoke), "lan0").Attrs().Index, Dst: subnet(spokeLAN), Table: frontTable}
}

// apply compiles and puts the policies into the spoke's kernel.
func (l *lab) apply(t testing.TB, policies ...Policy) {
	t.Helper()
	r, err := Compile(Config{Policies: policies}, labTopology())
	if err != nil {
		t.Fatal(err)
	}
	check(t, Netfilter{}.Replace(r))
	if held := must(Netfilter{}.Holds(r))(t); !held {
		t.Fatal("the kernel does not hold the policy")
	}
}

// counted returns how many packets a counter of the spoke's has seen.
func counted(t testing.TB, name string) uint64 {
	t.Helper()
	tally, ok := must(Netfilter{}.Counters())(t)[name]
	if !ok {
		t.Fatalf("there is no counter %s", name)
	}
	return tally.Packets
}

// newHost makes a network namespace that looks for no routers: the spoke is one, and
// its firewall would count the packets.
func newHost(t testing.TB) netns.NsHandle {
	t.Helper()
	home := must(netns.Get())(t)
	defer home.Close()
	host := must(netns.New())(t)
	t.Cleanup(func() { host.Close() })
	err := os.WriteFile("/proc/sys/net/ipv6/conf/default/router_solicitations", []byte("0"), 0o644)
	check(t, errors.Join(err, netns.Set(home)))
	return host
}

// in runs f in a network namespace.
func in(ns netns.NsHandle, f func() error) error {
	result := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}

func handle(t testing.TB, ns netns.NsHandle) *netlink.Handle {
	t.Helper()
	h := must(netlink.NewHandleAt(ns))(t)
	t.Cleanup(h.Close)
	return h
}

// cable connects the spoke to another namespace until the test ends.
func (l *lab) cable(t testing.TB, name string, other netns.NsHandle, peer string) {
	t.Helper()
	l.plug(t, name, other, peer)
	spoke := handle(t, l.spoke)
	t.Cleanup(func() { check(t, spoke.LinkDel(link(t, spoke, name))) })
}

// plug connects the spoke to another namespace and waits until both ends work: of two
// links that see each other the kernel sets one to work later, and drops what is sent
// by it before.
func (l *lab) plug(t testing.TB, name string, other netns.NsHandle, peer string) {
	t.Helper()
	spoke, there := handle(t, l.spoke), handle(t, other)
	check(t, spoke.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: peer, PeerNamespace: netlink.NsFd(other)}))
	check(t, spoke.LinkSetUp(link(t, spoke, name)))
	check(t, there.LinkSetUp(link(t, there, peer)))
	check(t, there.LinkSetUp(link(t, there, "lo")))
	limit := time.Now().Add(patience)
	for _, end := range []struct {
		kernel *netlink.Handle
		name   string
	}{{spoke, name}, {there, peer}} {
		for {
			state := link(t, end.kernel, end.name).Attrs().OperState
			if state == netlink.OperUp {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("link %s is %s, and not up", end.name, state)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func tunnel(t testing.TB, h *netlink.Handle, underlay, local, peer, peerNBMA string) {
	t.Helper()
	gre := &netlink.Gretun{
		LinkAttrs: netlink.LinkAttrs{Name: "hq"}, Link: uint32(link(t, h, underlay).Attrs().Index),
		Local: net.IPv4zero, IKey: tunnelKey, OKey: tunnelKey, Ttl: 64, PMtuDisc: 1,
	}
	check(t, h.LinkAdd(gre))
	t.Cleanup(func() { check(t, h.LinkDel(gre)) })
	check(t, h.LinkSetARPOn(gre))
	check(t, h.LinkSetUp(gre))
	assign(t, h, "hq", local)
	check(t, h.NeighSet(&netlink.Neigh{
		LinkIndex: gre.Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(peer).To4(), LLIPAddr: net.ParseIP(peerNBMA).To4(),
	}))
}

func link(t testing.TB, h *netlink.Handle, name string) netlink.Link {
	t.Helper()
	return must(h.LinkByName(name))(t)
}

func assign(t testing.TB, h *netlink.Handle, name, addr string) {
	t.Helper()
	prefix := subnet(addr)
	prefix.IP = net.ParseIP(addr).To4()
	check(t, h.AddrAdd(link(t, h, name), &netlink.Addr{IPNet: prefix}))
}

func subnet(addr string) *net.IPNet {
	mask := net.CIDRMask(24, 32)
	return &net.IPNet{IP: net.ParseIP(addr).To4().Mask(mask), Mask: mask}
}

func route(t testing.TB, h *netlink.Handle, r *netlink.Route) {
	t.Helper()
	check(t, h.RouteAdd(r))
}

// udp opens a UDP socket, bound to a device if one is named.
func udp(t testing.TB, ns netns.NsHandle, device, local string) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	check(t, in(ns, func() error {
		config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			var err error
			return errors.Join(c.Control(func(fd uintptr) {
				err = unix.BindToDevice(int(fd), device)
			}), err)
		}}
		if device == "" {
			config.Control = nil
		}
		c, err := config.ListenPacket(context.Background(), "udp4", local)
		if err == nil {
			conn = c.(*net.UDPConn)
		}
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send writes the text to an address. A packet that the firewall drops on its
// way out is an error here, which the test sees by its not coming.
func send(t testing.TB, from *net.UDPConn, to, text string) {
	t.Helper()
	_, err := from.WriteToUDPAddrPort([]byte(text), netip.MustParseAddrPort(to))
	if err != nil && !errors.Is(err, unix.EPERM) {
		t.Fatal(err)
	}
}

// expect reads the next datagram, which must be the text, and returns where it
// came from. What was dropped before it is proven not to have come.
func expect(t testing.TB, at *net.UDPConn, text string) netip.AddrPort {
	t.Helper()
	check(t, at.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 2048)
	n, from, err := at.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatalf("waiting for %q: %v", text, err)
	}
	if got := string(buf[:n]); got != text {
		t.Errorf("received %q from %s, want %q", got, from, text)
	}
	return from
}

// capture sees the IPv4 packets that arrive at a device, or those that leave it.
type capture struct {
	fd      int
	leaving bool
}

func newCapture(t testing.TB, ns netns.NsHandle, device string) *capture {
	t.Helper()
	c := &capture{}
	c.open(t, ns, device, unix.ETH_P_IP)
	return c
}

// newTap sees what leaves a device.
func newTap(t testing.TB, ns netns.NsHandle, device string) *capture {
	t.Helper()
	c := &capture{leaving: true}
	// Only who wants everything gets what leaves.
	c.open(t, ns, device, unix.ETH_P_ALL)
	return c
}

func (c *capture) open(t testing.TB, ns netns.NsHandle, device string, protocol uint16) {
	t.Helper()
	check(t, in(ns, func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		c.fd = fd
		i, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		timeout := unix.NsecToTimeval(int64(patience))
		wanted := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, protocol))
		return errors.Join(
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: wanted, Ifindex: i.Index}))
	}))
	t.Cleanup(func() { unix.Close(c.fd) })
}

// until returns the packets that arrive up to the one that carries the text,
// which is not among them.
func (c *capture) until(t *testing.T, text string) []packet {
	t.Helper()
	var seen []packet
	buf := make([]byte, 65536)
	for {
		n, from, err := unix.Recvfrom(c.fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatalf("waiting on the wire for %q: %v; seen: %v", text, err, seen)
		}
		if leaving := from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING; leaving != c.leaving {
			continue
		}
		p := packet(append([]byte(nil), buf[:n]...))
		if p.ends(text) {
			return seen
		}
		seen = append(seen, p)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return v
	}
}
