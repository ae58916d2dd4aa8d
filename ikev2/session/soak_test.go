package session

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestSoak lets traffic flow for an hour with short lifetimes and one packet in
// ten lost, and brings another fault about each minute. It must never pause for
// longer than a single fault may cost, and nothing may pile up.
func TestSoak(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := config(t, testIKE, testESP)
			c.Lifetime, c.IKELifetime, c.PFS = time.Minute, 10*time.Minute, seed%2 == 0
			w := newWorld(t, 60+seed, c, c)
			w.up()
			w.chat(100*time.Millisecond, true)
			w.fate = func(*node, Packet) []time.Duration {
				if w.random.IntN(10) == 0 {
					return nil
				}
				return []time.Duration{time.Duration(20+w.random.IntN(80)) * time.Millisecond}
			}
			lossy := func(*node, SA) bool { return w.random.IntN(10) == 0 }
			w.data.lost = lossy
			faults := []func(){
				w.remap,
				func() { w.data.stubbornHub = true; w.remap() },
				w.restartHub,
				func() { // the hub's kernel loses its SAs
					gone := slices.Clone(w.hub.kernel)
					w.data.lost = func(n *node, sa SA) bool {
						return lossy(n, sa) || slices.ContainsFunc(gone, func(g SA) bool { return g.SPI == sa.SPI })
					}
				},
			}
			for minute := range 60 {
				began := w.now
				w.data.lost, w.data.stubbornHub = lossy, false
				fault := w.random.IntN(len(faults))
				faults[fault]()
				w.run(time.Minute)
				if gap := w.gap(began); gap > limit {
					t.Fatalf("minute %d: traffic pauses for %s by fault %d", minute, gap, fault)
				}
				w.data.arrivals = nil
				for _, n := range []*node{w.spoke, w.hub} {
					if state := n.session.State(); len(state.SAs) > 6 || len(n.kernel) > 12 {
						t.Fatalf("minute %d: %s has %d IKE SAs and %d SAs in the kernel", minute, n.name, len(state.SAs), len(n.kernel))
					}
				}
			}
		})
	}
}
