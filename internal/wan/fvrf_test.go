//go:build vm

package wan

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
)

// isp is a DHCP server at the other end of the port's cable, in a VRF of its
// own. What it hands out is for the test to say.
type isp struct {
	requests chan request
	heard    sync.Map    // the questions that are in requests, or were
	lease    chan leaser // holds the one in force
}

// question is what a client repeats until it is answered.
type question struct {
	kind dhcpv4.MessageType
	xid  dhcpv4.TransactionID
}

type request struct {
	*dhcpv4.DHCPv4
	from string
}

// leaser fills in an OFFER or ACK.
type leaser func(*dhcpv4.DHCPv4)

var ispAddress = net.IPv4(198, 51, 100, 1)

func newISP(t *testing.T, lease leaser) *isp {
	t.Helper()
	vethPair(t, "wan", "isp")
	link, err := netlink.LinkByName("isp")
	must(t, err)
	_, master, err := nl.VRFTable("provider")
	must(t, err)
	must(t, netlink.LinkSetMasterByIndex(link, master))
	must(t, netlink.LinkSetUp(link))
	must(t, netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: ispAddress, Mask: net.CIDRMask(24, 32)}}))

	s := &isp{requests: make(chan request, 100), lease: make(chan leaser, 1)}
	s.lease <- lease
	server, err := server4.NewServer("isp", &net.UDPAddr{Port: 67}, s.handle)
	must(t, err)
	done := make(chan struct{})
	go func() { defer close(done); server.Serve() }()
	t.Cleanup(func() { server.Close(); <-done })
	return s
}

func (s *isp) handle(conn net.PacketConn, peer net.Addr, m *dhcpv4.DHCPv4) {
	if _, again := s.heard.LoadOrStore(question{m.MessageType(), m.TransactionID}, true); !again {
		s.requests <- request{m, peer.String()}
	}
	kind := dhcpv4.MessageTypeOffer
	switch m.MessageType() {
	case dhcpv4.MessageTypeRequest:
		kind = dhcpv4.MessageTypeAck
	case dhcpv4.MessageTypeRelease:
		return
	}
	answer, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ispAddress)))
	if err != nil {
		return
	}
	lease := <-s.lease
	lease(answer)
	s.lease <- lease
	conn.WriteTo(answer.ToBytes(), peer)
}

// expect returns the next request of the given kind that is no repetition.
func (s *isp) expect(t *testing.T, kind dhcpv4.MessageType) request {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case r := <-s.requests:
			if r.MessageType() == kind {
				return r
			}
		case <-timeout:
			t.Fatalf("no %v within %v", kind, patience)
		}
	}
}

// ordinary leases an address of the provider's subnet.
func ordinary(seconds uint32, options ...dhcpv4.Option) leaser {
	return func(p *dhcpv4.DHCPv4) {
		p.YourIPAddr = net.IPv4(198, 51, 100, 10)
		p.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)))
		p.UpdateOption(dhcpv4.OptRouter(ispAddress))
		p.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Duration(seconds) * time.Second))
		for _, o := range options {
			p.UpdateOption(o)
		}
	}
}

func routeTo(prefix string) *dhcpv4.Route {
	return &dhcpv4.Route{Dest: nl.IPNet(netip.MustParsePrefix(prefix)), Router: ispAddress}
}

// boxLAN sets up the VRFs and the LAN of the box.
func boxLAN(t *testing.T) {
	t.Helper()
	must(t, nl.EnsureVRFs([]string{"front", "provider"}))
	t.Cleanup(func() { must(t, nl.EnsureVRFs(nil)) })
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "lan1"
	must(t, netlink.LinkAdd(&netlink.Dummy{LinkAttrs: attrs}))
	t.Cleanup(func() { _ = netlink.LinkDel(&netlink.Device{LinkAttrs: attrs}) })
	lan, _ := start(t, "lan", lanConfig, openStore(t))
	awaitUp(t, lan)
}

