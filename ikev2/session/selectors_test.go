package session

import (
	"net/netip"
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestSelectorsOffered: a peer that cannot tell that our name for it is its own
// address gets all of GRE to narrow down.
func TestSelectorsOffered(t *testing.T) {
	for _, test := range []struct {
		wide, natRemote   bool
		anyLocal, anyPeer bool
	}{
		{false, true, false, false},
		{true, false, true, false},
		{true, true, true, true},
	} {
		s := New(config(t, testIKE, testESP), hubAddr, nil)
		sa := &ikeSA{Local: netip.AddrPortFrom(spokeAddr, PortNAT), Wide: test.wide, NATRemote: test.natRemote}
		tsi, tsr, ok := findTS(s.selectors(sa))
		if !ok || len(tsi.Selectors) != 1 || len(tsr.Selectors) != 1 {
			t.Fatalf("selectors are %v", s.selectors(sa))
		}
		all := wire.AnySelector(protoGRE)
		if got := tsi.Selectors[0] == all; got != test.anyLocal {
			t.Errorf("%+v: TSi is %v", test, tsi)
		}
		if got := tsr.Selectors[0] == all; got != test.anyPeer {
			t.Errorf("%+v: TSr is %v", test, tsr)
		}
	}
}

// TestSelectorsOfThePeer: a peer behind a NAT, that reached us through another,
// hears from us the names by which it asked.
func TestSelectorsOfThePeer(t *testing.T) {
	s := New(config(t, testIKE, testESP), publicAddr, nil)
	sa := &ikeSA{Local: netip.AddrPortFrom(hubAddr, PortNAT), NATLocal: true, NATRemote: true}
	asPeerSees := netip.MustParseAddr("198.51.100.7")
	asked := []wire.Payload{
		wire.TS{Selectors: []wire.Selector{wire.HostSelector(spokeAddr, protoGRE)}},
		wire.TS{Responder: true, Selectors: []wire.Selector{wire.HostSelector(asPeerSees, protoGRE)}},
	}
	if _, ok := s.narrow(sa, asked); !ok {
		t.Fatal("the peer is refused")
	}
	tsi, tsr, _ := findTS(s.selectors(sa))
	if tsi.Selectors[0].First != asPeerSees || tsr.Selectors[0].First != spokeAddr {
		t.Errorf("we ask for %v and %v", tsi, tsr)
	}
	if !s.selected(sa, s.selectors(sa)) {
		t.Error("we refuse what we ask for")
	}
}
