//go:build vm

package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestPacketsUnderWay replaces policies by others that lead packets elsewhere but let
// the same through, while new connections are opened. Rules that match nothing stand
// before the maps that lead packets, so that nearly each replacement meets a packet
// between a chain's begin and its map.
func TestPacketsUnderWay(t *testing.T) {
	const replacements, delays, firstOpened = 40, 400, 20000
	check(t, letPacketsThrough())
	l := newLab(t)
	track(t)
	open := []Policy{
		{From: "inside", To: "outside", Inspect: []string{"udp"}, NAT: NATMasquerade},
		{From: Self, To: "outside", Inspect: []string{"udp"}},
	}
	more := append(slices.Clone(open), Policy{From: "inside", To: Self, Inspect: []string{"udp"}}, Policy{From: "guests", To: "outside", NAT: NATMasquerade})
	topology := labTopology()
	topology.Members = append(topology.Members, Member{Zone: "guests", Link: "lan9"})
	var rulesets []*Ruleset
	for _, policies := range [][]Policy{open, more, more[:3]} {
		r := must(Compile(Config{Policies: policies}, topology))(t)
		for _, c := range r.chains {
			if c.hook == hookForward || c.hook == hookOutput || c.hook == hookPostrouting {
				c.rules = append(slices.Repeat([]rule{{layer4(253), accept}}, delays), c.rules...)
			}
		}
		rulesets = append(rulesets, r)
	}
	check(t, Netfilter{}.Replace(rulesets[0]))

	hub := netip.MustParseAddrPort(hubWAN + ":7000")
	listener := newTalker(t, l.hub, "", hub.String())
	opened := 0
	opening, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stop()
		for opening.Err() == nil {
			for _, from := range []place{l.places()["host"], l.places()["self"]} {
				opened++
				text := fmt.Sprint("connection ", opened)
				err := from.once(uint16(firstOpened+opened%firstOpened), hub, text)
				got, seen, hearErr := listener.hear(0)
				if err := errors.Join(err, hearErr); err != nil || got != text || seen.Addr() != netip.MustParseAddr(spokeWAN) {
					t.Errorf("%s from %s: heard %q from %s, %v", text, from.address, got, seen, err)
					return
				}
			}
		}
	}()
	var err error
	for n := 0; n < replacements && err == nil && opening.Err() == nil; n++ {
		err = Netfilter{}.Replace(rulesets[(n+1)%len(rulesets)])
	}
	stop()
	<-ended
	check(t, err)
	t.Logf("%d connections were opened under %d replacements", opened, replacements)
	if t.Failed() {
		t.Log(must(Netfilter{}.Counters())(t))
	}
	check(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
}

// once sends a text from a socket that is new.
func (at place) once(port uint16, to netip.AddrPort, text string) error {
	k, err := openTalker(at.ns, at.device, netip.AddrPortFrom(netip.MustParseAddr(at.address), port))
	if err != nil {
		return err
	}
	defer k.close()
	return k.say(to, text)
}
