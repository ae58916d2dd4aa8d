//go:build vm

package firewall

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// protectGRE puts the policies and the two SAs of the lab's tunnel into a
// kernel, as IKE would, but for the window of numbers seen: a packet that its
// processor has no time for is not to be dropped as old when others have gone on.
// With a natPort the ESP is in UDP.
func protectGRE(t testing.TB, ns netns.NsHandle, local, remote string, natPort int) {
	t.Helper()
	demandIPsec(t, ns)
	h := handle(t, ns)
	for _, way := range [][2]string{{local, remote}, {remote, local}} {
		state := &netlink.XfrmState{
			Src: net.ParseIP(way[0]).To4(), Dst: net.ParseIP(way[1]).To4(),
			Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: 1,
			// The SPI and, unfit for any other use, the key follow from the
			// direction, so that both kernels agree.
			Spi:  int(netip.MustParseAddr(way[0]).As4()[3]) + 0x1000,
			Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: make([]byte, 20), ICVLen: 128},
		}
		if natPort != 0 {
			state.Encap = &netlink.XfrmStateEncap{Type: netlink.XFRM_ENCAP_ESPINUDP, SrcPort: natPort, DstPort: natPort, OriginalAddress: net.IPv4zero.To4()}
		}
		check(t, h.XfrmStateAdd(state))
		t.Cleanup(func() { check(t, h.XfrmStateDel(state)) })
	}
}

// demandIPsec puts the policies of the lab's tunnel into a kernel, as IKE does
// before there is an SA.
func demandIPsec(t testing.TB, ns netns.NsHandle) {
	t.Helper()
	h := handle(t, ns)
	everything := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	for _, dir := range []netlink.Dir{netlink.XFRM_DIR_IN, netlink.XFRM_DIR_OUT} {
		policy := &netlink.XfrmPolicy{
			Src: everything, Dst: everything, Proto: netlink.Proto(protoGRE), Dir: dir,
			Tmpls: []netlink.XfrmPolicyTmpl{{Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: 1}},
		}
		check(t, h.XfrmPolicyUpdate(policy))
		t.Cleanup(func() { check(t, h.XfrmPolicyDel(policy)) })
	}
}

// TestProtectedTunnel is TestPackets' tunnel with IKE up.
func TestProtectedTunnel(t *testing.T) {
	for _, test := range []struct {
		name    string
		natPort int
		onWire  protocol
	}{
		{"ESP", 0, protoESP},
		{"ESP in UDP", 4500, protoUDP},
	} {
		t.Run(test.name, func(t *testing.T) {
			oneCPU(t)
			l := newLab(t)
			track(t)
			protectGRE(t, l.spoke, spokeWAN, hubWAN, test.natPort)
			protectGRE(t, l.hub, hubWAN, spokeWAN, test.natPort)
			if test.natPort != 0 {
				decapsulate(t, udp(t, l.spoke, "front", spokeWAN+":4500"))
				decapsulate(t, udp(t, l.hub, "", hubWAN+":4500"))
			}
			inner := udp(t, l.spoke, "", spokeHQ+":9999")
			ike := udp(t, l.spoke, "front", spokeWAN+":500")
			hub := udp(t, l.hub, "", hubWAN+":500")
			hq := udp(t, l.hub, "", hubHQ+":9999")
			host := udp(t, l.lan, "", hostLAN+":4000")
			multicast := udp(t, l.spoke, "hq", spokeHQ+":520")
			check(t, handle(t, l.hub).RouteReplace(&netlink.Route{Dst: subnet(hostLAN), Gw: net.ParseIP(spokeHQ)}))
			l.apply(t, policies...)

			hello := func(text string) []packet {
				t.Helper()
				send(t, ike, hubWAN+":500", text)
				expect(t, hub, text)
				return l.wire.until(t, text)
			}

			send(t, inner, hubHQ+":9999", "question")
			expect(t, hq, "question")
			sent := hello("sent")
			if len(sent) != 1 || sent[0].proto() != test.onWire {
				t.Errorf("on the wire was %v, want one packet of %s", sent, test.onWire)
			}
			send(t, hq, spokeHQ+":9999", "answer")
			expect(t, inner, "answer")

			send(t, host, hubHQ+":9999", "question of a host")
			if from := expect(t, hq, "question of a host"); from.Addr() != netip.MustParseAddr(hostLAN) {
				t.Errorf("the question came from %s, want the host's own address", from)
			}
			send(t, hq, hostLAN+":4000", "answer to a host")
			expect(t, host, "answer to a host")
			hello("forwarded")

			clearGRE(t, l.lan, spokeLAN, datagram(netip.MustParseAddrPort(hubHQ+":9999"), netip.MustParseAddrPort(spokeHQ+":9999"), "forged"))
			send(t, hq, spokeHQ+":9999", "after it")
			expect(t, inner, "after it")

			send(t, multicast, "224.0.0.10:520", "hello")
			if sent := hello("multicast"); len(sent) > 0 {
				t.Errorf("on the wire was %v", sent)
			}
			for name, want := range map[string]uint64{
				"gre-in.clear": 1, "gre-out.clear": 0, "gre-out.multicast": 1,
			} {
				if n := counted(t, name); n != want {
					t.Errorf("counter %s is %d, want %d", name, n, want)
				}
			}
			l.wantClamp(t)
			l.wantPathMTU(t)
		})
	}
}

