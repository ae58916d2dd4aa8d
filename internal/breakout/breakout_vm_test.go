//go:build vm

package breakout

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// patience bounds every wait for what must come.
const patience = 2 * time.Minute

// The box is the VM's first network namespace:
//
//	host 192.168.17.10 ── lan1 192.168.17.1 [box] wan, wan2 ── provider, with the server 203.0.113.80
//
// wan and wan2 are in the VRF front; the provider knows no way to the LAN.
var (
	server = netip.MustParseAddrPort("203.0.113.80:7")
	lan    = netip.MustParsePrefix("192.168.17.0/24")
)

// site is the box with all that is around it.
type site struct {
	*testing.T
	host, provider netns.NsHandle
	uplink         value.Value[uplink.State]
}

// newSite returns the site with its LAN in a VRF, or in the main table.
func newSite(t *testing.T, vrf string) *site {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home := must(netns.Get())(t)
	s := &site{T: t, host: must(netns.New())(t), provider: must(netns.New())(t)}
	check(t, netns.Set(home))
	t.Cleanup(func() { s.host.Close(); s.provider.Close(); home.Close() })
	check(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))
	check(t, nl.EnsureVRFs([]string{"front", "tenant"}))
	t.Cleanup(func() { check(t, nl.EnsureVRFs(nil)) })

	cable(t, "lan1", s.host, "eth0")
	if vrf != "" {
		_, tenant, err := nl.VRFTable(vrf)
		check(t, err)
		check(t, netlink.LinkSetMasterByIndex(link(t, "lan1"), tenant))
	}
	for _, name := range []string{"wan", "wan2"} {
		cable(t, name, s.provider, name)
		_, front, err := nl.VRFTable("front")
		check(t, err)
		check(t, netlink.LinkSetMasterByIndex(link(t, name), front))
	}
	check(t, address("lan1", "192.168.17.1/24"))
	s.in(s.host, func() error {
		return errors.Join(address("eth0", "192.168.17.10/24"), netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(192, 168, 17, 1)}))
	})
	s.in(s.provider, func() error {
		return errors.Join(
			address("wan", "198.51.100.1/24"),
			address("wan", "198.51.100.254/24"),
			address("wan2", "192.0.2.1/24"),
			address("lo", server.Addr().String()+"/32"),
		)
	})

	members := []firewall.Member{{Zone: "inside", Link: "lan1", VRF: vrf}, {Zone: "inside", Link: "hq", VRF: vrf, Tunnel: true}}
	for _, name := range []string{"wan", "wan2"} {
		members = append(members, firewall.Member{Zone: "outside", Link: name, VRF: "front", Underlay: true})
	}
	rules, err := firewall.Compile(
		firewall.Config{Policies: []firewall.Policy{{From: "inside", To: "outside", Inspect: []string{"udp"}, NAT: firewall.NATMasquerade}}},
		firewall.Topology{Members: members})
	check(t, err)
	check(t, firewall.Netfilter{}.Replace(rules))
	return s
}

