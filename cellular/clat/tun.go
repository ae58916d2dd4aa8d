package clat

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tun is a TUN device of this process (Linux Documentation/networking/tuntap.rst). The
// kernel removes it, and all addresses and routes with it, when its file is closed.
type tun struct {
	*os.File
	link netlink.Link
	// underlay is the index of the link where the kernel answers for proxied.
	underlay int
	proxied  netip.Addr
	// out is the IPv4 default route.
	out netlink.Route
}

// openTUN makes a device of the name, which must be free.
func openTUN(name string) (*tun, error) {
	const node = "/dev/net/tun"
	// Not blocking, so that Close ends a Read.
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", node, err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_TUN_EXCL)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make TUN device %s: %w", name, err)
	}
	// Only now can the file be polled.
	t := &tun{File: os.NewFile(uintptr(fd), node)}
	if t.link, err = netlink.LinkByName(name); err != nil {
		_ = t.File.Close()
		return nil, fmt.Errorf("find TUN device %s: %w", name, err)
	}
	return t, nil
}

// Index implements device.
func (t *tun) Index() int { return t.link.Attrs().Index }

// SetMetric implements device. The other route is there before the first one goes.
func (t *tun) SetMetric(metric int) error {
	next := t.out
	next.Priority = metric
	if err := netlink.RouteAdd(&next); err != nil {
		return fmt.Errorf("add route %v: %w", next, err)
	}
	before := t.out
	t.out = next
	if err := netlink.RouteDel(&before); err != nil {
		return fmt.Errorf("remove route %v: %w", before, err)
	}
	return nil
}

// Close implements device.
func (t *tun) Close() error {
	// It is gone already if the underlay is, and was never there if the set-up failed.
	_ = netlink.NeighDel(proxy(t.underlay, t.proxied))
	return t.File.Close()
}
