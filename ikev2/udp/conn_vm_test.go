//go:build vm

package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/kmod"
)

// hub is the peer's address, in a VRF of its own on the same machine.
var hub = netip.MustParseAddr("192.0.2.2")

func TestMain(m *testing.M) {
	loader, err := kmod.Open("/lib/modules")
	if err == nil {
		err = loader.Load(append([]string{"veth", "vrf"}, xfrm.Modules...)...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// join makes two ports with a wire between them.
func join(t *testing.T, one, other string) {
	t.Helper()
	wire := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: one}, PeerName: other}
	if err := netlink.LinkAdd(wire); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(wire) })
}

// newVRF makes a VRF with one port in it.
func newVRF(t *testing.T, name string, table uint32, port string) netlink.Link {
	t.Helper()
	vrf := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: name}, Table: table}
	link, err := netlink.LinkByName(port)
	if err := errors.Join(err, netlink.LinkAdd(vrf), netlink.LinkSetUp(vrf)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(vrf) })
	if err := errors.Join(netlink.LinkSetMaster(link, vrf), netlink.LinkSetUp(link)); err != nil {
		t.Fatal(err)
	}
	return link
}

// carries waits until a port sends: it has its carrier once the other end is up as
// well, and the kernel throws away what is sent until it has noticed.
func carries(t *testing.T, port string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		link, err := netlink.LinkByName(port)
		if err != nil {
			t.Fatal(err)
		}
		if link.Attrs().OperState == netlink.OperUp {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("the link of %s is %s", port, link.Attrs().OperState)
		}
	}
}

func prefix(a netip.Addr) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(24, 32)}}
}

// hubSocket opens the peer's socket, which IPsec policies apply to unless it is
// exempt.
func hubSocket(t *testing.T, exempt bool) *net.UDPConn {
	return peerSocket(t, "isp", netip.AddrPortFrom(hub, 0), exempt)
}

func peerSocket(t *testing.T, vrf string, at netip.AddrPort, exempt bool) *net.UDPConn {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = unix.BindToDevice(int(fd), vrf)
			if exempt {
				err = errors.Join(err, xfrm.BypassSocket(int(fd)))
			}
		}), err)
	}}
	conn, err := config.ListenPacket(t.Context(), "udp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.UDPConn)
}

func TestVRFWhoseAddressComesAndChanges(t *testing.T) {
	join(t, "wan", "core")
	wan, core := newVRF(t, "front", 10, "wan"), newVRF(t, "isp", 20, "core")
	carries(t, "wan")
	carries(t, "core")
	if err := netlink.AddrAdd(core, prefix(hub)); err != nil {
		t.Fatal(err)
	}
	conn := start(t, "front")
	remote := hubSocket(t, true)
	message := bytes.Repeat([]byte{7}, 100)

	packet := Packet{
		Local:  netip.AddrPortFrom(netip.IPv4Unspecified(), Port),
		Remote: remote.LocalAddr().(*net.UDPAddr).AddrPort(),
		Data:   message,
	}
	if err := conn.Send(packet); !errors.Is(err, unix.ENETUNREACH) {
		t.Errorf("send without an address: %v, want ENETUNREACH", err)
	}

	exchange := func(t *testing.T, local netip.Addr) {
		t.Helper()
		for _, port := range []uint16{Port, PortNAT} {
			to := netip.AddrPortFrom(local, port)
			write(t, remote, frame(port, message), to)
			p := <-conn.Packets()
			if p.Local != to || p.Remote.Addr() != hub || !bytes.Equal(p.Data, message) {
				t.Fatalf("packet to %s: local %s, remote %s, %d octets", to, p.Local, p.Remote, len(p.Data))
			}
			if err := conn.Send(p); err != nil {
				t.Fatal(err)
			}
			reply := make([]byte, 200)
			if _, from, err := remote.ReadFromUDPAddrPort(reply); err != nil || from != to {
				t.Errorf("reply from %s, %v; want it from %s", from, err, to)
			}
		}
	}
	for _, last := range []byte{10, 20} {
		local := netip.AddrFrom4([4]byte{192, 0, 2, last})
		t.Run("address "+local.String(), func(t *testing.T) {
			if err := netlink.AddrAdd(wan, prefix(local)); err != nil {
				t.Fatal(err)
			}
			exchange(t, local)
			if last == 20 {
				return
			}
			if err := netlink.AddrDel(wan, prefix(local)); err != nil {
				t.Fatal(err)
			}
			gone := Packet{Local: netip.AddrPortFrom(local, Port), Remote: packet.Remote, Data: message}
			if err := conn.Send(gone); err == nil {
				t.Error("send from an address that is gone succeeds")
			}
		})
	}
	t.Run("IPsec policies for everything", func(t *testing.T) {
		blockEverything(t)
		_, err := hubSocket(t, false).WriteToUDPAddrPort(message, netip.MustParseAddrPort("192.0.2.20:500"))
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("send of a socket that is not exempt: %v, want EPERM", err)
		}
		exchange(t, netip.MustParseAddr("192.0.2.20"))
	})
}

func blockEverything(t *testing.T) {
	t.Helper()
	handle, err := xfrm.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.Close() })
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	for _, dir := range []xfrm.Direction{xfrm.DirectionIn, xfrm.DirectionOut} {
		p := xfrm.Policy{Dir: dir, Src: everywhere, Dst: everywhere, Block: true}
		if err := handle.PutPolicy(p); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := handle.DeletePolicy(p); err != nil {
				t.Error(err)
			}
		})
	}
}
