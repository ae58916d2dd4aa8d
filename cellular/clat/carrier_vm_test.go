//go:build vm

package clat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/nl"
)

// The box is the VM's first network namespace. The carrier has nothing but IPv6
// towards it, a NAT64 of another make, tayga, and a name server, dnsmasq:
//
//	box [VRF front] wwan0 ─IPv6→ cell [carrier] nat64 (tayga) ─IPv4→ core ─→ eth0 [server]
const (
	poolNetwork = "192.168.255.0/24" // from which tayga takes addresses for us
	nameServer  = "2001:db8:5::53"
)

var (
	ownAddress = netip.MustParsePrefix("2001:db8:5::10/64")
	server     = netip.MustParseAddr("198.51.100.7")
)

// namespace is a network namespace, by file descriptor.
type namespace int

func newNamespace(t *testing.T) (n namespace) {
	t.Helper()
	must(t, onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		for name, value := range map[string]string{
			"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv6/conf/default/accept_dad": "0",
		} {
			if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0); err != nil {
				return err
			}
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		n = namespace(fd)
		return err
	}))
	t.Cleanup(func() { unix.Close(int(n)) })
	return n
}

// do runs f inside of the namespace.
func (n namespace) do(t *testing.T, f func() error) {
	t.Helper()
	must(t, onThread(func() error {
		if err := unix.Setns(int(n), unix.CLONE_NEWNET); err != nil {
			return err
		}
		return f()
	}))
}

// onThread runs f on a thread that ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

// network is all there is around the box.
type network struct {
	*testing.T
	carrier, server namespace
	table           int
}

// newNetwork builds it, with a NAT64 of the prefix, and a firewall on the box. No name
// server is there, nor has a router said anything.
func newNetwork(t *testing.T, prefix netip.Prefix) *network {
	t.Helper()
	n := &network{T: t, carrier: newNamespace(t), server: newNamespace(t)}
	must(t, nl.EnsureVRFs([]string{"front"}))
	t.Cleanup(func() { must(t, nl.EnsureVRFs(nil)) })
	table, master, err := nl.VRFTable("front")
	must(t, err)
	n.table = table

	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wwan0"}, PeerName: "cell", PeerNamespace: netlink.NsFd(n.carrier)}))
	wwan := link(t, "wwan0")
	t.Cleanup(func() { must(t, netlink.LinkDel(wwan)) })
	must(t, netlink.LinkSetMasterByIndex(wwan, master))
	must(t, addresses("wwan0", ownAddress.String(), "fe80::10/64"))
	must(t, netlink.RouteAdd(&netlink.Route{
		Table: table, LinkIndex: wwan.Attrs().Index, Dst: nl.IPNet(netip.PrefixFrom(netip.IPv6Unspecified(), 0)), Gw: net.ParseIP("fe80::1"),
	}))

	n.carrier.do(t, func() error {
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "core"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(n.server)}); err != nil {
			return err
		}
		if err := addresses("cell", "fe80::1/64", "2001:db8:5::1/64", nameServer+"/64"); err != nil {
			return err
		}
		return addresses("core", "198.51.100.1/24")
	})
	n.server.do(t, func() error {
		if err := addresses("eth0", server.String()+"/24"); err != nil {
			return err
		}
		pool := nl.IPNet(netip.MustParsePrefix(poolNetwork))
		return netlink.RouteAdd(&netlink.Route{Dst: pool, Gw: net.IPv4(198, 51, 100, 1)})
	})
	n.startNAT64(prefix)
	n.raiseFirewall("wwan0")
	return n
}

// raiseFirewall lets the box itself and its LAN out, by what a branch's policy would
// name, and nothing in. The CLAT's device is over the link of the name.
func (n *network) raiseFirewall(over string) {
	n.Helper()
	rules, err := firewall.Compile(firewall.Config{Policies: []firewall.Policy{
		{From: firewall.Self, To: "outside", Inspect: []string{"dns", "icmp", "udp/7", "tcp/7"}},
		{From: "inside", To: "outside", Inspect: []string{"udp/7", "tcp/7"}, NAT: firewall.NATMasquerade},
	}}, firewall.Topology{Members: []firewall.Member{
		{Zone: "outside", Link: "wwan0", VRF: "front", Underlay: true},
		{Zone: "outside", Link: "clat", VRF: "front", Underlay: true, Over: over},
		{Zone: "inside", Link: "lan1"},
	}})
	must(n.T, err)
	must(n.T, firewall.Netfilter{}.Replace(rules))
}

// addresses gives a link of this namespace addresses and sets it up.
func addresses(name string, all ...string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return err
	}
	for _, text := range all {
		address := &netlink.Addr{IPNet: nl.IPNet(netip.MustParsePrefix(text))}
		if netip.MustParsePrefix(text).Addr().Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrReplace(l, address); err != nil {
			return fmt.Errorf("%s on %s: %w", text, name, err)
		}
	}
	return nil
}

