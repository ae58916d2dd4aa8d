//go:build lab

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/lab/probe"
)

// TestShortcutPeer: the box and a spoke of FRR and strongSwan find the direct path
// to each other, whoever asks first and whoever is behind a NAT, and stay on the
// hub where there can be none. Nothing is lost, but what FRR sends by a path that
// it has to open, while it opens it.
func TestShortcutPeer(t *testing.T) {
	lab := open(t)
	ours, theirs := openBox(lab), peer(lab.images, "spokes")
	for _, c := range natCases {
		for _, s := range []struct {
			name           string
			caller, called kind
			// opens says that the peer has to call the box, which is not behind a NAT
			// while the peer is.
			opens bool
		}{
			{"box asks, ", ours, theirs, c.called && !c.caller},
			{"peer asks, ", theirs, ours, c.caller && !c.called},
		} {
			t.Run(s.name+c.name, func(t *testing.T) {
				meetDirectly(t, lab, c, s.caller, s.called, s.opens)
			})
		}
	}
}

// TestShortcutBoxes: two boxes do the same without losing more than a packet.
func TestShortcutBoxes(t *testing.T) {
	lab := open(t)
	for _, c := range natCases {
		t.Run(c.name, func(t *testing.T) { meetDirectly(t, lab, c, openBox(lab), openBox(lab), false) })
	}
}

// openBox is our box without authentication in NHRP.
func openBox(lab *Lab) kind { return testedBox(lab.images, lab.images.Box, openSite()) }

// meetDirectly lets two spokes find the direct path, if there can be one, and lose
// no more than a packet; if a peer opens it, from when it is open.
func meetDirectly(t *testing.T, lab *Lab, c natCase, caller, called kind, opens bool) {
	ctx := context.Background()
	p, m := meet(t, lab, c, caller, called)
	if c.direct() {
		after, err := m.direct(limit(t, recovery))
		if err != nil {
			t.Error(err)
		}
		t.Logf("direct %v after the redirect", after)
	} else {
		if stayed, err := m.onHub(ctx, meetingTime); err != nil || !stayed {
			t.Errorf("traffic has left the hub (%v)", err)
		}
		blamesNATs(t, p.caller)
		blamesNATs(t, p.called)
	}
	from := begun(t, m.ping)
	if opens {
		from = firstDirect(m) // how long that takes is the machine's affair
	}
	loses(t, m.ping, from, m.ping.Mark(), 1)
}

// begun returns the first packet that was sent after one had been answered.
func begun(t *testing.T, ping *probe.Ping) int {
	t.Helper()
	number, err := ping.Begun(limit(t, word))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// firstDirect returns the first packet that took the direct path both ways.
func firstDirect(m *meeting) int {
	for i := 0; ; i++ {
		if there, back := m.arrivals.Routers(i); there == directRouters && back == directRouters || i == m.ping.Mark() {
			return i
		}
	}
}

// blamesNATs checks that a box says why there is no direct path.
func blamesNATs(t *testing.T, spoke *Spoke) {
	t.Helper()
	if spoke.kind.name != "box" {
		return
	}
	status, err := boxStatus(limit(t, word), spoke)
	if err != nil {
		t.Fatal(err)
	}
	shortcuts := status.Tunnels[0].Shortcuts
	if !slices.ContainsFunc(shortcuts, func(s dmvpn.ShortcutStatus) bool { return strings.Contains(s.Cause, "are behind NATs") }) {
		t.Errorf("%s does not say why there is no direct path: %+v", spoke.Name, shortcuts)
	}
}

// TestShortcutOutlivesHub: a direct path carries on while the hub is away and while
// a box's router process starts anew, and no packet is lost.
func TestShortcutOutlivesHub(t *testing.T) {
	lab := open(t)
	p, m := meet(t, lab, natCases[1], openBox(lab), openBox(lab))
	if _, err := m.direct(limit(t, recovery)); err != nil {
		t.Fatal(err)
	}
	mark := m.ping.Mark()
	if err := lab.RebootHub(limit(t, startUp)); err != nil {
		t.Fatal(err)
	}
	line := p.caller.Console.Mark()
	if err := p.caller.kind.killControl(limit(t, word), p.caller); err != nil {
		t.Fatal(err)
	}
	says(t, p.caller, line, `took over the IKE SA`)
	if err := pause(limit(t, word), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	end := m.ping.Mark()
	loses(t, m.ping, mark, end, 0)
	for i := mark; i < end; i++ {
		var there, back int
		// Its arrival may be noted after its answer's.
		eventually(t, func() bool {
			there, back = m.arrivals.Routers(i)
			return there != 0
		}, func() string { return fmt.Sprintf("packet %d was answered and has not arrived", i) })
		if there != directRouters || back != directRouters {
			t.Fatalf("packet %d went over %d routers and its answer over %d", i, there, back)
		}
	}
}

// meet lets the host behind one spoke ask the host behind another; both spokes are
// switched off when the test ends. No GRE is ever in clear.
func meet(t *testing.T, lab *Lab, c natCase, caller, called kind) (*pair, *meeting) {
	t.Helper()
	ctx := context.Background()
	p, err := lab.bootPair(ctx, c, caller, called)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.meet(ctx)
	if err != nil {
		p.dump()
		t.Fatal(errors.Join(err, p.Close()))
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.dump()
			for i := range m.ping.Mark() {
				if there, back := m.arrivals.Routers(i); back == 0 {
					t.Logf("packet %d went over %d routers, 0 if it did not arrive, and was not answered", i, there)
				}
			}
		}
		if err := errors.Join(p.caller.NoClearGRE(), p.called.NoClearGRE(), m.stop(), p.Close()); err != nil {
			t.Error(err)
		}
	})
	return p, m
}

// TestPhase2: a hub that redirects nobody leaves it to the spokes to find each
// other's next hop; the box goes by the hub meanwhile, and loses nothing.
func TestPhase2(t *testing.T) {
	lab := open(t)
	onHub(t, lab, "nft flush chain inet shorter forwarded")
	t.Cleanup(func() { lab.Hub.Run(context.Background(), "nft flush ruleset; nft -f /etc/redirect.nft") })
	p, err := lab.bootPair(context.Background(), natCases[0], openBox(lab), peer(lab.images, "spokes"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.dump()
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	var ping *probe.Ping
	err = lab.First.Host.Do(func() (err error) {
		ping, err = probe.NewPing(lab.First.host.Addr(), lab.Second.tunnel(), directPing)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ping.Run(ctx) }()
	member := netip.PrefixFrom(lab.Second.tunnel(), 32)
	up := func() bool {
		status, err := boxStatus(limit(t, word), p.caller)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(status.Tunnels[0].Shortcuts, func(s dmvpn.ShortcutStatus) bool {
			return s.Destination == member && s.State == nhc.PathUp
		})
	}
	for wait := limit(t, word); !up(); {
		if err := pause(wait, time.Second); err != nil {
			t.Fatalf("no direct path: %v", err)
		}
	}
	loses(t, ping, begun(t, ping), ping.Mark(), 1)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
