// Package carrier is networks behind an emulated modem: a TUN device, by which the
// packets of its connections come to a kernel that routes and translates them as an
// operator's does, and an echo that answers pings, for tests that need no more.
package carrier

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// longestPacket is the longest IP packet.
const longestPacket = 1<<16 - 1

// TUN is a TUN device (Linux, Documentation/networking/tuntap.rst). The kernel
// removes it when it is closed.
type TUN struct {
	file *os.File
}

// Open makes a TUN device in the network namespace of the calling thread, up and
// with the addresses: the first one of each pool that connections have theirs from,
// with the pool's length, so that there is a route to them.
func Open(name string, addresses ...netip.Prefix) (*TUN, error) {
	const node = "/dev/net/tun"
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) // so that Close ends a Read
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
	t := &TUN{os.NewFile(uintptr(fd), node)} // only now can it be polled
	if err := raise(name, addresses); err != nil {
		_ = t.file.Close()
		return nil, fmt.Errorf("set up TUN device %s: %w", name, err)
	}
	return t, nil
}

func raise(name string, addresses []netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		address, err := netlink.ParseAddr(a.String())
		if err != nil {
			return err
		}
		if a.Addr().Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(link, address); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

// Send takes a packet of a modem.
func (t *TUN) Send(packet []byte) {
	_, _ = t.file.Write(packet) // what the kernel does not take is lost
}

// Run gives deliver the packets for modems until ctx ends. Then the device is gone.
func (t *TUN) Run(ctx context.Context, deliver func(packet []byte)) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = t.file.Close()
	})
	defer stop()
	buffer := make([]byte, longestPacket)
	for {
		n, err := t.file.Read(buffer)
		if err != nil {
			if ctx.Err() != nil {
				<-closed // a Read ends before
				return nil
			}
			return fmt.Errorf("read TUN device: %w", err)
		}
		deliver(append([]byte(nil), buffer[:n]...))
	}
}
