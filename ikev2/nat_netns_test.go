//go:build netns

package ikev2

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/keepalive"
	"github.com/farspoke/farspoke/ikev2/udp"
)

// namespace is a network namespace, as a file descriptor; the spoke has that of
// the test.
type namespace int

func newNamespace(t *testing.T) namespace {
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
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		made <- result{fd, err}
	}()
	r := <-made
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { unix.Close(r.fd) })
	return namespace(r.fd)
}

// do runs f inside the namespace.
func (n namespace) do(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(int(n), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// address gives a link its address and brings it up.
func address(name, prefix string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(prefix)
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
}

// The silences that the test's NAT is tried by, which forgets after 4 s. A flow
// counts as answered for the kernel if it lives for 2 s.
var hastyTiming = keepalive.Timing{
	Silences: []time.Duration{time.Second, 2 * time.Second, 6 * time.Second},
	Settle:   2200 * time.Millisecond, Patience: 2 * time.Second,
	Begin: 100 * time.Millisecond, Retry: 3 * time.Second, Repeat: time.Hour,
	Default: 20 * time.Second, Least: time.Second, Most: 10 * time.Second,
}

// patience is how long anything may take on a machine that has no time for it.
const patience = 5 * time.Minute

// natted is a spoke behind a NAT of the kernel, and its hub.
type natted struct {
	spoke, hub *box
	router     namespace
	wire       int // packet socket on the spoke's link
}

// newNatted builds
//
//	spoke 100.64.0.9 ── NAT 198.51.100.7 ── hub 203.0.113.1
//
// with a NAT that translates by the given statement of nftables.
func newNatted(t *testing.T, translate string) *natted {
	t.Helper()
	n := &natted{router: newNamespace(t)}
	hub := newNamespace(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	veth := func(name, peer string, to namespace) error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: peer, PeerNamespace: netlink.NsFd(to)})
	}
	must(veth("wan", "inside", n.router))
	t.Cleanup(func() {
		if link, err := netlink.LinkByName("wan"); err == nil {
			netlink.LinkDel(link)
		}
	})
	must(address("wan", "100.64.0.9/24"))
	n.router.do(t, func() error { return veth("outside", "wan", hub) })
	n.router.do(t, func() error {
		for name, value := range map[string]string{
			"ipv4/ip_forward": "1", "netfilter/nf_conntrack_udp_timeout": "3", "netfilter/nf_conntrack_udp_timeout_stream": "4",
		} {
			if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
				return err
			}
		}
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader("table ip nat { chain post { type nat hook postrouting priority srcnat; oifname outside " + translate + "; }; }")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		return errors.Join(address("inside", "100.64.0.1/24"), address("outside", "198.51.100.7/24"), address("outside", "203.0.113.254/24"))
	})
	hub.do(t, func() error {
		return errors.Join(address("wan", "203.0.113.1/24"), route("198.51.100.0/24", "203.0.113.254"))
	})
	must(route("0.0.0.0/0", "100.64.0.1"))
	link, err := netlink.LinkByName("wan")
	must(err)
	n.wire, err = sniff(link.Attrs().Index)
	must(err)
	t.Cleanup(func() { unix.Close(n.wire) })

	// The questions come faster than in earnest, so the hub's time runs faster too,
	// or half-open IKE SAs would make it ask for cookies.
	n.hub = realBox(t, hubAddr, 30, func(open func() error) { hub.do(t, open) })
	n.spoke = realBox(t, spokeAddr, 1, func(open func() error) { must(open()) })
	return n
}

func route(to, gateway string) error {
	_, dst, err := net.ParseCIDR(to)
	return errors.Join(err, netlink.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(gateway)}))
}

// sniff returns a packet socket that sees what leaves by a link: only one for all
// protocols does.
func sniff(ifindex int) (int, error) {
	const all = unix.ETH_P_ALL << 8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, all)
	if err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifindex})
}