// lookup returns where the kernel sends a packet, "local" for to itself, and
// "none" for nowhere.
func lookup(to string, options *netlink.RouteGetOptions) string {
	routes, err := netlink.RouteGetWithOptions(net.ParseIP(to), options)
	if err != nil || len(routes) == 0 {
		return "none"
	}
	if routes[0].Type == unix.RTN_LOCAL {
		return "local"
	}
	link, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return "none"
	}
	return link.Attrs().Name
}

func wantLookup(t *testing.T, want, to string, options *netlink.RouteGetOptions) {
	t.Helper()
	if got := lookup(to, options); got != want {
		t.Errorf("a packet to %s goes to %s, want %s (%+v)", to, got, want, options)
	}
}

// TestNothingOfTheProviderEntersMain offers all that could turn the box's
// traffic: our LAN's prefix, the two halves of the Internet, a default route, and
// then an address of our LAN with our own address as router.
func TestNothingOfTheProviderEntersMain(t *testing.T) {
	boxLAN(t)
	before := [][]string{routesOf(t, unix.RT_TABLE_MAIN), routesOf(t, unix.RT_TABLE_LOCAL)}
	untouched := func(when string) {
		t.Helper()
		after := [][]string{routesOf(t, unix.RT_TABLE_MAIN), routesOf(t, unix.RT_TABLE_LOCAL)}
		if !slices.EqualFunc(before, after, slices.Equal) {
			t.Errorf("%s: main and local tables were\n%v\nand are\n%v", when, before, after)
		}
		wantLookup(t, "lan1", "192.168.17.5", nil)
		wantLookup(t, "local", "192.168.17.1", nil)
		wantLookup(t, "none", "203.0.113.1", nil)
		wantLookup(t, "none", "198.51.100.1", nil)
	}

	provider := newISP(t, ordinary(3600, dhcpv4.OptClasslessStaticRoute(
		routeTo("192.168.17.0/24"), routeTo("192.168.17.5/32"), routeTo("0.0.0.0/1"), routeTo("128.0.0.0/1"), routeTo("0.0.0.0/0"))))
	u, stop := start(t, "wan", dhcpConfig, openStore(t))
	s := awaitUp(t, u)
	if s.Gateway.String() != "198.51.100.1" || s.VRF != "front" {
		t.Errorf("state is %+v", s)
	}
	untouched("routes for our LAN and for all the world")

	// Inside the VRF the provider may do as it likes.
	table, front, err := nl.VRFTable("front")
	must(t, err)
	if got := strings.Join(routesOf(t, table), "\n"); strings.Count(got, "Gw: 198.51.100.1") != 5 {
		t.Errorf("table of the VRF holds:\n%s", got)
	}
	wantLookup(t, "wan", "203.0.113.1", &netlink.RouteGetOptions{OifIndex: front})
	wantLookup(t, "wan", "192.168.17.5", &netlink.RouteGetOptions{OifIndex: front})

	// And what it sends to our LAN's address does not reach the box.
	if got := lookup("192.168.17.1", &netlink.RouteGetOptions{Iif: "wan", SrcAddr: ispAddress}); got == "local" {
		t.Error("a packet from the provider to the LAN's address is delivered to the box")
	}

	stop()
	must(t, u.Shutdown(t.Context()))
	provider.expect(t, dhcpv4.MessageTypeRelease)
	untouched("release")
	wantLookup(t, "none", "203.0.113.1", &netlink.RouteGetOptions{OifIndex: front})

	<-provider.lease
	provider.lease <- func(p *dhcpv4.DHCPv4) {
		p.YourIPAddr = net.IPv4(192, 168, 17, 66)
		p.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)))
		p.UpdateOption(dhcpv4.OptRouter(net.IPv4(192, 168, 17, 1)))
		p.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
	}
	u, _ = start(t, "wan", dhcpConfig, openStore(t))
	if s := awaitUp(t, u); s.Address.String() != "192.168.17.66/24" {
		t.Errorf("state is %+v", s)
	}
	untouched("an address of our LAN")
	wantLookup(t, "none", "192.168.17.66", &netlink.RouteGetOptions{Iif: "lan1", SrcAddr: net.IPv4(192, 168, 17, 5)})
	wantLookup(t, "wan", "192.168.17.1", &netlink.RouteGetOptions{OifIndex: front})
}

