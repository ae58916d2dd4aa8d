//go:build vm

package clat

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/nl"
)

// startCLAT runs a CLAT over wwan0 and returns what ends it.
func (n *network) startCLAT() (c *CLAT, stop func()) {
	n.Helper()
	wwan := link(n.T, "wwan0").Attrs()
	c, err := New(Underlay{
		Link: wwan.Name, Index: wwan.Index, VRF: "front", Address6: ownAddress, MTU: wwan.MTU,
		DNS: []netip.Addr{netip.MustParseAddr(nameServer)}, Device: "clat", Address4: netip.MustParseAddr("192.0.0.1"), Metric: 200,
	}, slog.New(slog.NewTextHandler(n.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})))
	must(n.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cancel()
			must(n.T, <-done)
		}
	}
	n.Cleanup(stop)
	return c, stop
}

// await waits until the CLAT is up, or down, and returns what it offers.
func (n *network) await(c *CLAT, up bool) State {
	n.Helper()
	end := time.After(limit)
	for {
		state, changed := c.State().Load()
		if state.Up == up {
			return state
		}
		select {
		case <-changed:
		case <-end:
			n.Fatalf("it stays so: %+v", state)
		}
	}
}

// dial opens a connection to the server's echo in the VRF front.
func dial(t *testing.T, network string) net.Conn {
	t.Helper()
	dialer := net.Dialer{Control: bindTo("front"), Timeout: limit}
	conn, err := dialer.DialContext(t.Context(), network, netip.AddrPortFrom(server, 7).String())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(limit)))
	return conn
}

// control calls f with the socket of a connection.
func control(t *testing.T, conn net.Conn, f func(fd int) error) {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	must(t, err)
	must(t, errors.Join(raw.Control(func(fd uintptr) { err = f(int(fd)) }), err))
}

// TestThroughANAT64OfAnotherMake finds the prefix by the carrier's DNS and exchanges
// packets of all kinds with a server of IPv4.
func TestThroughANAT64OfAnotherMake(t *testing.T) {
	n := newNetwork(t, netip.MustParsePrefix("2001:db8:64::/96"))
	n.startDNS("2001:db8:64::192.0.0.170")
	n.echo()
	c, stop := n.startCLAT()
	state := n.await(c, true)
	if want := link(t, "clat").Attrs().Index; state.Index != want || state.MTU != 1480 || state.NAT64.String() != "2001:db8:64::/96" {
		t.Errorf("the state is %+v", state)
	}

	t.Run("UDP", func(t *testing.T) {
		conn := dial(t, "udp4")
		for _, size := range []int{1, 100, 1452} {
			exchange4(t, conn, size)
		}
		if got := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr(); got != state.Address.Addr() {
			t.Errorf("packets come from %v", got)
		}
	})
	t.Run("UDP without a checksum", func(t *testing.T) {
		conn := dial(t, "udp4")
		control(t, conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) })
		exchange4(t, conn, 1000) // as ESP in UDP is
	})
	t.Run("UDP in fragments", func(t *testing.T) {
		conn := dial(t, "udp4")
		control(t, conn, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
		})
		for _, size := range []int{1453, 3000, 9000} {
			exchange4(t, conn, size)
		}
	})
	t.Run("TCP", func(t *testing.T) {
		conn := dial(t, "tcp4")
		sent := pattern(300_000)
		go func() {
			_, _ = conn.Write(sent)
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		got, err := io.ReadAll(conn)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("of %d octets %d came back, %v", len(sent), len(got), err)
		}
	})
	t.Run("ping", func(t *testing.T) {
		ping(t, 64)
		ping(t, 1240) // tayga puts larger replies into fragments
	})
	t.Run("time exceeded", func(t *testing.T) { expire(t) })
	t.Run("port unreachable", func(t *testing.T) {
		dialer := net.Dialer{Control: bindTo("front")}
		closed, err := dialer.DialContext(t.Context(), "udp4", netip.AddrPortFrom(server, 53).String())
		must(t, err)
		defer closed.Close()
		insist(t, "what is said of a closed port", closed, func() bool {
			_, err := closed.Write([]byte("?"))
			if err == nil {
				_, err = closed.Read(make([]byte, 1))
			}
			return errors.Is(err, unix.ECONNREFUSED)
		})
	})
	c.SetMetric(1200)
	eventually(t, "another metric", func() bool { return slices.Equal(n.defaultMetrics(), []int{1200}) })
	exchange4(t, dial(t, "udp4"), 100)
	if got := c.Counters(); got.Out == 0 || got.In == 0 {
		t.Errorf("counted are %+v", got)
	}
	stop()
	n.wantNothingLeft()

	// The next one is known by the same address.
	c, _ = n.startCLAT()
	if next := n.await(c, true); next.Address6 != state.Address6 {
		t.Errorf("after a restart the state is %+v", next)
	}
	exchange4(t, dial(t, "udp4"), 100)
}