// run runs a Breakout and returns what stops it.
func (s *site) run(exits ...Exit) (stop func()) {
	b := New(exits, map[string]*value.Value[uplink.State]{"front": &s.uplink}, slog.New(slog.NewTextHandler(s.Output(), nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Run(ctx); err != nil {
			s.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	s.Cleanup(stop)
	return stop
}

// up gives an uplink an address, and in the VRF the default route that its
// component would have put there.
func (s *site) up(name, own, gateway string) {
	s.Helper()
	check(s.T, address(name, own))
	table, _, err := nl.VRFTable("front")
	check(s.T, err)
	check(s.T, netlink.RouteReplace(&netlink.Route{
		Table: table, Gw: net.ParseIP(gateway), LinkIndex: link(s.T, name).Attrs().Index, Priority: 100,
	}))
	s.uplink.Set(uplink.State{Name: name, Link: name, VRF: "front", Up: true, Address: netip.MustParsePrefix(own), Gateway: netip.MustParseAddr(gateway)})
}

// down takes the address of an uplink, and so all routes through it.
func (s *site) down(name, own string) {
	s.Helper()
	check(s.T, netlink.AddrDel(link(s.T, name), must(netlink.ParseAddr(own))(s.T)))
	s.uplink.Set(uplink.State{})
}

// exchange has the host ask the server until it hears the answer, and returns where
// the server saw the question come from.
func (s *site) exchange() netip.Addr {
	s.Helper()
	return s.ask(server)
}

// ask is exchange with a server under one of the provider's addresses.
func (s *site) ask(server netip.AddrPort) netip.Addr {
	s.Helper()
	var asked net.PacketConn
	s.in(s.provider, func() (err error) {
		asked, err = net.ListenPacket("udp", server.String())
		return err
	})
	defer asked.Close()
	var conn net.Conn
	s.in(s.host, func() (err error) {
		conn, err = net.Dial("udp", server.String())
		return err
	})
	defer conn.Close()
	b := make([]byte, 100)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err := conn.Write([]byte("question")); !refused(err) {
			check(s.T, err)
		}
		check(s.T, asked.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		_, from, err := asked.ReadFrom(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		check(s.T, err)
		_, err = asked.WriteTo([]byte("answer"), from)
		check(s.T, err)
		check(s.T, conn.SetReadDeadline(time.Now().Add(time.Second)))
		if n, err := conn.Read(b); err == nil && string(b[:n]) == "answer" {
			return from.(*net.UDPAddr).AddrPort().Addr()
		}
	}
	s.Fatalf("the host does not hear from the server; routes are %q", ours(s.T))
	return netip.Addr{}
}

// refused reports whether the box told the host that there is no way.
func refused(err error) bool {
	return errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.ECONNREFUSED)
}

// await waits until the routes that bear our mark are those.
func (s *site) await(what string, want ...string) {
	s.Helper()
	slices.Sort(want)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got := ours(s.T)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("%s: routes are\n%q\nwant\n%q", what, got, want)
		}
	}
}

// ours returns the routes that bear our mark, as "table destination via gateway dev
// link", sorted.
func ours(t *testing.T) []string {
	t.Helper()
	routes, err := nl.List(func() ([]netlink.Route, error) {
		mark := &netlink.Route{Protocol: nl.ProtocolBreakout, Table: unix.RT_TABLE_UNSPEC}
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, mark, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	})
	check(t, err)
	names := map[int]string{unix.RT_TABLE_MAIN: "main"}
	for _, vrf := range []string{"front", "tenant"} {
		table, _, err := nl.VRFTable(vrf)
		check(t, err)
		names[table] = vrf
	}
	var all []string
	for _, r := range routes {
		text := names[r.Table] + " " + nl.Destination(r).String()
		if r.Gw != nil {
			text += " via " + r.Gw.String()
		}
		at, err := netlink.LinkByIndex(r.LinkIndex)
		check(t, err)
		all = append(all, text+" dev "+at.Attrs().Name)
	}
	slices.Sort(all)
	return all
}

const wayBack = "front 192.168.17.0/24 dev lan1"

// TestHostReachesServer: a host of the LAN asks a server beyond the provider, by
// whatever uplink and address the box has at the moment.
func TestHostReachesServer(t *testing.T) {
	s := newSite(t, "")
	s.run(Exit{To: "front", Networks: []Network{{"lan1", lan}}})
	s.await("no uplink", wayBack)

	s.up("wan", "198.51.100.10/24", "198.51.100.1")
	if from := s.exchange(); from != netip.MustParseAddr("198.51.100.10") {
		t.Errorf("the server is asked by %s", from)
	}
	s.down("wan", "198.51.100.10/24")
	s.await("the uplink is gone", wayBack)
	s.up("wan", "198.51.100.20/24", "198.51.100.254")
	if from := s.exchange(); from != netip.MustParseAddr("198.51.100.20") {
		t.Errorf("under another address the server is asked by %s", from)
	}
	s.await("another gateway", wayBack, "main 0.0.0.0/0 via 198.51.100.254 dev wan")

	// The kernel drops all routes through a link that goes down.
	check(t, netlink.LinkSetDown(link(t, "lan1")))
	s.await("the LAN is gone", "main 0.0.0.0/0 via 198.51.100.254 dev wan")
	check(t, netlink.LinkSetUp(link(t, "lan1")))
	s.await("the LAN is back", wayBack, "main 0.0.0.0/0 via 198.51.100.254 dev wan")
	s.exchange()
}

// TestTenantReachesServer: the LAN is in a VRF of its own.
func TestTenantReachesServer(t *testing.T) {
	s := newSite(t, "tenant")
	s.run(Exit{From: "tenant", To: "front", Networks: []Network{{"lan1", lan}}})
	s.up("wan", "198.51.100.10/24", "198.51.100.1")
	if from := s.exchange(); from != netip.MustParseAddr("198.51.100.10") {
		t.Errorf("the server is asked by %s", from)
	}
	s.await("an uplink", wayBack, "tenant 0.0.0.0/0 via 198.51.100.1 dev wan")
}

// TestTunnelComesFirst: what a tunnel offers comes first. A host that goes on sending
// when the tunnel is gone is heard by the server under the box's address.
func TestTunnelComesFirst(t *testing.T) {
	s := newSite(t, "")
	s.up("wan", "198.51.100.10/24", "198.51.100.1")
	// The tunnel leads to the provider too, where the server hears hosts under their
	// own addresses.
	cable(t, "hq", s.provider, "hq")
	tunnel := &netlink.Route{
		Dst: nl.IPNet(netip.MustParsePrefix("0.0.0.0/0")), LinkIndex: link(t, "hq").Attrs().Index, Gw: net.IPv4(172, 16, 0, 1),
		Priority: 100, Protocol: nl.ProtocolTunnel,
	}
	check(t, address("hq", "172.16.0.17/24"))
	s.in(s.provider, func() error { return address("hq", "172.16.0.1/24") })
	check(t, netlink.RouteAdd(tunnel))
	s.run(Exit{To: "front", Networks: []Network{{"lan1", lan}}})
	s.await("an uplink", wayBack, "main 0.0.0.0/0 via 198.51.100.1 dev wan")

	var asked net.PacketConn
	s.in(s.provider, func() (err error) {
		asked, err = net.ListenPacket("udp4", server.String())
		return err
	})
	defer asked.Close()
	var conn net.Conn
	s.in(s.host, func() (err error) {
		conn, err = net.Dial("udp4", server.String())
		return err
	})
	defer conn.Close()
	heard := func(want string) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			if _, err := conn.Write([]byte("again")); !refused(err) {
				check(t, err)
			}
			check(t, asked.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
			_, from, err := asked.ReadFrom(make([]byte, 100))
			if err == nil && from.(*net.UDPAddr).AddrPort().Addr().String() == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the server hears from %v, %v, want %s", from, err, want)
			}
		}
	}
	heard("192.168.17.10")
	check(t, netlink.RouteDel(tunnel))
	heard("198.51.100.10")
	check(t, netlink.RouteAdd(tunnel))
	heard("192.168.17.10")
}

