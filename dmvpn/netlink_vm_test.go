//go:build vm

package dmvpn

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
)

func TestEnsureDevice(t *testing.T) {
	newWire(t)
	_, front, err := nl.VRFTable("front")
	must(t, err)
	_, tenant, err := nl.VRFTable("tenant")
	must(t, err)
	one := uint32(1)

	for _, test := range []struct {
		name   string
		change func(*Device)
		// kept says that the device of the step before is kept.
		kept bool
	}{
		{"new", func(d *Device) {}, false},
		{"again", func(d *Device) {}, true},
		{"address", func(d *Device) { d.Address = netip.MustParsePrefix("172.16.100.18/25") }, true},
		{"main table", func(d *Device) { d.VRF = "" }, true},
		{"back to its VRF", func(d *Device) {}, true},
		{"key", func(d *Device) { d.Key = &one }, false},
		{"no key", func(d *Device) { d.Key = noKey }, false},
		{"underlay in the main table", func(d *Device) { d.Underlay = "" }, false},
		{"IPv6", func(d *Device) { d.Address = netip.MustParsePrefix("2001:db8::17/64") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := 0
			if link, err := netlink.LinkByName("hq"); err == nil {
				before = link.Attrs().Index
			}
			d := tunnelDevice()
			test.change(&d)
			index, err := Netlink{}.EnsureDevice(d)
			must(t, err)
			if kept := index == before; kept != test.kept {
				t.Errorf("index %d was %d", index, before)
			}
			link, err := netlink.LinkByIndex(index)
			must(t, err)
			gre := link.(*netlink.Gretun)
			if gre.Flags&net.FlagUp == 0 || gre.RawFlags&unix.IFF_NOARP != 0 || gre.MTU != d.MTU || gre.Ttl != 64 || gre.PMtuDisc != 1 {
				t.Errorf("device = %+v", gre)
			}
			if hasKey := gre.IFlags == greKey && gre.OFlags == greKey; hasKey != (d.Key != nil) || hasKey && gre.IKey != *d.Key {
				t.Errorf("key = %x %d", gre.IFlags, gre.IKey)
			}
			if want := map[string]int{"front": front, "": 0}[d.Underlay]; gre.ParentIndex != want {
				t.Errorf("underlay = %d, want %d", gre.ParentIndex, want)
			}
			if want := map[string]int{"tenant": tenant, "": 0}[d.VRF]; gre.MasterIndex != want {
				t.Errorf("VRF = %d, want %d", gre.MasterIndex, want)
			}
			addresses, err := nl.List(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_ALL) })
			must(t, err)
			if len(addresses) != 1 || addresses[0].IPNet.String() != d.Address.String() || addresses[0].Broadcast != nil {
				t.Errorf("addresses = %v", addresses)
			}
			filter, err := os.ReadFile("/proc/sys/net/ipv4/conf/hq/rp_filter")
			if err != nil || strings.TrimSpace(string(filter)) != "2" {
				t.Errorf("rp_filter = %s, %v", filter, err)
			}
		})
	}
	ensure(t, tunnelDevice())
}

// TestMTU: what was found to fit outlives the process that found it, unless a
// configuration asks for less.
func TestMTU(t *testing.T) {
	newWire(t)
	d := tunnelDevice()
	index := ensure(t, d)
	for _, step := range []struct {
		name string
		do   func() error
		want int
	}{
		{"the uplink has less room", func() error { return Netlink{}.SetMTU(index, 1358) }, 1358},
		{"another process", func() error { _, err := Netlink{}.EnsureDevice(d); return err }, 1358},
		{"a configuration with less", func() error {
			less := d
			less.MTU = 1300
			_, err := Netlink{}.EnsureDevice(less)
			return err
		}, 1300},
		{"the uplink has more room", func() error { return Netlink{}.SetMTU(index, 1400) }, 1400},
	} {
		must(t, step.do())
		link, err := netlink.LinkByIndex(index)
		must(t, err)
		if mtu := link.Attrs().MTU; mtu != step.want {
			t.Errorf("%s: MTU %d, want %d", step.name, mtu, step.want)
		}
	}
}

func TestEnsureDeviceErrors(t *testing.T) {
	newWire(t)
	d := tunnelDevice()
	d.Underlay = "back"
	if _, err := (Netlink{}).EnsureDevice(d); err == nil || !strings.Contains(err.Error(), "back") {
		t.Errorf("a VRF that does not exist: %v", err)
	}
	d = tunnelDevice()
	d.Name = "wan"
	if _, err := (Netlink{}).EnsureDevice(d); err == nil || !strings.Contains(err.Error(), "is a veth") {
		t.Errorf("a link of another kind: %v", err)
	}
	ensure(t, tunnelDevice())
	d = tunnelDevice()
	d.Name = "hq2"
	if _, err := (Netlink{}).EnsureDevice(d); err == nil || !strings.Contains(err.Error(), "has the same key") {
		t.Errorf("a key in use: %v", err)
	}
}

