//go:build vm

package wan

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
)

// TestAnotherUplinkTakesOver: of two uplinks that are up the better one leads
// nowhere, and the packets of the VRF leave by the other.
func TestAnotherUplinkTakesOver(t *testing.T) {
	boxLAN(t)
	static := func(address, gateway string) IPv4 {
		return IPv4{Address: netip.MustParsePrefix(address), Gateway: netip.MustParseAddr(gateway)}
	}
	uplinks := make(map[string]*Underlay)
	for name, cfg := range map[string]Config{
		"wan":  {Port: "wan", VRF: "front", IPv4: static("192.0.2.9/24", "192.0.2.1")},
		"wan2": {Port: "wan2", VRF: "front", Metric: 200, IPv4: static("198.51.100.9/24", "198.51.100.1")},
	} {
		vethPair(t, name, name+"isp")
		link, err := netlink.LinkByName(name + "isp")
		must(t, err)
		must(t, netlink.LinkSetUp(link))
		uplinks[name], _ = start(t, name, cfg, openStore(t))
		awaitUp(t, uplinks[name])
	}
	_, front, err := nl.VRFTable("front")
	must(t, err)
	best := uplink.NewBest(slog.New(slog.NewTextHandler(t.Output(), nil)), uplinks["wan"], uplinks["wan2"])
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- best.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	expect := func(name string, source netip.Addr) {
		t.Helper()
		timeout := time.After(patience)
		for {
			state, changed := best.State().Load()
			if state.Name == name && state.Address.Addr() == source {
				break
			}
			select {
			case <-changed:
			case <-timeout:
				t.Fatalf("the uplink in use is %+v, want %s", state, name)
			}
		}
		wantLookup(t, name, "203.0.113.1", &netlink.RouteGetOptions{OifIndex: front})
	}
	expect("wan", netip.MustParseAddr("192.0.2.9"))
	best.Mistrust("wan")
	expect("wan2", netip.MustParseAddr("198.51.100.9"))
	best.Mistrust("wan2")
	expect("wan", netip.MustParseAddr("192.0.2.9"))
}