// TestHostReachesServerByIPv6: a host reaches a server by IPv6 under its own address, where the
// provider knows the way to the LAN.
func TestHostReachesServerByIPv6(t *testing.T) {
	s := newSite(t, "")
	check(t, os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644))
	const host, there = "2001:db8:17::10", "2001:db8:ffff::80"
	check(t, address("lan1", "2001:db8:17::1/64"))
	check(t, address("wan", "2001:db8:9::9/64"))
	s.in(s.host, func() error {
		return errors.Join(address("eth0", host+"/64"), netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP("2001:db8:17::1")}))
	})
	s.in(s.provider, func() error {
		back := &netlink.Route{Dst: nl.IPNet(netip.MustParsePrefix("2001:db8:17::/64")), Gw: net.ParseIP("2001:db8:9::9")}
		return errors.Join(address("wan", "2001:db8:9::1/64"), address("lo", there+"/128"), netlink.RouteAdd(back))
	})
	s.run(Exit{To: "front", Networks: []Network{{"lan1", netip.MustParsePrefix("2001:db8:17::/64")}}})
	s.uplink.Set(uplink.State{
		Link: "wan", VRF: "front", Up: true,
		Gateway: netip.MustParseAddr("198.51.100.1"), Gateway6: netip.MustParseAddr("2001:db8:9::1"),
	})
	s.await("an uplink", "front 2001:db8:17::/64 dev lan1", "main ::/0 via 2001:db8:9::1 dev wan")
	if from := s.ask(netip.MustParseAddrPort("[" + there + "]:7")); from != netip.MustParseAddr(host) {
		t.Errorf("the server is asked by %s", from)
	}
	// A gateway of the link alone.
	s.uplink.Set(uplink.State{Link: "wan", VRF: "front", Up: true, Gateway6: netip.MustParseAddr("fe80::1")})
	s.await("another gateway", "front 2001:db8:17::/64 dev lan1", "main ::/0 via fe80::1 dev wan")
}

