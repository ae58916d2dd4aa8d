//go:build vm

package dmvpn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// pair is two ends of the underlay that IPsec protects GRE between: an address of
// this machine and one of another end.
type pair struct {
	far         *farEnd
	here, there netip.Addr
}

// encapPort is where ESP in UDP goes.
const encapPort = 4500

// protectGRE has all GRE to and from the pairs go through IPsec until the test
// ends, and no other GRE at all: in ESP, or in ESP in UDP if told so, for which
// this machine must decapsulate too. The keys are fit for nothing else.
func protectGRE(t *testing.T, inUDP bool, pairs ...pair) {
	t.Helper()
	here, err := netlink.NewHandle(unix.NETLINK_XFRM)
	must(t, err)
	demandESP(t, here)
	ends := make(map[*farEnd]*netlink.Handle)
	for i, p := range pairs {
		there := ends[p.far]
		if there == nil {
			there, err = netlink.NewHandleAt(netns.NsHandle(p.far.namespace), unix.NETLINK_XFRM)
			must(t, err)
			demandESP(t, there)
			ends[p.far] = there
			if inUDP {
				p.far.do(func() error {
					socket, err := decapsulate("")
					if err == nil {
						t.Cleanup(func() { socket.Close() })
					}
					return err
				})
			}
		}
		for j, way := range [][2]netip.Addr{{p.here, p.there}, {p.there, p.here}} {
			state := &netlink.XfrmState{
				Src: way[0].AsSlice(), Dst: way[1].AsSlice(), Spi: 0x1000 + 2*i + j,
				Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: 7, ReplayWindow: 32,
				Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: make([]byte, 20), ICVLen: 128},
			}
			if inUDP {
				state.Encap = &netlink.XfrmStateEncap{Type: netlink.XFRM_ENCAP_ESPINUDP, SrcPort: encapPort, DstPort: encapPort, OriginalAddress: net.IPv4zero.To4()}
			}
			for _, h := range []*netlink.Handle{here, there} {
				must(t, h.XfrmStateAdd(state))
				t.Cleanup(func() { must(t, h.XfrmStateDel(state)) })
			}
		}
	}
}

// demandESP puts the policies into a kernel.
func demandESP(t *testing.T, h *netlink.Handle) {
	t.Helper()
	t.Cleanup(h.Close)
	everything := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	for _, dir := range []netlink.Dir{netlink.XFRM_DIR_IN, netlink.XFRM_DIR_OUT} {
		policy := &netlink.XfrmPolicy{
			Src: everything, Dst: everything, Proto: unix.IPPROTO_GRE, Dir: dir,
			Tmpls: []netlink.XfrmPolicyTmpl{{Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: 7}},
		}
		must(t, h.XfrmPolicyAdd(policy))
		t.Cleanup(func() { must(t, h.XfrmPolicyDel(policy)) })
	}
}

// decapsulate opens the socket by which the kernel takes ESP out of UDP, bound to
// a VRF if one is named.
func decapsulate(vrf string) (io.Closer, error) {
	config := net.ListenConfig{Control: controlled(func(fd int) error {
		return errors.Join(unix.BindToDevice(fd, vrf), unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_ENCAP, unix.UDP_ENCAP_ESPINUDP))
	})}
	return config.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), encapPort).String())
}

// controlled makes of f what package net calls with a new socket.
func controlled(f func(fd int) error) func(_, _ string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		return errors.Join(c.Control(func(fd uintptr) { failed = f(int(fd)) }), failed)
	}
}