// wantPathMTU sends more than the tunnel carries and waits for the error, which
// no policy names.
func (l *lab) wantPathMTU(t *testing.T) {
	t.Helper()
	check(t, in(l.lan, func() error {
		conn, err := net.Dial("udp4", hubHQ+":9999")
		if err != nil {
			return err
		}
		defer conn.Close()
		raw := must(conn.(*net.UDPConn).SyscallConn())(t)
		check(t, raw.Control(func(fd uintptr) {
			check(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO))
		}))
		if _, err := conn.Write(make([]byte, 1450)); err != nil {
			return err
		}
		check(t, conn.SetReadDeadline(time.Now().Add(patience)))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, unix.EMSGSIZE) {
			t.Errorf("after a packet that is too long: %v, want message too long", err)
		}
		return nil
	}))
}

// decapsulate hands the ESP that arrives at the socket to the kernel.
func decapsulate(t *testing.T, conn *net.UDPConn) {
	t.Helper()
	raw := must(conn.SyscallConn())(t)
	check(t, raw.Control(func(fd uintptr) {
		check(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_ENCAP, unix.UDP_ENCAP_ESPINUDP))
	}))
}

// wantClamp opens a TCP connection through the tunnel and looks at the segment
// size that each end was told.
func (l *lab) wantClamp(t *testing.T) {
	t.Helper()
	var listener net.Listener
	check(t, in(l.hub, func() (err error) {
		listener, err = net.Listen("tcp4", hubHQ+":80")
		return err
	}))
	defer listener.Close()
	check(t, in(l.lan, func() error {
		client, err := net.DialTimeout("tcp4", hubHQ+":80", patience)
		if err != nil {
			return err
		}
		defer client.Close()
		check(t, listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
		server, err := listener.Accept()
		if err != nil {
			return err
		}
		defer server.Close()
		// The kernel takes off the 12 octets of the timestamps.
		for end, conn := range map[string]net.Conn{"host": client, "hub": server} {
			if mss := segmentSize(t, conn); mss != 1360-12 {
				t.Errorf("the %s sends segments of %d octets, want %d", end, mss, 1360-12)
			}
		}
		return nil
	}))
}

func segmentSize(t *testing.T, conn net.Conn) (mss int) {
	t.Helper()
	raw := must(conn.(*net.TCPConn).SyscallConn())(t)
	check(t, raw.Control(func(fd uintptr) {
		var err error
		mss, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG)
		check(t, err)
	}))
	return mss
}