// TestRestartLeavesNoGap runs the interface twice on one lease, with the VRFs
// ensured in between as the router does.
func TestRestartLeavesNoGap(t *testing.T) {
	boxLAN(t)
	provider := newISP(t, ordinary(3600))
	store := openStore(t)
	u, stop := start(t, "wan", dhcpConfig, store)
	first := awaitUp(t, u)
	provider.expect(t, dhcpv4.MessageTypeRequest)
	removed := watchRemovals(t)
	table, _, err := nl.VRFTable("front")
	must(t, err)
	routes := routesOf(t, table)

	for range 3 {
		stop()
		must(t, nl.EnsureVRFs([]string{"provider", "front"}))
		u, stop = start(t, "wan", dhcpConfig, store)
		if s := awaitUp(t, u); !s.Equal(first) {
			t.Errorf("state was %+v and is %+v", first, s)
		}
	}
	removed.check(t, "restart")
	if again := routesOf(t, table); !slices.Equal(routes, again) {
		t.Errorf("routes were\n%v\nand are\n%v", routes, again)
	}
	select {
	case r := <-provider.requests:
		t.Errorf("restart sent %v", r.MessageType())
	default:
	}
}

// TestRenewalAndCarrierInTheVRF renews by unicast through the VRF, and loses
// and regains the carrier.
func TestRenewalAndCarrierInTheVRF(t *testing.T) {
	boxLAN(t)
	// It is renewed after 3 s and lasts longer than a machine may stand still.
	provider := newISP(t, ordinary(3600, dhcpv4.OptRenewTimeValue(3*time.Second)))
	u, _ := start(t, "wan", dhcpConfig, openStore(t))
	awaitUp(t, u)
	provider.expect(t, dhcpv4.MessageTypeRequest)
	removed := watchRemovals(t)
	for range 3 {
		if r := provider.expect(t, dhcpv4.MessageTypeRequest); r.from != "198.51.100.10:68" || r.ClientIPAddr.String() != "198.51.100.10" {
			t.Errorf("renewal of ciaddr %v comes from %s", r.ClientIPAddr, r.from)
		}
	}
	removed.check(t, "renewal")

	link, err := netlink.LinkByName("isp")
	must(t, err)
	must(t, netlink.LinkSetDown(link))
	await(t, u, "down", func(s uplink.State) bool { return !s.Up })
	_, front, err := nl.VRFTable("front")
	must(t, err)
	wantLookup(t, "none", "203.0.113.1", &netlink.RouteGetOptions{OifIndex: front})
	must(t, netlink.LinkSetUp(link))
	awaitUp(t, u)
	wantLookup(t, "wan", "203.0.113.1", &netlink.RouteGetOptions{OifIndex: front})
}

// TestVRFsComeAndGo changes the list of VRFs.
func TestVRFsComeAndGo(t *testing.T) {
	must(t, nl.EnsureVRFs([]string{"b"}))
	table, _, err := nl.VRFTable("b")
	must(t, err)
	must(t, nl.EnsureVRFs([]string{"a", "b"}))
	if again, _, err := nl.VRFTable("b"); err != nil || again != table {
		t.Errorf("table of VRF b was %d and is %d, %v", table, again, err)
	}
	a, index, err := nl.VRFTable("a")
	must(t, err)
	if a == table {
		t.Errorf("two VRFs share table %d", a)
	}
	if got := routesOf(t, a); len(got) != 1 {
		t.Errorf("table of a new VRF holds %v, want the unreachable default", got)
	}
	wantLookup(t, "none", "127.0.0.1", &netlink.RouteGetOptions{OifIndex: index})
	must(t, nl.EnsureVRFs(nil))
	if _, _, err := nl.VRFTable("a"); err == nil {
		t.Error("VRF a is still there")
	}
}
