//go:build vm

package resolve

import (
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// TestServerInTheVRF asks a server that only the VRF has a route to.
func TestServerInTheVRF(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(nl.EnsureVRFs([]string{"front", "provider"}))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "wan"
	must(netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "isp"}))
	for link, in := range map[string]struct{ vrf, address string }{
		"wan": {"front", "198.51.100.10/24"}, "isp": {"provider", "198.51.100.53/24"},
	} {
		l, err := netlink.LinkByName(link)
		must(err)
		_, master, err := nl.VRFTable(in.vrf)
		must(err)
		must(netlink.LinkSetMasterByIndex(l, master))
		must(netlink.LinkSetUp(l))
		addr, err := netlink.ParseAddr(in.address)
		must(err)
		must(netlink.AddrAdd(l, addr))
	}
	// Before, the kernel drops what is sent.
	for _, name := range []string{"wan", "isp"} {
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
			l, err := netlink.LinkByName(name)
			must(err)
			if l.Attrs().OperState == netlink.OperUp {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s is %v", name, l.Attrs().OperState)
			}
		}
	}
	config := net.ListenConfig{Control: bindTo("provider")}
	conn, err := config.ListenPacket(t.Context(), "udp4", "198.51.100.53:53")
	must(err)
	serveOn(t, conn, "hub1.example.net.", [4]byte{192, 0, 2, 7})

	var state value.Value[uplink.State]
	state.Set(uplink.State{Link: "wan", VRF: "front", Up: true, DNS: []netip.Addr{netip.MustParseAddr("198.51.100.53")}})
	got, err := New(slog.New(slog.DiscardHandler), &state).LookupNetIP(t.Context(), "ip4", "hub1.example.net")
	if err != nil || len(got) != 1 || got[0].String() != "192.0.2.7" {
		t.Errorf("lookup = %v, %v", got, err)
	}
}
