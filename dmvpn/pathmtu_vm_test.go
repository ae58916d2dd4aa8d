//go:build vm

package dmvpn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// TestPathMTU: of two members of one tunnel the one behind a narrow path is sent
// smaller packets, and the other full ones. Who sends too much is told how much
// would fit, to the octet, be it the box or a host behind it.
func TestPathMTU(t *testing.T) {
	for _, test := range []struct {
		underlay string
		inUDP    bool
		// narrow is the largest packet of the tunnel that fits into 1300 octets.
		narrow int
	}{
		{"", false, 1238},
		{"", true, 1230},
		{"front", false, 1238},
		{"front", true, 1230},
	} {
		t.Run(fmt.Sprintf("underlay %q, in UDP %t", test.underlay, test.inUDP), func(t *testing.T) {
			router := newWire(t)
			table := unix.RT_TABLE_MAIN
			if test.underlay == "" {
				leaveVRF(t)
			} else {
				table = defaultRoute(t, "wan", hubWAN, test.underlay)
			}
			// As the owner of the port does.
			wan, err := netlink.LinkByName("wan")
			must(t, err)
			must(t, nl.LearnPathMTU(wan.Attrs().Index, table, spokeWAN))
			t.Cleanup(func() { must(t, nl.LearnPathMTU(wan.Attrs().Index, table, netip.Addr{})) })

			narrow := connect(t, router, "narrow", "198.51.100.254", nbma1, 1300)
			wide := connect(t, router, "wide", "203.0.113.254", public, 1500)
			router.do(forward)
			must(t, forward())
			if test.inUDP {
				socket, err := decapsulate(test.underlay)
				must(t, err)
				t.Cleanup(func() { socket.Close() })
			}
			protectGRE(t, test.inUDP, pair{narrow, spokeWAN, nbma1}, pair{wide, spokeWAN, public})
			d := tunnelDevice()
			d.Underlay = test.underlay
			index := ensure(t, d)
			must(t, Netlink{}.SetNeighbours(index, []Neighbour{{hub1, nbma1}, {hub2, public}}))
			must(t, Netlink{}.SetRoutes(index, "tenant", []Route{{narrowLAN, hub1}, {wideLAN, hub2}}))
			host := branchHost(t)

			for _, member := range []struct {
				far     *farEnd
				address netip.Addr
				lan     netip.Prefix
				mtu     int
			}{{narrow, hub1, narrowLAN, test.narrow}, {wide, hub2, wideLAN, d.MTU}} {
				far := join(t, member.far, member.address, member.lan)
				own, err := dialDF("tenant", member.address)
				must(t, err)
				defer own.Close()
				expectPathMTU(t, own, far, member.mtu)
				var through *net.UDPConn
				host.do(func() (err error) {
					through, err = dialDF("", member.lan.Addr().Next())
					return err
				})
				defer through.Close()
				expectPathMTU(t, through, far, member.mtu)
				expectFragments(t, through, far)
			}
			link, err := netlink.LinkByName("hq")
			must(t, err)
			if mtu := link.Attrs().MTU; mtu != d.MTU {
				t.Errorf("the MTU of the device is %d", mtu)
			}
		})
	}
}

var (
	narrowLAN = netip.MustParsePrefix("10.1.0.0/16")
	wideLAN   = netip.MustParsePrefix("10.2.0.0/16")
)

// udpHeaders are those of IPv4 and UDP, in octets.
const udpHeaders = 28

// expectPathMTU sends packets as large as the sender knows to fit until it has been
// told what the path carries, and then a packet of that size and one of an octet
// more.
func expectPathMTU(t *testing.T, conn, far *net.UDPConn, want int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("a path MTU of %d", want), func() bool {
		_, _ = conn.Write(make([]byte, pathMTU(t, conn)-udpHeaders))
		return pathMTU(t, conn) == want
	})
	write := func(size int, mark byte) error {
		b := make([]byte, size-udpHeaders)
		b[0] = mark
		_, err := conn.Write(b)
		return err
	}
	// What comes of a packet of before is told at the next one.
	waitFor(t, fmt.Sprintf("room for %d", want), func() bool { return write(want, 1) == nil })
	if got := receive(t, far, 1); got != want {
		t.Errorf("of a packet of %d came %d", want, got)
	}
	if err := write(want+1, 2); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("an octet more than %d: %v", want, err)
	}
}

// expectFragments sends a packet that fills the tunnel and may be fragmented, as
// by a host that never hears how much fits.
func expectFragments(t *testing.T, conn, far *net.UDPConn) {
	t.Helper()
	control(t, conn, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	})
	b := make([]byte, 1400-udpHeaders)
	b[0] = 3
	waitFor(t, "no complaint of before", func() bool { _, err := conn.Write(b); return err == nil })
	if got := receive(t, far, 3); got != 1400 {
		t.Errorf("of a packet of 1400 that may be fragmented came %d", got)
	}
}

