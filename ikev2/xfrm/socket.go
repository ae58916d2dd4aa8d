package xfrm

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// BypassSocket lets everything that the socket sends or receives pass in clear,
// whatever policies there are: IKE must not wait for the SAs that it is to make.
func BypassSocket(fd int) error {
	for _, dir := range []Direction{DirectionIn, DirectionOut} {
		everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		p := Policy{Dir: dir, Src: everything, Dst: everything}
		if err := unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_XFRM_POLICY, string(pack(p.info()))); err != nil {
			return fmt.Errorf("exempt socket from IPsec, direction %s (is the module xfrm_user there?): %w", dir, err)
		}
	}
	return nil
}
