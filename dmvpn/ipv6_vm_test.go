//go:build vm

package dmvpn

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
	"github.com/farspoke/farspoke/internal/nl"
)

// TestIPv6 has IPv6 in a tunnel over IPv4: registration, a shortcut to another
// spoke on the hub's word, and packets over it.
func TestIPv6(t *testing.T) {
	ours := netip.MustParsePrefix("2001:db8:100::17/64")
	hubInner, otherInner := netip.MustParsePrefix("2001:db8:100::1/64"), netip.MustParsePrefix("2001:db8:100::18/64")
	everywhere, otherLAN := netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001:db8:2::/48")

	router := newWire(t)
	defaultRoute(t, "wan", hubWAN, "front")
	router.do(forward)
	far := connect(t, router, "other", "198.51.100.254", nbma1, 1500)
	protectGRE(t, false, pair{router, spokeWAN, hubWAN}, pair{far, spokeWAN, nbma1})
	at := cloudHub{device: "gre1", key: keyZero, nbma: hubWAN, spoke: spokeWAN, secret: "cloud", inner: hubInner, member: ours.Addr()}
	h := startHubOf(t, router, at)
	at.nbma, at.inner = nbma1, otherInner
	other := startHubOf(t, far, at)
	has := func(prefix netip.Prefix) func(*nhrp.Packet) *nhrp.Packet {
		return func(p *nhrp.Packet) *nhrp.Packet {
			reply := *p
			reply.Type = nhrp.ResolutionReply
			reply.CIEs = []nhrp.CIE{{PrefixLen: uint8(prefix.Bits()), HoldingTime: 600, NBMA: nbma1, Protocol: otherInner.Addr()}}
			return &reply
		}
	}
	h.resolve, other.resolve = has(otherLAN), has(netip.PrefixFrom(otherInner.Addr(), 128))

	cfg := testConfig()
	cfg.Address, cfg.VRF, cfg.Key, cfg.Routes = ours, "tenant", keyZero, []netip.Prefix{everywhere}
	cfg.NHRP.Servers = []Server{{Address: hubInner.Addr(), NBMA: hubWAN.String()}}
	cfg.NHRP.Shortcut = true
	must(t, cfg.Validate())
	d := tunnelDevice()
	d.Address, d.Solicit = ours, true
	index := ensure(t, d)
	tunnel, _ := runTunnel(t, cfg, depsOf(t, h, "front", spokeWAN))
	waitFor(t, "registration", func() bool { return tunnel.Status().Servers[0].State == Registered })

	redirect(t, router, hubInner.Addr(), ours.Addr(), otherLAN.Addr().Next())
	direct := Route{otherLAN, otherInner.Addr()}
	waitFor(t, "the shortcut", func() bool { return slices.Contains(routesOf(t, index), direct) })
	if got, want := neighboursOf(t, index), (Neighbour{otherInner.Addr(), nbma1}); !slices.Contains(got, want) {
		t.Errorf("neighbours %v, want %v among them", got, want)
	}
	if got := routesOf(t, index); !slices.Contains(got, Route{everywhere, hubInner.Addr()}) {
		t.Errorf("routes %v", got)
	}

	var inbound net.PacketConn
	far.do(func() error {
		gre, err := netlink.LinkByName("gre1")
		if err != nil {
			return err
		}
		a := &netlink.Addr{IPNet: nl.IPNet(netip.PrefixFrom(otherLAN.Addr().Next(), 128)), Flags: unix.IFA_F_NODAD}
		if err := netlink.AddrAdd(gre, a); err != nil {
			return err
		}
		inbound, err = net.ListenPacket("udp6", netip.AddrPortFrom(otherLAN.Addr().Next(), discard).String())
		return err
	})
	defer inbound.Close()
	dialer := net.Dialer{Control: controlled(func(fd int) error { return unix.BindToDevice(fd, "tenant") })}
	conn, err := dialer.Dial("udp6", netip.AddrPortFrom(otherLAN.Addr().Next(), discard).String())
	must(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("question"))
	must(t, err)
	b := make([]byte, 100)
	must(t, inbound.SetReadDeadline(time.Now().Add(patience)))
	n, from, err := inbound.ReadFrom(b)
	if err != nil || string(b[:n]) != "question" {
		t.Fatalf("the other spoke received %q, %v", b[:n], err)
	}
	_, err = inbound.WriteTo([]byte("answer"), from)
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if n, err := conn.Read(b); err != nil || string(b[:n]) != "answer" {
		t.Errorf("of the answer came %q, %v", b[:n], err)
	}

	// There is no multicast: the kernel has no link layer address for a group.
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ospf)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.BindToDevice(fd, "hq"))
	if err := unix.Sendto(fd, make([]byte, 44), 0, &unix.SockaddrInet6{Addr: netip.MustParseAddr("ff02::5").As16(), ZoneId: uint32(index)}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("multicast of IPv6: %v", err)
	}
}

// redirect has the hub tell us that there is a shorter way to dst.
func redirect(t *testing.T, at *farEnd, hub, us, dst netip.Addr) {
	t.Helper()
	header := make([]byte, 40)
	header[0] = 6 << 4
	copy(header[8:], us.AsSlice())
	copy(header[24:], dst.AsSlice())
	p := &nhrp.Packet{
		Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv6, Hops: 1, Type: nhrp.TrafficIndication,
		SrcNBMA: hubWAN, SrcProtocol: hub, DstProtocol: us, Payload: header,
		Extensions: []nhrp.Extension{nhrp.NewAuthentication("cloud")},
	}
	b, err := p.Marshal()
	must(t, err)
	at.do(func() error {
		gre, err := netlink.LinkByName("gre1")
		if err != nil {
			return err
		}
		link, err := Netlink{}.Listen(gre.Attrs().Index)
		if err != nil {
			return err
		}
		return errors.Join(link.Send(spokeWAN, b), link.Close())
	})
}
