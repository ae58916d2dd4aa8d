//go:build vm

package dmvpn

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

const (
	eigrp = 88
	ospf  = 89
	pim   = 103
)

// groups are where routing protocols say hello.
var groups = map[int]netip.Addr{
	eigrp:            netip.MustParseAddr("224.0.0.10"),
	ospf:             netip.MustParseAddr("224.0.0.5"),
	pim:              netip.MustParseAddr("224.0.0.13"),
	unix.IPPROTO_UDP: netip.MustParseAddr("224.0.0.9"), // RIP
}

// TestReplicationByKernel: what routing protocols say on the tunnel comes out of
// the hub's tunnel, once and whole, nothing of it in clear; and what the hub says
// comes to who joined the group here.
func TestReplicationByKernel(t *testing.T) {
	for _, place := range []struct{ underlay, vrf string }{{"front", "tenant"}, {"", ""}} {
		t.Run(fmt.Sprintf("underlay %q, VRF %q", place.underlay, place.vrf), func(t *testing.T) {
			far := newWire(t)
			if place.underlay == "" {
				leaveVRF(t)
			} else {
				// By it the group has a way out.
				defaultRoute(t, "wan", hubWAN, place.underlay)
			}
			h := startHub(t, far)
			protectGRE(t, false, pair{far, spokeWAN, hubWAN})
			cfg := testConfig()
			cfg.Underlay, cfg.VRF, cfg.Key = place.underlay, place.vrf, keyZero
			cfg.NHRP.Servers[0].NBMA, cfg.NHRP.Servers[0].Multicast = hubWAN.String(), true
			d := tunnelDevice()
			d.Underlay, d.VRF = place.underlay, place.vrf
			index := ensure(t, d)
			tunnel, _ := runTunnel(t, cfg, depsOf(t, h, place.underlay, spokeWAN))
			waitFor(t, "registration", func() bool { return tunnel.Status().Servers[0].State == Registered })

			cleartext := sniffGRE(t, far)
			rip := listenGroup(t, far, groups[unix.IPPROTO_UDP])
			expect := sniffTunnel(t, far, "gre1")
			for _, protocol := range []int{eigrp, ospf, pim} {
				must(t, announce(t, "hq", protocol, groups[protocol]))
				expect(fmt.Sprintf("%d from 172.16.100.17 to %s", protocol, groups[protocol]))
			}
			must(t, datagram(t, "hq", groups[unix.IPPROTO_UDP], "routes"))
			expect("17 from 172.16.100.17 to 224.0.0.9 routes")
			// The kernel hands over no datagram whose checksum is wrong.
			must(t, rip.SetReadDeadline(time.Now().Add(patience)))
			b := make([]byte, 100)
			if n, _, err := rip.ReadFrom(b); err != nil || string(b[:n]) != "routes" {
				t.Errorf("the hub received %q, %v", b[:n], err)
			}
			must(t, datagram(t, "hq", hub1, "the end"))
			expect("17 from 172.16.100.17 to 172.16.100.1 the end")
			if to := cleartext(time.Second); to.IsValid() {
				t.Errorf("GRE left in clear to %s", to)
			}
			// A copy is counted a moment after it was sent.
			waitFor(t, "replication", func() bool { return tunnel.Status().Multicast.Replicated >= 4 })
			if got, want := tunnel.Status().Multicast, (MulticastCounters{Replicated: 4}); got != want {
				t.Errorf("counted %+v, want %+v", got, want)
			}

			for _, protocol := range []int{eigrp, ospf, pim} {
				heard := joinGroup(t, index, protocol, groups[protocol])
				theHub.send(far, protocol, groups[protocol], make([]byte, 44))
				if from := heard(); from != hub1 {
					t.Errorf("protocol %d is heard from %v", protocol, from)
				}
			}
		})
	}
}

const ripPort = 520