// defaultMetrics returns the metrics of the VRF's IPv4 default routes by the CLAT.
func (n *network) defaultMetrics() (all []int) {
	n.Helper()
	routes, err := nl.List(func() ([]netlink.Route, error) {
		by := &netlink.Route{Table: n.table, LinkIndex: link(n.T, "clat").Attrs().Index}
		return netlink.RouteListFiltered(unix.AF_INET, by, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
	})
	must(n.T, err)
	for _, r := range routes {
		if nl.Destination(r).Bits() == 0 {
			all = append(all, r.Priority)
		}
	}
	return all
}

// wantNothingLeft checks that all is gone which the CLAT made.
func (n *network) wantNothingLeft() {
	n.Helper()
	if l, err := netlink.LinkByName("clat"); err == nil {
		n.Errorf("the device is there: %+v", l.Attrs())
	}
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: n.table, Protocol: nl.ProtocolUplink}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
	})
	must(n.T, err)
	for _, r := range routes {
		if r.Type != unix.RTN_UNREACHABLE {
			n.Errorf("there is a route %v", r)
		}
	}
	proxies, err := nl.List(func() ([]netlink.Neigh, error) {
		return netlink.NeighProxyList(link(n.T, "wwan0").Attrs().Index, unix.AF_INET6)
	})
	must(n.T, err)
	if len(proxies) != 0 {
		n.Errorf("the kernel answers for %v", proxies)
	}
}

// insist asks over conn until what is waited for is there; for each answer there is a
// second. Nobody promises that a packet gets through: a neighbour may have to be looked
// for anew, or there was too much to say of errors.
func insist(t *testing.T, what string, conn interface{ SetReadDeadline(time.Time) error }, ask func() bool) {
	t.Helper()
	eventually(t, what, func() bool {
		must(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
		return ask()
	})
}

// exchange4 sends so many octets until they come back. Of those that were too large
// for the way back the server hears so, and sends smaller packets then.
func exchange4(t *testing.T, conn net.Conn, size int) {
	t.Helper()
	sent, b := pattern(size), make([]byte, maxPacket)
	insist(t, "an answer", conn, func() bool {
		_, err := conn.Write(sent)
		must(t, err)
		got, err := conn.Read(b)
		return err == nil && bytes.Equal(b[:got], sent)
	})
}

// wholeReturns sends so many octets until they come back, whatever was said of packets
// before.
func wholeReturns(t *testing.T, conn net.Conn, size int) {
	t.Helper()
	b := make([]byte, maxPacket)
	insist(t, "an answer", conn, func() bool {
		if _, err := conn.Write(pattern(size)); err != nil {
			return false
		}
		got, err := conn.Read(b)
		return err == nil && got == size
	})
}

// rawICMP opens a socket for ICMP in the VRF front.
func rawICMP(t *testing.T) net.PacketConn {
	t.Helper()
	config := net.ListenConfig{Control: bindTo("front")}
	conn, err := config.ListenPacket(t.Context(), "ip4:icmp", "192.0.0.1")
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ping sends echo requests of so many octets of ICMP until there is a reply.
func ping(t *testing.T, size int) {
	t.Helper()
	conn := rawICMP(t)
	message := append([]byte{8, 0, 0, 0, 0x12, 0x34, 0, byte(size)}, pattern(size-8)...)
	binary.BigEndian.PutUint16(message[2:], ^onesComplement(message))
	b := make([]byte, maxPacket)
	insist(t, "a reply", conn, func() bool {
		_, err := conn.WriteTo(message, &net.IPAddr{IP: server.AsSlice()})
		must(t, err)
		for {
			got, from, err := conn.ReadFrom(b)
			if err != nil {
				return false
			}
			if b[0] == 0 && bytes.Equal(b[4:got], message[4:]) && onesComplement(b[:got]) == 0xffff {
				if from.String() != server.String() {
					t.Errorf("the reply is from %v", from)
				}
				return true
			}
		}
	})
}

// onesComplement is the sum of RFC 1071.
func onesComplement(b []byte) uint16 {
	total := 0
	for i, octet := range b {
		total += int(octet) << (8 * (1 - i%2))
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// expire sends packets that do not get far, and waits for what the router says where
// each ends: the box itself is the first, the carrier's is the second. Neither has an
// address of IPv4.
func expire(t *testing.T) {
	t.Helper()
	heard := rawICMP(t)
	conn := dial(t, "udp4")
	for ttl := 1; ttl <= 2; ttl++ {
		control(t, conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl) })
		size := 100 + ttl // by which it is told from others
		b := make([]byte, maxPacket)
		insist(t, "what is said of a packet that does not get far", heard, func() bool {
			_, err := conn.Write(pattern(size))
			must(t, err)
			for {
				got, from, err := heard.ReadFrom(b)
				if err != nil {
					return false
				}
				if got < 8+28 || b[0] != 11 || int(binary.BigEndian.Uint16(b[8+2:])) != 28+size {
					continue
				}
				if from.String() != gateway.String() || [4]byte(b[8+16:]) != server.As4() {
					t.Errorf("at %d hops %v says %x", ttl, from, b[:got])
				}
				return true
			}
		})
	}
}

// TestPathMTU: whatever is narrow on the way, the sender learns what fits, to the
// octet, and who lets packets be fragmented need not.
func TestPathMTU(t *testing.T) {
	for name, test := range map[string]struct {
		link string
		want int
	}{
		// The carrier's kernel says so in IPv6: 1400 less 20.
		"in IPv6": {"nat64", 1380},
		// It says so in IPv4, and tayga translates that.
		"in IPv4": {"core", 1400},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, netip.MustParsePrefix("2001:db8:64::/96"))
			n.startDNS("2001:db8:64::192.0.0.170")
			n.echo()
			n.mtu(test.link, 1400)
			c, _ := n.startCLAT()
			n.await(c, true)
			conn := dial(t, "udp4")
			control(t, conn, func(fd int) error {
				return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
			})
			if got := pathMTU(t, conn); got != 1480 {
				t.Errorf("at first the path MTU is %d", got)
			}
			eventually(t, "a path MTU", func() bool {
				_, _ = conn.Write(pattern(pathMTU(t, conn) - 28))
				return pathMTU(t, conn) == test.want
			})
			wholeReturns(t, conn, test.want-28)
			if _, err := conn.Write(pattern(test.want - 27)); !errors.Is(err, unix.EMSGSIZE) {
				t.Errorf("an octet more: %v", err)
			}
		})
	}
}

