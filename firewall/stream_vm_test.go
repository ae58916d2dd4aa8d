//go:build vm

package firewall

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The lab's addresses of IPv6, beside those of IPv4.
const (
	spokeWAN6 = "2001:db8:113::2"
	hubWAN6   = "2001:db8:113::1"
	spokeLAN6 = "fd00:17::1"
	hostLAN6  = "fd00:17::10"
)

// streamTopology has the tunnel in a zone of its own.
func streamTopology() Topology {
	return Topology{Members: []Member{
		{Path: []string{"interfaces", "wan"}, Zone: "outside", Link: "wan0", VRF: "front", Underlay: true},
		{Path: []string{"interfaces", "lan"}, Zone: "inside", Link: "lan0"},
		{Path: []string{"tunnels", "hq"}, Zone: "hq", Link: "hq", Tunnel: true, MSS: 1360},
	}}
}

// newStreamLab is the lab with IKE up and IPv6.
func newStreamLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	track(t)
	protectGRE(t, l.spoke, spokeWAN, hubWAN, 0)
	protectGRE(t, l.hub, hubWAN, spokeWAN, 0)
	spoke, hub, lan := handle(t, l.spoke), handle(t, l.hub), handle(t, l.lan)
	check(t, hub.RouteReplace(&netlink.Route{Dst: subnet(hostLAN), Gw: net.ParseIP(spokeHQ)}))

	check(t, os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644))
	assign6(t, spoke, "wan0", spokeWAN6)
	assign6(t, spoke, "lan0", spokeLAN6)
	assign6(t, hub, "hub0", hubWAN6)
	assign6(t, lan, "eth0", hostLAN6)
	route(t, spoke, &netlink.Route{LinkIndex: link(t, spoke, "wan0").Attrs().Index, Dst: subnet6(hubWAN6)})
	route(t, spoke, &netlink.Route{LinkIndex: link(t, spoke, "lan0").Attrs().Index, Dst: subnet6(hostLAN6), Table: frontTable})
	route(t, hub, &netlink.Route{Dst: subnet6(hostLAN6), Gw: net.ParseIP(spokeWAN6)})
	route(t, lan, &netlink.Route{Dst: subnet6(hubWAN6), Gw: net.ParseIP(spokeLAN6)})
	return l
}

func subnet6(addr string) *net.IPNet {
	mask := net.CIDRMask(64, 128)
	return &net.IPNet{IP: net.ParseIP(addr).Mask(mask), Mask: mask}
}

// assign6 gives a link an address that may be used at once.
func assign6(t *testing.T, h *netlink.Handle, name, addr string) {
	t.Helper()
	prefix := subnet6(addr)
	prefix.IP = net.ParseIP(addr)
	check(t, h.AddrAdd(link(t, h, name), &netlink.Addr{IPNet: prefix, Flags: unix.IFA_F_NODAD}))
}

// talker is a UDP socket that is read without waiting.
type talker struct{ fd int }

func newTalker(t *testing.T, ns netns.NsHandle, device, local string) *talker {
	t.Helper()
	k := must(openTalker(ns, device, netip.MustParseAddrPort(local)))(t)
	t.Cleanup(k.close)
	return k
}

func openTalker(ns netns.NsHandle, device string, local netip.AddrPort) (*talker, error) {
	k := &talker{-1}
	err := in(ns, func() (err error) {
		family := unix.AF_INET
		if local.Addr().Is6() {
			family = unix.AF_INET6
		}
		if k.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				k.close()
			}
		}()
		if device != "" {
			if err := unix.BindToDevice(k.fd, device); err != nil {
				return err
			}
		}
		timeout := unix.NsecToTimeval(int64(patience))
		return errors.Join(
			unix.SetsockoptTimeval(k.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
			unix.Bind(k.fd, sockaddr(local)))
	})
	return k, err
}

func (k *talker) close() { unix.Close(k.fd) }

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// say sends a text. That the firewall drops it on its way out is no error.
func (k *talker) say(to netip.AddrPort, text string) error {
	for {
		err := unix.Sendto(k.fd, []byte(text), 0, sockaddr(to))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EPERM):
			return nil
		}
		return err
	}
}

// hear returns the next text and where it came from. With the flag MSG_DONTWAIT
// it is empty if there is none, else that is an error after a while.
func (k *talker) hear(flags int) (string, netip.AddrPort, error) {
	buf := make([]byte, 256)
	for {
		n, from, err := unix.Recvfrom(k.fd, buf, flags)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN) && flags == unix.MSG_DONTWAIT:
			return "", netip.AddrPort{}, nil
		case err != nil:
			return "", netip.AddrPort{}, err
		}
		switch from := from.(type) {
		case *unix.SockaddrInet4:
			return string(buf[:n]), netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port)), nil
		case *unix.SockaddrInet6:
			return string(buf[:n]), netip.AddrPortFrom(netip.AddrFrom16(from.Addr), uint16(from.Port)), nil
		}
	}
}

// leg is one direction of a stream.
type leg struct {
	name     string
	from, to *talker
	dest     netip.AddrPort
	// under are the names of the policies that let it through.
	under string
}

