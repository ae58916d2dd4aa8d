//go:build vm

package interop

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
)

// rounds is how often a modem is plugged in; the median counts.
const rounds = 5

// BenchmarkUp measures how long a host takes from the modem's control port to the
// addresses on its network device: a Station, and ModemManager, both of which run
// already.
func BenchmarkUp(b *testing.B) {
	for _, row := range []struct {
		name     string
		profile  usb.Profile
		scenario virtual.Scenario
		rounds   int
	}{
		{"MBIM", usb.MBIM, quick(), rounds},
		{"QMI", usb.QMI, quick(), 3},
		{"ordinary", usb.MBIM, ordinary(), 1},
	} {
		b.Run(row.name, func(b *testing.B) {
			for b.Loop() {
				m := plugIn(b, row.profile, row.scenario)
				m.unplug(b)
				b.ReportMetric(median(oursUp(b, m, row.rounds)).Seconds(), "ours")
				b.ReportMetric(median(managersUp(b, m, row.rounds)).Seconds(), "manager")
			}
		})
	}
}

// ordinary is a modem whose SIM and whose network take as long as real ones.
func ordinary() virtual.Scenario {
	s := virtual.Default()
	s.Timing.Boot = quick().Timing.Boot
	return s
}

func oursUp(b *testing.B, m emulated, rounds int) (took []time.Duration) {
	s, stop := startStation(b)
	defer stop()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for range rounds {
		m.plug()
		there := m.awaitNode(b)
		must(b, s.await(ctx, true))
		took = append(took, time.Since(there))
		state, _ := s.underlay.State().Load()
		granted := m.granted(b)
		if state.Address != granted.Address4 || state.Address6 != granted.Address6 {
			b.Errorf("%+v, granted was %+v", state, granted)
		}
		b.Logf("ours: %v", took[len(took)-1])
		m.unplug(b)
		must(b, s.await(ctx, false))
	}
	return took
}

func managersUp(b *testing.B, m emulated, rounds int) (took []time.Duration) {
	manager := startManager(b)
	defer manager.stop()
	for range rounds {
		mark := manager.monitor.mark()
		m.plug()
		there := m.awaitNode(b)
		object := manager.appears(b, mark)
		appeared := time.Since(there)
		connect(b, object)
		bearer := show(b, "-b", bearerOf(b, object))
		configure(b, bearer)
		took = append(took, time.Since(there))
		if granted := m.granted(b); bearer["bearer.ipv4-config.address"] != granted.Address4.Addr().String() {
			b.Errorf("%v, granted was %+v", bearer, granted)
		}
		b.Logf("ModemManager: %v, known after %v", took[len(took)-1], appeared)
		m.unplug(b)
		manager.monitor.await(b, mark, "(-)")
	}
	return took
}

// configure gives a bearer's network device what mmcli tells of it, as a script
// around mmcli would.
func configure(t testing.TB, bearer properties) {
	t.Helper()
	device, err := netlink.LinkByName(bearer["bearer.status.interface"])
	must(t, err)
	must(t, netlink.LinkSetUp(device))
	for _, family := range []string{"ipv4", "ipv6"} {
		address, err := netlink.ParseAddr(bearer["bearer."+family+"-config.address"] + "/" + bearer["bearer."+family+"-config.prefix"])
		must(t, err)
		must(t, netlink.AddrReplace(device, address))
	}
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		to, err := netlink.ParseIPNet(netip.PrefixFrom(any, 0).String())
		must(t, err)
		must(t, netlink.RouteReplace(&netlink.Route{LinkIndex: device.Attrs().Index, Dst: to, Scope: netlink.SCOPE_LINK}))
	}
}

// median returns the middle of an odd number of durations.
func median(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