// TestMakeBeforeBreak: another uplink replaces the default route; a restart leaves
// all as it is, and without the policy all of it goes, but nothing of others.
func TestMakeBeforeBreak(t *testing.T) {
	s := newSite(t, "")
	exit := Exit{To: "front", Networks: []Network{{"lan1", lan}}}
	stop := s.run(exit)
	s.up("wan", "198.51.100.10/24", "198.51.100.1")
	s.await("an uplink", wayBack, "main 0.0.0.0/0 via 198.51.100.1 dev wan")

	changes := make(chan netlink.RouteUpdate, 1000)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	check(t, netlink.RouteSubscribe(changes, done))
	s.up("wan2", "192.0.2.10/24", "192.0.2.1")
	s.await("another uplink", wayBack, "main 0.0.0.0/0 via 192.0.2.1 dev wan2")
	stop()
	stop = s.run(exit)
	s.exchange()
	stop()
	// A marker tells that all notices before it have been read.
	marker := &netlink.Route{Dst: nl.IPNet(netip.MustParsePrefix("192.0.2.123/32")), Type: unix.RTN_BLACKHOLE, Table: 77}
	check(t, netlink.RouteAdd(marker))
	check(t, netlink.RouteDel(marker))
	replaced := 0
	for u := range changes {
		if u.Table == 77 && u.Type == unix.RTM_DELROUTE {
			break
		}
		if u.Protocol != nl.ProtocolBreakout {
			continue
		}
		if u.Type == unix.RTM_DELROUTE {
			t.Errorf("route is removed: %v", u.Route)
		}
		replaced++
	}
	if replaced != 1 {
		t.Errorf("%d routes were changed, want 1", replaced)
	}

	other := &netlink.Route{Dst: nl.IPNet(netip.MustParsePrefix("10.0.0.0/8")), LinkIndex: link(t, "lan1").Attrs().Index, Scope: netlink.SCOPE_LINK, Protocol: nl.ProtocolTunnel}
	check(t, netlink.RouteAdd(other))
	s.run()
	s.await("no policy")
	check(t, netlink.RouteDel(other))
}

// in runs f in a network namespace.
func (s *site) in(ns netns.NsHandle, f func() error) {
	s.Helper()
	result := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	check(s.T, <-result)
}

// cable connects the box to another namespace and brings both ends up.
func cable(t *testing.T, name string, other netns.NsHandle, peer string) {
	t.Helper()
	check(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: peer, PeerNamespace: netlink.NsFd(other)}))
	t.Cleanup(func() { check(t, netlink.LinkDel(link(t, name))) })
	check(t, netlink.LinkSetUp(link(t, name)))
	there, err := netlink.NewHandleAt(other)
	check(t, err)
	defer there.Close()
	check(t, there.LinkSetUp(must(there.LinkByName(peer))(t)))
}

func link(t *testing.T, name string) netlink.Link {
	t.Helper()
	return must(netlink.LinkByName(name))(t)
}

// address gives a link of the namespace an address and sets it up.
func address(name, prefix string) error {
	at, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(prefix)
	if err != nil {
		return err
	}
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	return errors.Join(netlink.LinkSetUp(at), netlink.AddrAdd(at, a))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}