func TestPrune(t *testing.T) {
	newWire(t)
	kept := ensure(t, tunnelDevice())
	d := tunnelDevice()
	d.Name, d.Key = "old", noKey
	ensure(t, d)
	must(t, Netlink{}.Prune([]string{"hq"}))
	if _, err := netlink.LinkByName("old"); err == nil {
		t.Error("the former tunnel is still there")
	}
	if link, err := netlink.LinkByName("hq"); err != nil || link.Attrs().Index != kept {
		t.Errorf("the tunnel to keep: %v", err)
	}
	if _, err := netlink.LinkByName("wan"); err != nil {
		t.Errorf("a link that is not ours: %v", err)
	}
}

func TestSetNeighbours(t *testing.T) {
	newWire(t)
	index := ensure(t, tunnelDevice())
	six := Neighbour{netip.MustParseAddr("2001:db8::1"), nbma1}
	for _, want := range [][]Neighbour{
		{{hub1, nbma1}},
		{{hub1, nbma1}, {hub2, nbma2}, six},
		{{hub1, nbma2}, six},
		nil,
	} {
		must(t, Netlink{}.SetNeighbours(index, want))
		must(t, Netlink{}.SetNeighbours(index, want))
		if got := neighboursOf(t, index); !slices.Equal(got, want) {
			t.Errorf("neighbours = %v, want %v", got, want)
		}
	}
}

func TestSetRoutes(t *testing.T) {
	newWire(t)
	index := ensure(t, tunnelDevice())
	table, _, err := nl.VRFTable("tenant")
	must(t, err)

	// Another owner's route to one of the prefixes stays what it is.
	foreign := &netlink.Route{LinkIndex: index, Table: table, Dst: nl.IPNet(branchLAN), Gw: hub2.AsSlice(), Protocol: unix.RTPROT_STATIC, Priority: 5}
	must(t, netlink.RouteAdd(foreign))
	everything := netip.MustParsePrefix("0.0.0.0/0")
	for _, want := range [][]Route{
		{{branchLAN, hub1}},
		{{everything, hub1}, {branchLAN, hub1}},
		{{everything, hub2}, {branchLAN, hub2}},
		nil,
	} {
		must(t, Netlink{}.SetRoutes(index, "tenant", want))
		must(t, Netlink{}.SetRoutes(index, "tenant", want))
		routes, err := nl.List(func() ([]netlink.Route, error) {
			return netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: table, LinkIndex: index}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
		})
		must(t, err)
		var got []Route
		strangers := 0
		for _, r := range routes {
			via, _ := netip.AddrFromSlice(r.Gw)
			switch r.Protocol {
			case nl.ProtocolTunnel:
				got = append(got, Route{nl.Destination(r), via.Unmap()})
			case unix.RTPROT_STATIC:
				strangers++
			}
		}
		slices.SortFunc(got, func(a, b Route) int { return a.Prefix.Compare(b.Prefix) })
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Route) bool { return a == b })); diff != "" {
			t.Errorf("routes (-want +got):\n%s", diff)
		}
		if strangers != 1 {
			t.Errorf("%d routes of another owner", strangers)
		}
	}
}

// TestRoutesOfTwoTunnels: tunnels of one VRF leave each other's routes alone, and
// one that both want belongs to the first and keeps away none of the second's.
func TestRoutesOfTwoTunnels(t *testing.T) {
	newWire(t)
	first := ensure(t, tunnelDevice())
	d := tunnelDevice()
	d.Name, d.Key, d.Address = "second", noKey, netip.MustParsePrefix("172.16.200.17/24")
	second := ensure(t, d)
	via := netip.MustParseAddr("172.16.200.1")
	alone := netip.MustParsePrefix("192.168.0.0/16")
	must(t, Netlink{}.SetRoutes(first, "tenant", []Route{{branchLAN, hub1}}))
	if err := (Netlink{}).SetRoutes(second, "tenant", []Route{{branchLAN, via}, {alone, via}}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a route that is taken: %v", err)
	}
	expect := func(index int, want ...Route) {
		t.Helper()
		if got := routesOf(t, index); !slices.Equal(got, want) {
			t.Errorf("routes %v, want %v", got, want)
		}
	}
	expect(first, Route{branchLAN, hub1})
	expect(second, Route{alone, via})
	must(t, Netlink{}.SetRoutes(first, "tenant", nil))
	must(t, Netlink{}.SetRoutes(second, "tenant", []Route{{branchLAN, via}, {alone, via}}))
	must(t, Netlink{}.SetRoutes(first, "tenant", nil))
	expect(first)
	expect(second, Route{branchLAN, via}, Route{alone, via})
}