// stream says who talks to whom, and which policies let them.
type stream struct {
	name string
	// from and to are "host", "hub", "self" or "hq"; with a 6 by IPv6.
	from, to string
	// asks and answers are the names of the policies that let the packets of
	// the one who opened the connection through, and those of the other.
	asks, answers string
}

// place is where the ends of streams are.
type place struct {
	ns      netns.NsHandle
	device  string
	address string
}

func (l *lab) places() map[string]place {
	return map[string]place{
		"host":     {l.lan, "", hostLAN},
		"host6":    {l.lan, "", hostLAN6},
		"hub":      {l.hub, "", hubWAN},
		"hub6":     {l.hub, "", hubWAN6},
		"self":     {l.spoke, "front", spokeWAN},
		"hq":       {l.hub, "", hubHQ},
		"self-lan": {l.spoke, "", spokeHQ},
	}
}

// open begins the conversation under a policy that allows it, and returns its
// legs. The answers go to where the question came from.
func (l *lab) open(t *testing.T, s stream, source, port uint16) []leg {
	t.Helper()
	ends := l.places()
	a, b := ends[s.from], ends[s.to]
	to := netip.AddrPortFrom(netip.MustParseAddr(b.address), port)
	asker := newTalker(t, a.ns, a.device, netip.AddrPortFrom(netip.MustParseAddr(a.address), source).String())
	answerer := newTalker(t, b.ns, b.device, to.String())
	check(t, asker.say(to, s.name))
	text, from, err := answerer.hear(0)
	if err != nil || text != s.name {
		t.Fatalf("opening %s: heard %q, %v", s.name, text, err)
	}
	check(t, answerer.say(from, s.name))
	if text, _, err := asker.hear(0); err != nil || text != s.name {
		t.Fatalf("answer of %s: heard %q, %v", s.name, text, err)
	}
	return []leg{
		{"question of " + s.name, asker, answerer, to, s.asks},
		{"answer of " + s.name, answerer, asker, from, s.answers},
	}
}

// round sends one packet by each leg and then the marker there and back. When
// the marker is here, all others were decided: they were sent before it by the
// same CPU, whose queues are first in, first out, and none has a longer way. It
// returns which legs let the number through.
func round(legs, marker []leg, number int) ([]bool, error) {
	text := fmt.Sprint(number)
	for _, one := range legs {
		if err := one.from.say(one.dest, text); err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
	}
	for _, one := range marker {
		if err := one.from.say(one.dest, text); err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
		if got, _, err := one.to.hear(0); err != nil || got != text {
			return nil, fmt.Errorf("%s: want packet %s within %s: heard %q, %v", one.name, text, patience, got, err)
		}
	}
	heard := make([]bool, len(legs))
	for i, one := range legs {
		for {
			got, _, err := one.to.hear(unix.MSG_DONTWAIT)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", one.name, err)
			}
			if got == "" {
				break
			}
			if got != text || heard[i] {
				return nil, fmt.Errorf("%s: packet %s came late or twice, with number %s", one.name, got, text)
			}
			heard[i] = true
		}
	}
	return heard, nil
}

// tcpStream is a TCP connection in which each segment is answered before the
// next is sent. A lost segment is not sent again within patience, see slowRetry.
type tcpStream struct {
	name           string
	client, server net.Conn
}

// slowRetry makes the ends of TCP connections between host and hub wait for long
// before they send a segment again, so that a lost one shows.
func (l *lab) slowRetry(t *testing.T) {
	t.Helper()
	const retry = 120_000 // milliseconds, the kernel's most, and more than patience
	lan, hub := handle(t, l.lan), handle(t, l.hub)
	host := func(addr string) *net.IPNet {
		return &net.IPNet{IP: net.ParseIP(addr).To4(), Mask: net.CIDRMask(32, 32)}
	}
	route(t, lan, &netlink.Route{Dst: host(hubWAN), Gw: net.ParseIP(spokeLAN), RtoMin: retry})
	route(t, hub, &netlink.Route{Dst: host(spokeWAN), LinkIndex: link(t, hub, "hub0").Attrs().Index, RtoMin: retry})
}

func (l *lab) openTCP(t *testing.T, name, address string) *tcpStream {
	t.Helper()
	s := &tcpStream{name: name}
	var listener net.Listener
	check(t, in(l.hub, func() (err error) {
		listener, err = net.Listen("tcp4", address)
		return err
	}))
	defer listener.Close()
	check(t, in(l.lan, func() (err error) {
		s.client, err = net.DialTimeout("tcp4", address, patience)
		return err
	}))
	check(t, listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
	s.server = must(listener.Accept())(t)
	t.Cleanup(func() {
		s.client.Close()
		s.server.Close()
	})
	return s
}

// exchange sends a line each way.
func (s *tcpStream) exchange(line string) error {
	for _, way := range [][2]net.Conn{{s.client, s.server}, {s.server, s.client}} {
		if err := way[1].SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := way[0].Write([]byte(line + "\r\n")); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		buf := make([]byte, 256)
		n, err := way[1].Read(buf)
		if err != nil || string(buf[:n]) != line+"\r\n" {
			return fmt.Errorf("%s: read %q, %v; want %q", s.name, buf[:n], err, line)
		}
	}
	return nil
}
