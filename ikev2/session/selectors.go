package session

import (
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// selectors returns TSi and TSr of a child SA that we ask for: GRE between our
// own address and the peer's, as we see them (RFC 7296 section 2.23.1). A peer
// that has asked for a child SA itself hears the names it used, since it may know
// no others. A peer that refuses this is offered all of GRE, to narrow it down to
// the address it sees us under, and to its own if a NAT hides that from us.
func (s *Session) selectors(sa *ikeSA) []wire.Payload {
	local, remote := wire.HostSelector(sa.Local.Addr(), protoGRE), wire.HostSelector(s.state.Peer, protoGRE)
	if sa.NamedUs.IsValid() {
		local, remote = wire.HostSelector(sa.NamedUs, protoGRE), wire.HostSelector(sa.NamedPeer, protoGRE)
	}
	if sa.Wide {
		local = wire.AnySelector(protoGRE)
	}
	if sa.Wide && sa.NATRemote {
		remote = wire.AnySelector(protoGRE)
	}
	return []wire.Payload{
		wire.TS{Selectors: []wire.Selector{local}},
		wire.TS{Responder: true, Selectors: []wire.Selector{remote}},
	}
}

// selected reports whether the peer's answer covers our GRE. It may name our
// end by our own address or by the one that a NAT gives us, and its own end
// likewise.
func (s *Session) selected(sa *ikeSA, payloads []wire.Payload) bool {
	tsi, tsr, ok := findTS(payloads)
	ok = ok &&
		slices.ContainsFunc(tsi.Selectors, carriesGRE(sa.Local.Addr(), sa.NATLocal)) &&
		slices.ContainsFunc(tsr.Selectors, carriesGRE(s.state.Peer, sa.NATRemote))
	if ok {
		s.named(sa, tsi)
	}
	return ok
}

// named learns from selectors of our end how the peer sees us.
func (s *Session) named(sa *ikeSA, ours wire.TS) {
	for _, sel := range ours.Selectors {
		if sa.NATLocal && sel.First == sel.Last && sel.First != sa.Local.Addr() {
			s.seenAs(sel.First)
		}
	}
}

// narrow answers the selectors of a peer that asks for a child SA: GRE between
// one host and the other, under the addresses it uses. It fails if those are
// not its and ours.
func (s *Session) narrow(sa *ikeSA, payloads []wire.Payload) ([]wire.Payload, bool) {
	tsi, tsr, ok := findTS(payloads)
	if !ok {
		return nil, false
	}
	theirs, okTheirs := narrowTo(tsi, s.state.Peer, sa.NATRemote)
	ours, okOurs := narrowTo(tsr, sa.Local.Addr(), sa.NATLocal)
	if okTheirs && okOurs {
		s.named(sa, tsr)
		sa.NamedUs, sa.NamedPeer = ours.First, theirs.First
	}
	return []wire.Payload{
		wire.TS{Selectors: []wire.Selector{theirs}},
		wire.TS{Responder: true, Selectors: []wire.Selector{ours}},
	}, okTheirs && okOurs
}

func narrowTo(ts wire.TS, host netip.Addr, translated bool) (wire.Selector, bool) {
	i := slices.IndexFunc(ts.Selectors, carriesGRE(host, translated))
	switch {
	case i < 0:
		return wire.Selector{}, false
	case ts.Selectors[i].Covers(host, protoGRE):
		return wire.HostSelector(host, protoGRE), true
	}
	return wire.HostSelector(ts.Selectors[i].First, protoGRE), true
}

// carriesGRE returns whether a selector covers GRE of a host, under its address
// or, if a NAT translates it, under any one address.
func carriesGRE(host netip.Addr, translated bool) func(wire.Selector) bool {
	return func(sel wire.Selector) bool {
		return sel.Covers(host, protoGRE) || translated && sel.First == sel.Last && sel.Covers(sel.First, protoGRE)
	}
}

func findTS(payloads []wire.Payload) (tsi, tsr wire.TS, ok bool) {
	var hasI, hasR bool
	for _, p := range payloads {
		if ts, is := p.(wire.TS); is && ts.Responder {
			tsr, hasR = ts, true
		} else if is {
			tsi, hasI = ts, true
		}
	}
	return tsi, tsr, hasI && hasR
}