// announce sends a packet of a routing protocol, as far as addressing goes, on
// the tunnel.
func announce(t *testing.T, device string, protocol int, to netip.Addr) error {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.BindToDevice(fd, device))
	return unix.Sendto(fd, make([]byte, 44), 0, &unix.SockaddrInet4{Addr: to.As4()})
}

// datagram sends text in UDP on the tunnel, or in its VRF.
func datagram(t *testing.T, device string, to netip.Addr, text string) error {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.BindToDevice(fd, device))
	return unix.Sendto(fd, []byte(text), 0, &unix.SockaddrInet4{Addr: to.As4(), Port: ripPort})
}

// sniffTunnel returns a function that fails the test unless the next packet out of a
// hub's tunnel is the given one. Of two packets that are on their way at a time
// either may be the first to come: each processor has its own.
func sniffTunnel(t *testing.T, far *farEnd, device string) func(want string) {
	t.Helper()
	var conn *packet.Conn
	far.do(func() error {
		gre, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		conn, err = packet.Listen(gre, packet.Datagram, unix.ETH_P_IP, nil)
		return err
	})
	t.Cleanup(func() { conn.Close() })
	return func(want string) {
		t.Helper()
		must(t, conn.SetReadDeadline(time.Now().Add(patience)))
		b := make([]byte, 2000)
		for {
			n, _, err := conn.ReadFrom(b)
			if err != nil {
				t.Fatalf("out of %s does not come %q: %v", device, want, err)
			}
			header := int(b[0]&0xf) * 4
			from, to := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
			text := ""
			switch b[9] {
			case unix.IPPROTO_UDP:
				text = " " + string(b[header+8:n])
			case unix.IPPROTO_IGMP:
				continue // joins groups as it pleases
			}
			if got := fmt.Sprintf("%d from %s to %s%s", b[9], from, to, text); got != want {
				t.Fatalf("out of %s comes %q, want %q", device, got, want)
			}
			return
		}
	}
}

// listenGroup joins a group on the hub's tunnel.
func listenGroup(t *testing.T, far *farEnd, group netip.Addr) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	far.do(func() error {
		gre, err := net.InterfaceByName("gre1")
		if err != nil {
			return err
		}
		conn, err = net.ListenMulticastUDP("udp4", gre, &net.UDPAddr{IP: group.AsSlice(), Port: ripPort})
		return err
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// joinGroup joins a group on our tunnel and returns a function that waits for a
// packet of the protocol and returns where it is from.
func joinGroup(t *testing.T, index, protocol int, group netip.Addr) func() netip.Addr {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	must(t, unix.BindToDevice(fd, "hq"))
	must(t, unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(index)}))
	timeout := unix.NsecToTimeval(int64(patience))
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
	return func() netip.Addr {
		t.Helper()
		b := make([]byte, 2000)
		for {
			n, _, err := unix.Recvfrom(fd, b, 0)
			if err == unix.EINTR {
				continue
			}
			must(t, err)
			if n >= 20 && netip.AddrFrom4([4]byte(b[16:20])) == group {
				return netip.AddrFrom4([4]byte(b[12:16]))
			}
		}
	}
}

// send sends an IPv4 packet to the spoke, as hubs send multicast: in GRE to its
// address.
func (c cloudHub) send(far *farEnd, protocol int, to netip.Addr, payload []byte) {
	b := make([]byte, 20, 20+len(payload))
	b[0], b[8], b[9] = 0x45, 1, byte(protocol)
	binary.BigEndian.PutUint16(b[2:], uint16(cap(b)))
	copy(b[12:], hub1.AsSlice())
	copy(b[16:], to.AsSlice())
	sum := uint32(0)
	for pair := range slices.Chunk(b, 2) {
		sum += uint32(binary.BigEndian.Uint16(pair))
	}
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	far.do(func() error {
		gre, err := net.InterfaceByName(c.device)
		if err != nil {
			return err
		}
		conn, err := packet.Listen(gre, packet.Datagram, unix.ETH_P_IP, nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.WriteTo(append(b, payload...), &packet.Addr{HardwareAddr: c.spoke.AsSlice()})
		return err
	})
}
