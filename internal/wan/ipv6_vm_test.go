//go:build vm

package wan

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

// silence has new links silent in IPv6, as PID 1 does on the box.
func silence(t *testing.T) {
	t.Helper()
	for parameter, value := range map[string]string{"forwarding": "0", "addr_gen_mode": "1"} {
		name := "/proc/sys/net/ipv6/conf/default/" + parameter
		before, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(name, []byte(value), 0))
		t.Cleanup(func() { must(t, os.WriteFile(name, before, 0)) })
	}
}

// isRouter reports whether a port answers as a router.
func isRouter(t *testing.T, name string) bool {
	t.Helper()
	value, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/forwarding")
	must(t, err)
	return strings.TrimSpace(string(value)) == "1"
}

// addresses6 returns a link's IPv6 addresses that can be used, "local" for one of
// the link alone, sorted.
func addresses6(t *testing.T, link netlink.Link) []string {
	t.Helper()
	all, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, unix.AF_INET6) })
	must(t, err)
	var texts []string
	for _, a := range all {
		mac := link.Attrs().HardwareAddr
		switch {
		case a.Flags&unix.IFA_F_TENTATIVE != 0:
			texts = append(texts, a.IPNet.String()+" tentative")
		case !a.IP.IsLinkLocalUnicast():
			texts = append(texts, a.IPNet.String())
		case strings.HasSuffix(string(a.IP), string(mac[3:])):
			texts = append(texts, a.IPNet.String()+" from the MAC address")
		default:
			texts = append(texts, "local")
		}
	}
	slices.Sort(texts)
	return texts
}

// await6 waits until a link has those IPv6 addresses.
func await6(t *testing.T, link netlink.Link, want ...string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got := addresses6(t, link)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s has %q, want %q", link.Attrs().Name, got, want)
		}
	}
}

// routes6 returns the IPv6 routes of ours through a link, as text.
func routes6(t *testing.T, link netlink.Link, table int) []string {
	t.Helper()
	filter := &netlink.Route{LinkIndex: link.Attrs().Index, Protocol: nl.ProtocolUplink, Table: table}
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(unix.AF_INET6, filter, netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	})
	must(t, err)
	var texts []string
	for _, r := range routes {
		texts = append(texts, nl.Destination(r).String()+" via "+r.Gw.String())
	}
	return texts
}

// TestStaticIPv6 gives a port IPv6 beside IPv4, restarts, changes the gateway, and
// takes IPv6 away.
func TestStaticIPv6(t *testing.T) {
	silence(t)
	boxLAN(t)
	vethPair(t, "wan", "isp")
	isp, err := netlink.LinkByName("isp")
	must(t, err)
	must(t, netlink.LinkSetUp(isp))
	wan, err := netlink.LinkByName("wan")
	must(t, err)
	table, front, err := nl.VRFTable("front")
	must(t, err)
	cfg := Config{
		Port: "wan", VRF: "front",
		IPv4: IPv4{Address: netip.MustParsePrefix("192.0.2.9/24"), Gateway: netip.MustParseAddr("192.0.2.1")},
		IPv6: IPv6{Address: netip.MustParsePrefix("2001:db8:9::9/64"), Gateway: netip.MustParseAddr("fe80::1")},
	}
	must(t, cfg.Validate())
	u, stop := start(t, "wan", cfg, openStore(t))
	first := awaitUp(t, u)
	if first.Address6 != cfg.IPv6.Address || first.Gateway6 != cfg.IPv6.Gateway {
		t.Errorf("state is %+v", first)
	}
	await6(t, wan, "2001:db8:9::9/64", "local")
	if got := routes6(t, wan, table); !slices.Equal(got, []string{"::/0 via fe80::1"}) {
		t.Errorf("routes are %q", got)
	}
	wantLookup(t, "wan", "2001:db8:ffff::1", &netlink.RouteGetOptions{OifIndex: front})
	wantLookup(t, "none", "2001:db8:ffff::1", nil)
	wantLookup(t, "none", "2001:db8:9::1", nil)
	if !isRouter(t, "wan") {
		t.Error("the port does not answer as a router")
	}

	stop()
	removed := watchRemovals(t)
	u, stop = start(t, "wan", cfg, openStore(t))
	if s := awaitUp(t, u); !s.Equal(first) {
		t.Errorf("state was %+v and is %+v", first, s)
	}
	stop()
	cfg.IPv6.Gateway = netip.MustParseAddr("2001:db8:1::1") // outside of the subnet
	u, stop = start(t, "wan", cfg, openStore(t))
	awaitUp(t, u)
	removed.check(t, "another gateway")
	if got := routes6(t, wan, table); !slices.Equal(got, []string{"::/0 via 2001:db8:1::1"}) {
		t.Errorf("routes are %q", got)
	}

	// All of it is back after the port was set down.
	must(t, netlink.LinkSetDown(wan))
	await6(t, wan, "2001:db8:9::9/64", "local")
	stop()

	cfg.IPv6 = IPv6{}
	u, stop = start(t, "wan", cfg, openStore(t))
	awaitUp(t, u)
	await6(t, wan)
	if isRouter(t, "wan") {
		t.Error("without IPv6 the port answers as a router")
	}
	if got := routes6(t, wan, table); len(got) != 0 {
		t.Errorf("routes are %q", got)
	}
	stop()
}

// TestIPv6Alone: a port of a LAN needs no IPv4.
func TestIPv6Alone(t *testing.T) {
	silence(t)
	vethPair(t, "lan2", "host")
	host, err := netlink.LinkByName("host")
	must(t, err)
	must(t, netlink.LinkSetUp(host))
	lan, err := netlink.LinkByName("lan2")
	must(t, err)
	cfg := Config{Port: "lan2", IPv6: IPv6{Address: netip.MustParsePrefix("2001:db8:17::1/64")}}
	must(t, cfg.Validate())
	start(t, "lan2", cfg, openStore(t))
	await6(t, lan, "2001:db8:17::1/64", "local")

	if got := lookup("2001:db8:17::5", nil); got != "lan2" {
		t.Errorf("a packet to the LAN goes to %s", got)
	}
}

// TestTooSmallForIPv6: a provider whose MTU leaves no room for IPv6 takes IPv4 not
// along.
func TestTooSmallForIPv6(t *testing.T) {
	silence(t)
	boxLAN(t)
	provider := newISP(t, ordinary(3600, dhcpv4.OptGeneric(dhcpv4.OptionInterfaceMTU, []byte{0x03, 0xe8})))
	wan, err := netlink.LinkByName("wan")
	must(t, err)
	cfg := dhcpConfig
	cfg.IPv6 = IPv6{Address: netip.MustParsePrefix("2001:db8:9::9/64"), Gateway: netip.MustParseAddr("fe80::1")}
	u, stop := start(t, "wan", cfg, openStore(t))
	s := awaitUp(t, u)
	if s.MTU != 1000 || s.Address6.IsValid() || s.Gateway6.IsValid() {
		t.Errorf("state is %+v", s)
	}
	await6(t, wan)
	stop()
	must(t, u.Shutdown(t.Context()))
	<-provider.lease
	provider.lease <- ordinary(3600)
	u, _ = start(t, "wan", cfg, openStore(t))
	if s := awaitUp(t, u); s.Address6 != cfg.IPv6.Address {
		t.Errorf("with a larger MTU state is %+v", s)
	}
	if got := strings.Join(addresses6(t, wan), " "); !strings.HasPrefix(got, "2001:db8:9::9/64") {
		t.Errorf("addresses are %s", got)
	}
}