// TestFirewallKnowsWhatIsOver: the firewall takes what the CLAT makes for transit
// between providers unless it is told what the device is.
func TestFirewallKnowsWhatIsOver(t *testing.T) {
	n := newNetwork(t, netip.MustParsePrefix("2001:db8:64::/96"))
	n.startDNS("2001:db8:64::192.0.0.170")
	n.echo()
	n.raiseFirewall("")
	c, _ := n.startCLAT()
	n.await(c, true)
	conn := dial(t, "udp4")
	eventually(t, "a packet that is dropped", func() bool {
		_, _ = conn.Write([]byte("?"))
		counters, err := firewall.Netfilter{}.Counters()
		must(t, err)
		return counters["forward.transit"].Packets > 0
	})
	n.raiseFirewall("wwan0")
	exchange4(t, conn, 100)
}

// TestSmallestMTU: over an underlay that carries no more than IPv6 must, IPv4 has 1260
// octets, and the device still has IPv6.
func TestSmallestMTU(t *testing.T) {
	n := newNetwork(t, netip.MustParsePrefix("2001:db8:64::/96"))
	n.startDNS("2001:db8:64::192.0.0.170")
	n.echo()
	must(t, netlink.LinkSetMTU(link(t, "wwan0"), 1280))
	n.mtu("cell", 1280)
	c, _ := n.startCLAT()
	if state := n.await(c, true); state.MTU != 1260 {
		t.Errorf("the state is %+v", state)
	}
	conn := dial(t, "udp4")
	exchange4(t, conn, 1232)
	exchange4(t, conn, 3000) // in fragments
}

// pathMTU returns what the kernel knows to fit.
func pathMTU(t *testing.T, conn net.Conn) (mtu int) {
	t.Helper()
	control(t, conn, func(fd int) (err error) {
		mtu, err = unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU)
		return err
	})
	return mtu
}

// TestRouterKnowsThePrefix: routers are asked, what they advertise is used, and when
// they take it back nothing is left.
func TestRouterKnowsThePrefix(t *testing.T) {
	n := newNetwork(t, netip.MustParsePrefix("2001:db8:64::/64"))
	n.echo()
	router := n.router()
	must(t, router.SetReadDeadline(time.Now().Add(limit)))
	c, _ := n.startCLAT()
	for b := make([]byte, 100); ; {
		_, _, from, err := router.ReadFrom(b)
		must(t, err)
		if b[0] == 133 {
			if got := from.(*net.IPAddr).IP.String(); got != "fe80::10" {
				t.Errorf("routers are asked by %v", from)
			}
			break
		}
	}
	n.advertise(router, 1800)
	if state := n.await(c, true); state.NAT64.String() != "2001:db8:64::/64" {
		t.Errorf("the state is %+v", state)
	}
	exchange4(t, dial(t, "udp4"), 100)
	n.advertise(router, 0)
	n.await(c, false)
	eventually(t, "the end of the device", func() bool {
		_, err := os.Stat("/sys/class/net/clat")
		return errors.Is(err, os.ErrNotExist)
	})
	n.wantNothingLeft()
}
