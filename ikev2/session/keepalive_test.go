package session

import (
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestPublicAddressIsLearned has the peer name us in its selectors.
func TestPublicAddressIsLearned(t *testing.T) {
	public, private := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("100.64.0.9")
	host := func(a netip.Addr) wire.Selector { return wire.HostSelector(a, protoGRE) }
	for name, test := range map[string]struct {
		nat  bool
		ours []wire.Selector
		want netip.Addr
	}{
		"by the address the NAT gives us": {true, []wire.Selector{host(public)}, public},
		"by our own":                      {true, []wire.Selector{host(private)}, netip.Addr{}},
		"by both":                         {true, []wire.Selector{host(private), host(public)}, public},
		"by any":                          {true, []wire.Selector{wire.AnySelector(protoGRE)}, netip.Addr{}},
		"where there is no NAT":           {false, []wire.Selector{host(public)}, netip.Addr{}},
	} {
		t.Run(name, func(t *testing.T) {
			sa := &ikeSA{Stage: stageUp, NATLocal: test.nat, Local: netip.AddrPortFrom(private, PortNAT), Remote: netip.AddrPortFrom(hubAddr, PortNAT)}
			s := &Session{state: State{Peer: hubAddr, Local: private, SAs: []*ikeSA{sa}}}
			s.named(sa, wire.TS{Selectors: test.ours})
			public, ok := s.BehindNAT()
			if public != test.want || ok != test.want.IsValid() {
				t.Errorf("public address %s, %v; want %s", public, ok, test.want)
			}
		})
	}
}

// TestSeenAs tells our own address, which no NAT gave us, and another.
func TestSeenAs(t *testing.T) {
	c := config(t, testIKE, testESP)
	w := newWorld(t, 1, c, c)
	w.up()
	w.apply(w.spoke, w.spoke.session.SeenAs(w.now, spokeAddr))
	if public, ok := w.spoke.session.BehindNAT(); ok {
		t.Errorf("our own address %s counts as one that a NAT gave us", public)
	}
	w.apply(w.spoke, w.spoke.session.SeenAs(w.now, publicAddr))
	if public, ok := w.spoke.session.BehindNAT(); !ok || public != publicAddr {
		t.Errorf("behind a NAT as %s, %v", public, ok)
	}
}
