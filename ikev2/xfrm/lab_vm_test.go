//go:build vm

package xfrm

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
)

// patience is how long a packet may take in an emulated machine, of which the real
// one may have no time for seconds on end.
const patience = 2 * time.Minute

// node is one router of the lab: a network namespace with an underlay, a GRE
// tunnel over it, and a sniffer on the wire.
type node struct {
	t         *testing.T
	namespace int // file descriptor
	addr      netip.Addr
	vrf       string // of the underlay, empty for none
	xfrm      *Handle
	events    chan Event
	wire      int // packet socket
}

const testReqID = 7

var (
	spokeAddr   = netip.MustParseAddr("192.0.2.1")
	hubAddr     = netip.MustParseAddr("192.0.2.2")
	spokeTunnel = netip.MustParseAddr("10.0.0.1")
	hubTunnel   = netip.MustParseAddr("10.0.0.2")
)

// TestMain loads the modules and then takes the kernel's means to load more, so
// that the tests show Modules to be enough.
func TestMain(m *testing.M) {
	if err := loadModules(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func loadModules() error {
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("\n"), 0); err != nil {
		return err
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	if err := loader.Load(append([]string{"veth", "vrf", "ip_gre"}, Modules...)...); err != nil {
		return err
	}
	for _, name := range CPUModules {
		if err := loader.Load(name); err != nil && !errors.Is(err, unix.ENODEV) {
			return err
		}
	}
	return nil
}

// newLab connects a spoke, whose underlay is in the VRF front, to a hub. There
// are neither SAs nor policies yet.
func newLab(t *testing.T) (spoke, hub *node) {
	t.Helper()
	spoke = &node{t: t, addr: spokeAddr, vrf: "front", namespace: newNamespace(t)}
	hub = &node{t: t, addr: hubAddr, namespace: newNamespace(t)}
	spoke.do(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "wan"}, PeerName: "wan", PeerNamespace: netlink.NsFd(hub.namespace),
		})
	})
	spoke.do(func() error { return joinVRF("wan", spoke.vrf) })
	spoke.configure(spokeTunnel, hubAddr)
	hub.configure(hubTunnel, spokeAddr)
	spoke.carries()
	hub.carries()
	return spoke, hub
}

func newNamespace(t *testing.T) int {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: err}
			return
		}
		// The kernel itself would send IPv6 through the tunnel.
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0); err != nil {
			made <- result{err: err}
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		made <- result{fd, err}
	}()
	r := <-made
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { unix.Close(r.fd) })
	return r.fd
}

// do runs f inside the node.
func (n *node) do(f func() error) {
	n.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(n.namespace, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	if err := <-done; err != nil {
		n.t.Fatal(err)
	}
}

func joinVRF(name, vrf string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	device := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: vrf}, Table: 10}
	if err := netlink.LinkAdd(device); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(device); err != nil {
		return err
	}
	return netlink.LinkSetMaster(link, device)
}

// configure gives the node its addresses, the tunnel, and its netlink sockets.
func (n *node) configure(inner, remote netip.Addr) {
	n.t.Helper()
	n.do(func() error {
		wan, err := netlink.LinkByName("wan")
		if err != nil {
			return err
		}
		if err := bringUp(wan, n.addr); err != nil {
			return err
		}
		under, err := netlink.LinkByName(cmp.Or(n.vrf, "wan"))
		if err != nil {
			return err
		}
		tunnel := &netlink.Gretun{
			LinkAttrs: netlink.LinkAttrs{Name: "gre1"},
			Local:     n.addr.AsSlice(), Remote: remote.AsSlice(),
			IKey: 1, OKey: 1, IFlags: 0x2000, OFlags: 0x2000,
			Link: uint32(under.Attrs().Index), Ttl: 64, PMtuDisc: 1,
		}
		if err := netlink.LinkAdd(tunnel); err != nil {
			return err
		}
		if err := bringUp(tunnel, inner); err != nil {
			return err
		}
		if n.wire, err = sniff(wan.Attrs().Index); err != nil {
			return err
		}
		if n.xfrm, err = Open(); err != nil {
			return err
		}
		return n.listen()
	})
	n.t.Cleanup(func() {
		unix.Close(n.wire)
		n.xfrm.Close()
	})
}

// carries waits until the node's link sends: it has its carrier once the other end is
// up as well, and the kernel throws away what is sent until it has noticed.
func (n *node) carries() {
	n.t.Helper()
	deadline := time.After(patience)
	for {
		var state netlink.LinkOperState
		n.do(func() error {
			wan, err := netlink.LinkByName("wan")
			if err == nil {
				state = wan.Attrs().OperState
			}
			return err
		})
		if state == netlink.OperUp {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			n.t.Fatalf("the link of %s is %s", n.addr, state)
		}
	}
}

func bringUp(link netlink.Link, addr netip.Addr) error {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(link, a); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// listen runs a Monitor until the test ends.
func (n *node) listen() error {
	monitor, err := Listen()
	if err != nil {
		return err
	}
	n.events = make(chan Event, 100)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- monitor.Run(ctx, func(e Event) { n.events <- e }) }()
	n.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, monitor.Close()); err != nil {
			n.t.Errorf("monitor: %v", err)
		}
	})
	return nil
}

