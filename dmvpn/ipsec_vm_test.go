//go:build vm

package dmvpn

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// protectGRE has all GRE between this machine and the far end go through IPsec,
// with keys that are fit for nothing else, until the test ends. peers are pairs of
// our address and theirs.
func protectGRE(t *testing.T, far *farEnd, peers ...[2]netip.Addr) {
	t.Helper()
	here, err := netlink.NewHandle(unix.NETLINK_XFRM)
	must(t, err)
	there, err := netlink.NewHandleAt(netns.NsHandle(far.namespace), unix.NETLINK_XFRM)
	must(t, err)
	for _, h := range []*netlink.Handle{here, there} {
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
		for i, peer := range peers {
			for j, way := range [][2]netip.Addr{peer, {peer[1], peer[0]}} {
				state := &netlink.XfrmState{
					Src: way[0].AsSlice(), Dst: way[1].AsSlice(), Spi: 0x1000 + 2*i + j,
					Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: 7, ReplayWindow: 32,
					Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: make([]byte, 20), ICVLen: 128},
				}
				must(t, h.XfrmStateAdd(state))
				t.Cleanup(func() { must(t, h.XfrmStateDel(state)) })
			}
		}
	}
}