func link(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	return l
}

// start runs one of the carrier's programs until the test ends.
func (n *network) start(program string, args ...string) {
	n.Helper()
	c := &exec.Cmd{
		Path: program, Args: append([]string{program}, args...), Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Chroot: carrierRoot}, Stdout: n.Output(), Stderr: n.Output(),
	}
	n.carrier.do(n.T, c.Start)
	n.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	})
}

// startNAT64 starts tayga and leads the prefix and its pool into its device.
func (n *network) startNAT64(prefix netip.Prefix) {
	n.Helper()
	text := fmt.Sprintf("tun-device nat64\nipv4-addr 192.168.255.1\nipv6-addr 2001:db8:6::1\nprefix %v\ndynamic-pool %s\n", prefix, poolNetwork)
	must(n.T, os.WriteFile(carrierRoot+"/etc/tayga.conf", []byte(text), 0o644))
	n.start("/usr/sbin/tayga", "-d", "-n", "--config", "/etc/tayga.conf")
	var device netlink.Link
	eventually(n.T, "the device of tayga", func() (ok bool) {
		n.carrier.do(n.T, func() (err error) {
			device, err = netlink.LinkByName("nat64")
			ok = err == nil
			return nil
		})
		return ok
	})
	n.carrier.do(n.T, func() error {
		if err := netlink.LinkSetUp(device); err != nil {
			return err
		}
		for _, into := range []netip.Prefix{prefix, netip.MustParsePrefix(poolNetwork)} {
			if err := netlink.RouteAdd(&netlink.Route{LinkIndex: device.Attrs().Index, Dst: nl.IPNet(into)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// startDNS starts dnsmasq, which knows ipv4only.arpa. by those addresses, and waits
// until it answers.
func (n *network) startDNS(known ...string) {
	n.Helper()
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--group=root", "--pid-file=", "--log-facility=-", "--log-queries",
		"--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=" + nameServer, "--local-ttl=300", "--local=/arpa/",
	}
	for _, a := range known {
		args = append(args, "--host-record=ipv4only.arpa,"+a)
	}
	n.start("/usr/sbin/dnsmasq", args...)
	eventually(n.T, "an answer of dnsmasq", func() bool {
		ctx, cancel := context.WithTimeout(n.Context(), patience)
		defer cancel()
		_, err := linux{}.Ask(ctx, Underlay{VRF: "front"}, netip.MustParseAddr(nameServer))
		return err == nil
	})
}

// echo answers UDP and TCP at port 7 of the server.
func (n *network) echo() {
	n.Helper()
	at := netip.AddrPortFrom(server, 7).String()
	var packets net.PacketConn
	var streams net.Listener
	n.server.do(n.T, func() (err error) {
		if packets, err = net.ListenPacket("udp4", at); err != nil {
			return err
		}
		streams, err = net.Listen("tcp4", at)
		return err
	})
	n.Cleanup(func() { packets.Close(); streams.Close() })
	go func() {
		b := make([]byte, maxPacket)
		for {
			size, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(b[:size], from)
		}
	}()
	go func() {
		for {
			conn, err := streams.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
}

// router is the carrier's, towards the box, by a raw socket of its kernel.
func (n *network) router() *ipv6.PacketConn {
	n.Helper()
	var conn net.PacketConn
	n.carrier.do(n.T, func() (err error) {
		conn, err = net.ListenPacket("ip6:ipv6-icmp", "fe80::1%cell")
		return err
	})
	n.Cleanup(func() { conn.Close() })
	p := ipv6.NewPacketConn(conn)
	must(n.T, p.SetMulticastHopLimit(255))
	n.carrier.do(n.T, func() error {
		cell, err := net.InterfaceByName("cell")
		if err != nil {
			return err
		}
		return p.SetMulticastInterface(cell)
	})
	return p
}

// advertise sends a Router Advertisement with a PREF64 option for 2001:db8:64::/64.
// The carrier's kernel makes the checksum.
func (n *network) advertise(router *ipv6.PacketConn, seconds int) {
	n.Helper()
	const code64 = 1
	lifetime := seconds/8<<3 | code64
	message := []byte{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0}
	message = append(message, 38, 2, byte(lifetime>>8), byte(lifetime), 0x20, 0x01, 0x0d, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0)
	_, err := router.WriteTo(message, nil, &net.IPAddr{IP: net.ParseIP("ff02::1"), Zone: "cell"})
	must(n.T, err)
}

// mtu sets that of one of the carrier's links.
func (n *network) mtu(name string, size int) {
	n.Helper()
	n.carrier.do(n.T, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.LinkSetMTU(l, size)
	})
}

// pattern returns octets that are not all alike.
func pattern(size int) []byte { return bytes.Repeat([]byte("farspoke "), size/9+1)[:size] }