// sniff returns a packet socket that sees the IPv4 packets that come in over a
// link.
func sniff(ifindex int) (int, error) {
	const ipv4 = unix.ETH_P_IP>>8 | unix.ETH_P_IP<<8&0xff00 // network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, ipv4)
	if err != nil {
		return -1, err
	}
	timeout := unix.NsecToTimeval(patience.Nanoseconds())
	return fd, errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: ifindex}),
	)
}

// arrived returns how many packets of each IP protocol have come over the wire
// since the last call. A datagram in clear from the other node, not counted,
// marks the end, but it may overtake packets that were sent on another processor:
// so many of a protocol are waited for.
func (n *node) arrived(from *node, protocol byte, least int) map[byte]int {
	n.t.Helper()
	const discard = 9
	mark := from.udp(bindTo(from.vrf), netip.AddrPortFrom(from.addr, 0))
	if _, err := mark.WriteToUDPAddrPort([]byte("mark"), netip.AddrPortFrom(n.addr, discard)); err != nil {
		n.t.Fatal(err)
	}
	counts := map[byte]int{}
	packet := make([]byte, 2048)
	for marked := false; !marked || counts[protocol] < least; {
		size, _, err := unix.Recvfrom(n.wire, packet, 0)
		switch {
		case err != nil:
			n.t.Fatalf("wait for %d packets of protocol %d and the marking datagram: %v; have %v, marked %v", least, protocol, err, counts, marked)
		case size < 24:
		case packet[9] == unix.IPPROTO_UDP && binary.BigEndian.Uint16(packet[22:]) == discard:
			marked = true
		default:
			counts[packet[9]]++
		}
	}
	return counts
}

// statistic returns a counter of /proc/net/xfrm_stat.
func (n *node) statistic(name string) (value int) {
	n.t.Helper()
	n.do(func() error {
		f, err := os.Open("/proc/thread-self/net/xfrm_stat")
		if err != nil {
			return err
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if key, _, _ := strings.Cut(lines.Text(), " "); strings.TrimSpace(key) == name {
				_, err := fmt.Sscan(strings.TrimPrefix(lines.Text(), name), &value)
				return err
			}
		}
		return fmt.Errorf("no counter %s", name)
	})
	return value
}

// udp opens a UDP socket in the node; prepare sees it before it is bound.
func (n *node) udp(prepare func(fd int) error, at netip.AddrPort) *net.UDPConn {
	n.t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = prepare(int(fd)) }), err)
	}}
	var conn net.PacketConn
	n.do(func() (err error) {
		conn, err = config.ListenPacket(n.t.Context(), "udp4", at.String())
		return err
	})
	n.t.Cleanup(func() { conn.Close() })
	return conn.(*net.UDPConn)
}

// bindTo binds a socket to a device, to none if the name is empty.
func bindTo(device string) func(fd int) error {
	return func(fd int) error {
		if device == "" {
			return nil
		}
		return unix.BindToDevice(fd, device)
	}
}

// send puts one datagram into the tunnel.
func (n *node) send(from, to netip.Addr) {
	n.t.Helper()
	conn := n.udp(bindTo(""), netip.AddrPortFrom(from, 0))
	if _, err := conn.WriteToUDPAddrPort([]byte("hello"), netip.AddrPortFrom(to, 7)); err != nil {
		n.t.Fatal(err)
	}
}

// exchange sends a datagram through the tunnel and the answer back.
func exchange(spoke, hub *node) {
	spoke.t.Helper()
	server := hub.udp(bindTo(""), netip.AddrPortFrom(hubTunnel, 7))
	client := spoke.udp(bindTo(""), netip.AddrPortFrom(spokeTunnel, 0))
	defer server.Close()
	defer client.Close()
	deadline := time.Now().Add(patience)
	datagram := make([]byte, 100)
	must := func(err error) {
		spoke.t.Helper()
		if err != nil {
			spoke.t.Fatalf("exchange through the tunnel: %v", err)
		}
	}
	must(server.SetDeadline(deadline))
	must(client.SetDeadline(deadline))
	_, err := client.WriteToUDPAddrPort([]byte("hello"), netip.AddrPortFrom(hubTunnel, 7))
	must(err)
	size, from, err := server.ReadFromUDPAddrPort(datagram)
	must(err)
	_, err = server.WriteToUDPAddrPort(datagram[:size], from)
	must(err)
	_, err = client.Read(datagram)
	must(err)
}

// rises waits until a counter of the node exceeds what it was.
func (n *node) rises(name string, before int) {
	n.t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(20 * time.Millisecond); n.statistic(name) <= before; {
		select {
		case <-tick.C:
		case <-deadline:
			n.t.Fatalf("%s stays at %d", name, before)
		}
	}
}

// next returns the next event of type E.
func next[E Event](n *node) E {
	n.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case event := <-n.events:
			if e, ok := event.(E); ok {
				return e
			}
		case <-deadline:
			n.t.Fatalf("no %T", *new(E))
		}
	}
}