// realBox is a box with sockets of the kernel, whose SAs are fakes, and a clock of
// the given speed. It is protected by a profile that says little.
func realBox(t *testing.T, addr netip.Addr, speed time.Duration, within func(func() error)) *box {
	t.Helper()
	l := &lab{t: t, started: time.Now()}
	b := l.box(addr)
	var socket *udp.Conn
	within(func() (err error) {
		socket, err = udp.Open("", nil, nil)
		return err
	})
	t.Cleanup(func() { socket.Close() })
	engine, err := New("", Config{"hq": quiet()}, Deps{
		Kernel: b.kernel, Monitor: b.monitor, Uplink: &b.uplink, Checkpoint: b.memory,
		Log:    slog.New(slog.NewTextHandler(t.Output(), nil)).With("box", addr),
		Listen: func() (Socket, error) { return socket, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.timing = hastyTiming
	engine.sinceBoot = func() time.Duration { return time.Hour + speed*time.Since(l.started) }
	b.engine = engine
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-engine.restored
	return b
}

// learned waits until a search is over.
func (n *natted) learned(t *testing.T) TranslatorStatus {
	t.Helper()
	n.hub.admit(publicAddr)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, err := n.spoke.protect(ctx, hubAddr); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	n.spoke.seenAs(publicAddr)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if status := n.spoke.engine.Status().NAT; len(status) == 1 && (status[0].Search == keepalive.SearchDone || status[0].Search == keepalive.SearchOpaque) {
			return status[0]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nothing is learned: %+v", n.spoke.engine.Status())
		}
	}
}

// datagram is what the spoke sent.
type datagram struct {
	from, to netip.AddrPort
	data     []byte
}

// sent returns the UDP datagrams that have left the spoke since the last call.
func (n *natted) sent(t *testing.T) (all []datagram) {
	t.Helper()
	packet := make([]byte, 4096)
	for {
		size, _, err := unix.Recvfrom(n.wire, packet, 0)
		if errors.Is(err, unix.EAGAIN) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		ip := packet[:size]
		if size < 28 || ip[0] != 0x45 || ip[9] != unix.IPPROTO_UDP || netip.AddrFrom4([4]byte(ip[12:])) != spokeAddr {
			continue
		}
		port := func(at int) uint16 { return binary.BigEndian.Uint16(ip[at:]) }
		all = append(all, datagram{
			from: netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), port(20)),
			to:   netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:])), port(22)),
			data: append([]byte(nil), ip[28:]...),
		})
	}
}

func TestTimeoutOfARealNAT(t *testing.T) {
	n := newNatted(t, "snat to 198.51.100.7 random")
	got := n.learned(t)
	// A machine that is late by seconds proves less, and never more.
	if got.Died == 0 || got.Lived > 2*time.Second || got.Interval > 1500*time.Millisecond || got.Questions > 8 {
		t.Errorf("learned of a NAT that forgets after 4 s: %+v", got)
	}
	t.Logf("learned %s to %s by %d questions: every %s", got.Lived, got.Died, got.Questions, got.Interval)

	// From now on nothing but keepalives leaves, from the port of the IKE SA.
	n.sent(t)
	for tick, limit := time.NewTicker(50*time.Millisecond), time.After(patience); ; {
		for _, d := range n.sent(t) {
			if d.from.Port() != udp.PortNAT || d.to != netip.AddrPortFrom(hubAddr, udp.PortNAT) || len(d.data) != 1 || d.data[0] != 0xff {
				t.Errorf("%d octets from %s to %s: %x", len(d.data), d.from, d.to, d.data)
			}
			if n.spoke.engine.Status().NAT[0].Keepalives >= got.Keepalives+3 {
				return
			}
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("no three keepalives: %+v", n.spoke.engine.Status().NAT)
		}
	}
}

func TestRealNATThatKeepsItsPorts(t *testing.T) {
	n := newNatted(t, "snat to 198.51.100.7")
	got := n.learned(t)
	if got.Search != keepalive.SearchOpaque || got.Interval != hastyTiming.Default {
		t.Errorf("learned: %+v", got)
	}
}