// receive waits for a datagram that begins with the mark, and returns the size of
// its packet.
func receive(t *testing.T, conn *net.UDPConn, mark byte) int {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 2000)
	for {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("the packet with the mark %d does not come: %v", mark, err)
		}
		if b[0] == mark {
			return n + udpHeaders
		}
	}
}

// forward makes a router of the present network namespace, like the box.
func forward() error {
	for name, value := range map[string]string{"ip_forward": "1", "ip_forward_use_pmtu": "1"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// join makes another member of the cloud, with a LAN of its own, and returns what
// hears datagrams there.
func join(t *testing.T, at *farEnd, address netip.Addr, lan netip.Prefix) (conn *net.UDPConn) {
	t.Helper()
	at.do(func() error {
		index, err := Netlink{}.EnsureDevice(Device{Name: "gre1", Address: netip.PrefixFrom(address, 24), Key: keyZero, MTU: 1400})
		if err != nil {
			return err
		}
		gre, err := netlink.LinkByIndex(index)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(gre, &netlink.Addr{IPNet: nl.IPNet(netip.PrefixFrom(lan.Addr().Next(), 32))}); err != nil {
			return err
		}
		if err := (Netlink{}).SetNeighbours(index, []Neighbour{{spokeAddress, spokeWAN}}); err != nil {
			return err
		}
		if err := (Netlink{}).SetRoutes(index, "", []Route{{ourLAN, spokeAddress}}); err != nil {
			return err
		}
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: discard})
		return err
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

const discard = 9

// ourLAN is behind the box.
var ourLAN = netip.MustParsePrefix("192.168.17.0/24")

// branchHost is a machine behind the box, in the tunnel's VRF.
func branchHost(t *testing.T) *farEnd {
	t.Helper()
	host := newFarEnd(t)
	lan := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(host.namespace)}
	must(t, netlink.LinkAdd(lan))
	t.Cleanup(func() { _ = netlink.LinkDel(lan) })
	_, tenant, err := nl.VRFTable("tenant")
	must(t, err)
	must(t, netlink.LinkSetMasterByIndex(lan, tenant))
	gateway := ourLAN.Addr().Next()
	must(t, addAddress("lan", gateway))
	host.do(func() error {
		if err := addAddress("eth0", gateway.Next()); err != nil {
			return err
		}
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gateway.AsSlice()})
	})
	return host
}

// connect puts a machine behind the router, by a link of the given MTU.
func connect(t *testing.T, router *farEnd, name, gateway string, address netip.Addr, mtu int) *farEnd {
	t.Helper()
	far := newFarEnd(t)
	router.do(func() error {
		link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: mtu}, PeerName: "wan", PeerNamespace: netlink.NsFd(far.namespace), PeerMTU: uint32(mtu)}
		if err := netlink.LinkAdd(link); err != nil {
			return err
		}
		return addAddress(name, netip.MustParseAddr(gateway))
	})
	far.do(func() error {
		if err := addAddress("wan", address); err != nil {
			return err
		}
		wan, err := netlink.LinkByName("wan")
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: wan.Attrs().Index, Gw: net.ParseIP(gateway)})
	})
	return far
}

// defaultRoute adds one to a VRF and returns its table.
func defaultRoute(t *testing.T, link string, via netip.Addr, vrf string) (table int) {
	t.Helper()
	table, _, err := nl.VRFTable(vrf)
	must(t, err)
	l, err := netlink.LinkByName(link)
	must(t, err)
	everything := nl.IPNet(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	must(t, netlink.RouteReplace(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: everything, Gw: via.AsSlice(), Table: table}))
	return table
}

// dialDF returns a socket in a VRF, or none, that forbids fragments.
func dialDF(vrf string, to netip.Addr) (*net.UDPConn, error) {
	dialer := net.Dialer{Control: controlled(func(fd int) error {
		return errors.Join(unix.BindToDevice(fd, vrf), unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO))
	})}
	conn, err := dialer.Dial("udp4", netip.AddrPortFrom(to, discard).String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// pathMTU returns what the kernel knows of a socket's path.
func pathMTU(t *testing.T, conn *net.UDPConn) (mtu int) {
	t.Helper()
	control(t, conn, func(fd int) (err error) {
		mtu, err = unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU)
		return err
	})
	return mtu
}

func control(t *testing.T, conn *net.UDPConn, f func(fd int) error) {
	t.Helper()
	raw, err := conn.SyscallConn()
	must(t, err)
	var failed error
	must(t, raw.Control(func(fd uintptr) { failed = f(int(fd)) }))
	must(t, failed)
}
