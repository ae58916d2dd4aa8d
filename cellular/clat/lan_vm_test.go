//go:build vm

package clat

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/breakout"
	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// hostAddress is that of a host behind the box, which has the first of its network.
var hostAddress = netip.MustParsePrefix("192.168.17.10/24")

// addLAN puts a host behind the box, and has its way out kept as a box does, by what
// the CLAT offers as an uplink.
func (n *network) addLAN(state State) (host namespace) {
	n.Helper()
	host = newNamespace(n.T)
	must(n.T, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan1"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(host)}))
	lan := link(n.T, "lan1")
	n.Cleanup(func() { must(n.T, netlink.LinkDel(lan)) })
	must(n.T, addresses("lan1", "192.168.17.1/24"))
	host.do(n.T, func() error {
		if err := addresses("eth0", hostAddress.String()); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Dst: nl.IPNet(netip.MustParsePrefix("0.0.0.0/0")), Gw: net.IPv4(192, 168, 17, 1)})
	})

	var best value.Value[uplink.State]
	best.Set(uplink.State{
		Name: "lte", Link: state.Device, Index: state.Index, VRF: "front", Up: state.Up,
		Address: state.Address, Gateway: state.Gateway, MTU: state.MTU,
	})
	exits := []breakout.Exit{{To: "front", Networks: []breakout.Network{{Link: "lan1", Prefix: hostAddress.Masked()}}}}
	b := breakout.New(exits, map[string]*value.Value[uplink.State]{"front": &best}, slog.New(slog.NewTextHandler(n.Output(), nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	n.Cleanup(func() { cancel(); must(n.T, <-done) })
	eventually(n.T, "the host's way out", func() bool {
		routes, err := netlink.RouteGet(server.AsSlice())
		return err == nil && routes[0].LinkIndex == state.Index
	})
	return host
}

// TestHostOfTheLAN reaches the server behind both translations, with packets that are
// too large for the way as well: it is told so, or they are fragmented for it.
func TestHostOfTheLAN(t *testing.T) {
	n := newNetwork(t, netip.MustParsePrefix("2001:db8:64::/96"))
	n.startDNS("2001:db8:64::192.0.0.170")
	n.echo()
	c, _ := n.startCLAT()
	host := n.addLAN(n.await(c, true))
	open := func(discovery int) (conn net.Conn) {
		host.do(t, func() (err error) {
			conn, err = net.Dial("udp4", netip.AddrPortFrom(server, 7).String())
			return err
		})
		t.Cleanup(func() { conn.Close() })
		control(t, conn, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, discovery) })
		return conn
	}

	t.Run("small", func(t *testing.T) { exchange4(t, open(unix.IP_PMTUDISC_DO), 100) })
	t.Run("told", func(t *testing.T) {
		conn := open(unix.IP_PMTUDISC_DO)
		eventually(t, "a path MTU", func() bool {
			_, _ = conn.Write(pattern(pathMTU(t, conn) - 28))
			return pathMTU(t, conn) == 1480
		})
		wholeReturns(t, conn, 1452)
	})
	t.Run("fragmented", func(t *testing.T) {
		conn := open(unix.IP_PMTUDISC_OMIT)
		exchange4(t, conn, 1472)
		exchange4(t, conn, 3000)
	})
}
