//go:build vm

package xfrm

import (
	"bytes"
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func (n *node) protect() {
	n.t.Helper()
	for _, p := range FailClosed(testReqID) {
		if err := n.xfrm.PutPolicy(p); err != nil {
			n.t.Fatal(err)
		}
	}
}

// suite is one choice of algorithms.
type suite struct {
	name              string
	aead, crypt, auth *Algorithm
	nat, esn          bool
}

var gcm = &Algorithm{Name: "rfc4106(gcm(aes))", Key: bytes.Repeat([]byte{3}, 36), ICVBits: 128}

// pair returns the two SAs of a suite, from spoke to hub and back, as the hub
// has them.
func (s suite) pair() (toHub, toSpoke SA) {
	toHub = SA{
		Src: spokeAddr, Dst: hubAddr, SPI: 0x1001, ReqID: testReqID, In: true,
		AEAD: s.aead, Crypt: s.crypt, Auth: s.auth, ESN: s.esn, ReplayWindow: 128,
	}
	toSpoke = toHub
	toSpoke.Src, toSpoke.Dst, toSpoke.SPI = hubAddr, spokeAddr, 0x2002
	toSpoke.In, toSpoke.ReplayWindow = false, 0
	if s.nat {
		toHub.Encap, toSpoke.Encap = &Encap{4500, 4500}, &Encap{4500, 4500}
	}
	return toHub, toSpoke
}

// turn returns the SA as the other end has it.
func turn(sa SA) SA {
	sa.In = !sa.In
	sa.ReplayWindow = 128 - sa.ReplayWindow
	return sa
}

func (n *node) add(sas ...SA) {
	n.t.Helper()
	for _, sa := range sas {
		if err := n.xfrm.AddSA(sa); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *node) states() []State {
	n.t.Helper()
	states, err := n.xfrm.SAs(testReqID)
	if err != nil {
		n.t.Fatal(err)
	}
	slices.SortFunc(states, func(a, b State) int { return cmp.Compare(a.SPI, b.SPI) })
	return states
}

// connect protects both nodes and joins them by SAs.
func connect(spoke, hub *node, s suite) {
	spoke.t.Helper()
	spoke.protect()
	hub.protect()
	toHub, toSpoke := s.pair()
	hub.add(toHub, toSpoke)
	spoke.add(turn(toSpoke), turn(toHub))
	if s.nat {
		spoke.openNAT()
		hub.openNAT()
	}
}

// openNAT opens port 4500, where the kernel takes ESP from.
func (n *node) openNAT() {
	n.t.Helper()
	n.udp(func(fd int) error {
		return errors.Join(
			bindTo(n.vrf)(fd),
			unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_ENCAP, unix.UDP_ENCAP_ESPINUDP),
			BypassSocket(fd),
		)
	}, netip.AddrPortFrom(netip.IPv4Unspecified(), 4500))
}

func TestGREIsEncrypted(t *testing.T) {
	key := func(n int) []byte { return bytes.Repeat([]byte{5}, n) }
	cbc := &Algorithm{Name: "cbc(aes)", Key: key(32)}
	for _, s := range []suite{
		{name: "AES-GCM", aead: gcm},
		{name: "AES-GCM behind NAT", aead: gcm, nat: true},
		{name: "AES-GCM-128 with ESN", aead: &Algorithm{Name: "rfc4106(gcm(aes))", Key: key(20), ICVBits: 128}, esn: true},
		{name: "AES-CBC SHA1", crypt: cbc, auth: &Algorithm{Name: "hmac(sha1)", Key: key(20), ICVBits: 96}},
		{name: "AES-CBC SHA256 behind NAT with ESN", crypt: cbc, auth: &Algorithm{Name: "hmac(sha256)", Key: key(32), ICVBits: 128}, nat: true, esn: true},
		{name: "AES-CBC SHA384", crypt: cbc, auth: &Algorithm{Name: "hmac(sha384)", Key: key(48), ICVBits: 192}},
		{name: "AES-CBC SHA512", crypt: cbc, auth: &Algorithm{Name: "hmac(sha512)", Key: key(64), ICVBits: 256}},
	} {
		t.Run(s.name, func(t *testing.T) {
			spoke, hub := newLab(t)
			connect(spoke, hub, s)
			exchange(spoke, hub)

			want := byte(protoESP)
			if s.nat {
				want = unix.IPPROTO_UDP
			}
			if seen := hub.arrived(spoke, want, 1); seen[protoGRE] != 0 || seen[want] != 1 {
				t.Errorf("packets on the wire by protocol: %v, want one of %d", seen, want)
			}

			toHub, toSpoke := s.pair()
			for i, state := range hub.states() {
				sent := []SA{toHub, toSpoke}[i]
				if diff := gocmp.Diff(sent, state.SA, gocmp.Comparer(sameAddr)); diff != "" {
					t.Errorf("SA (-installed +read):\n%s", diff)
				}
				if state.Packets != 1 || state.Bytes == 0 || state.LastSequence != 1 {
					t.Errorf("SA %s: counters %+v, want one packet", state.ID(), state.Counters)
				}
			}
		})
	}
}

func sameAddr(a, b netip.Addr) bool { return a == b }

func TestPoliciesReadBack(t *testing.T) {
	spoke, _ := newLab(t)
	spoke.protect()
	spoke.protect() // replaces, adds nothing
	got, err := spoke.xfrm.Policies()
	if err != nil {
		t.Fatal(err)
	}
	order := func(a, b Policy) int {
		return cmp.Or(cmp.Compare(b.Dir, a.Dir), cmp.Compare(a.Priority, b.Priority))
	}
	slices.SortFunc(got, order)
	if !slices.Equal(got, FailClosed(testReqID)) {
		t.Errorf("policies = %v, want %v", got, FailClosed(testReqID))
	}
	for _, p := range got {
		for range 2 { // the second finds nothing, which is no error
			if err := spoke.xfrm.DeletePolicy(p); err != nil {
				t.Error(err)
			}
		}
	}
	if left, err := spoke.xfrm.Policies(); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestWithoutSANothingLeaves(t *testing.T) {
	spoke, hub := newLab(t)
	spoke.protect()
	before := spoke.statistic("XfrmOutNoStates")
	spoke.send(spokeTunnel, hubTunnel)
	want := Acquire{Src: spokeAddr, Dst: hubAddr, Proto: protoGRE, ReqID: testReqID}
	if got := next[Acquire](spoke); got != want {
		t.Errorf("acquire = %+v, want %+v", got, want)
	}
	spoke.rises("XfrmOutNoStates", before)
	if seen := hub.arrived(spoke, protoGRE, 0); seen[protoGRE] != 0 {
		t.Errorf("packets on the wire by protocol: %v", seen)
	}
	if states := spoke.states(); len(states) != 0 {
		t.Errorf("the larval SA is among the SAs: %+v", states)
	}
	// The SAs take the larval one's place at once.
	connect(spoke, hub, suite{aead: gcm})
	exchange(spoke, hub)
}

func TestClearGREIsNotAccepted(t *testing.T) {
	for _, test := range []struct {
		name, counter string
		policies      []Policy
	}{
		{"by the pair", "XfrmInTmplMismatch", FailClosed(testReqID)},
		{"by the block policy alone", "XfrmInPolBlock", blockOnly()},
	} {
		t.Run(test.name, func(t *testing.T) {
			spoke, hub := newLab(t)
			for _, p := range test.policies {
				if err := spoke.xfrm.PutPolicy(p); err != nil {
					t.Fatal(err)
				}
			}
			before := spoke.statistic(test.counter)
			hub.send(hubTunnel, spokeTunnel)
			spoke.rises(test.counter, before)
		})
	}
}

func TestBlockPolicyHoldsWithoutThePair(t *testing.T) {
	spoke, hub := newLab(t)
	connect(spoke, hub, suite{aead: gcm})
	for _, p := range FailClosed(testReqID) {
		if !p.Block {
			if err := spoke.xfrm.DeletePolicy(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := spoke.statistic("XfrmOutPolBlock")
	spoke.send(spokeTunnel, hubTunnel)
	spoke.rises("XfrmOutPolBlock", before)
	if seen := hub.arrived(spoke, protoGRE, 0); seen[protoGRE] != 0 || seen[protoESP] != 0 {
		t.Errorf("packets on the wire by protocol: %v", seen)
	}
}

func blockOnly() []Policy {
	return slices.DeleteFunc(FailClosed(testReqID), func(p Policy) bool { return !p.Block })
}

func TestMovedMappingIsSeenAndFollowed(t *testing.T) {
	spoke, hub := newLab(t)
	s := suite{aead: gcm, nat: true}
	connect(spoke, hub, s)
	exchange(spoke, hub)

	// The NAT in between gives the spoke another port: played by the spoke's own
	// outbound SA.
	toHub, toSpoke := s.pair()
	toHub.Encap = &Encap{SrcPort: 61000, DstPort: 4500}
	if err := spoke.xfrm.UpdateSA(turn(toHub)); err != nil {
		t.Fatal(err)
	}
	exchange(spoke, hub)
	want := Mapping{
		ID: toHub.ID(), ReqID: testReqID,
		Old: netip.AddrPortFrom(spokeAddr, 4500), New: netip.AddrPortFrom(spokeAddr, 61000),
	}
	if got := next[Mapping](hub); got != want {
		t.Errorf("mapping = %+v, want %+v", got, want)
	}

	toSpoke.Encap = &Encap{SrcPort: 4500, DstPort: 61000}
	for _, sa := range []SA{toHub, toSpoke} {
		if err := hub.xfrm.UpdateSA(sa); err != nil {
			t.Fatal(err)
		}
	}
	for i, state := range hub.states() {
		if want := []SA{toHub, toSpoke}[i].Encap; *state.Encap != *want {
			t.Errorf("SA %s: ports %+v, want %+v", state.ID(), *state.Encap, *want)
		}
		if state.Packets != 2 || state.LastSequence != 2 {
			t.Errorf("SA %s: counters %+v, want 2 packets as before the update", state.ID(), state.Counters)
		}
	}
}

func TestMoveToAnotherAddress(t *testing.T) {
	for _, esn := range []bool{false, true} {
		spoke, hub := newLab(t)
		s := suite{aead: gcm, esn: esn}
		connect(spoke, hub, s)
		exchange(spoke, hub)
		toHub, toSpoke := s.pair()
		for _, sa := range []SA{toHub, toSpoke} {
			old := sa.ID()
			if sa.In {
				sa.Src = netip.MustParseAddr("192.0.2.77")
			} else {
				sa.Dst = netip.MustParseAddr("192.0.2.77")
			}
			if err := hub.xfrm.MoveSA(old, sa); err != nil {
				t.Fatal(err)
			}
		}
		states := hub.states()
		if len(states) != 2 || states[0].LastSequence != 1 || states[1].LastSequence != 1+sequenceGap {
			t.Fatalf("ESN %v: SAs after the move: %+v", esn, states)
		}
		// What was received before the move is a replay after it: let the spoke
		// begin its numbers again.
		if err := spoke.xfrm.DeleteSA(toHub.ID()); err != nil {
			t.Fatal(err)
		}
		spoke.add(turn(toHub))
		before := hub.statistic("XfrmInStateSeqError")
		spoke.send(spokeTunnel, hubTunnel)
		hub.rises("XfrmInStateSeqError", before)
		if got := hub.states()[0].ReplayErrors; got != 1 {
			t.Errorf("ESN %v: %d replay errors, want 1", esn, got)
		}
	}
}

func TestPacketLimits(t *testing.T) {
	spoke, hub := newLab(t)
	spoke.protect()
	toHub, _ := suite{aead: gcm}.pair()
	toHub = turn(toHub)
	toHub.SoftPackets, toHub.HardPackets = 2, 4
	spoke.add(toHub)
	for _, step := range []struct {
		packets int
		hard    bool
	}{
		{3, false}, // the third is the first one beyond 2
		{2, true},  // the second of these is the first one beyond 4
	} {
		for range step.packets {
			spoke.send(spokeTunnel, hubTunnel)
		}
		if got, want := next[Expire](spoke), (Expire{toHub.ID(), testReqID, step.hard}); got != want {
			t.Errorf("expire = %+v, want %+v", got, want)
		}
	}
	if seen := hub.arrived(spoke, protoESP, 4); seen[protoGRE] != 0 || seen[protoESP] != 4 {
		t.Errorf("packets on the wire by protocol: %v, want 4 of ESP", seen)
	}
	if states := spoke.states(); len(states) != 0 {
		t.Errorf("the expired SA is still there: %+v", states)
	}
}

func TestErrorsThatCallersBranchOn(t *testing.T) {
	_, hub := newLab(t)
	toHub, toSpoke := suite{aead: gcm}.pair()
	hub.add(toHub)
	if err := hub.xfrm.AddSA(toHub); !errors.Is(err, unix.EEXIST) {
		t.Errorf("second AddSA: %v, want EEXIST", err)
	}
	if err := hub.xfrm.UpdateSA(toSpoke); !errors.Is(err, unix.ESRCH) {
		t.Errorf("UpdateSA of none: %v, want ESRCH", err)
	}
	for range 2 {
		if err := hub.xfrm.DeleteSA(toHub.ID()); err != nil {
			t.Error(err)
		}
	}
	toHub.AEAD = &Algorithm{Name: "rfc4106(gcm(nosuch))", Key: make([]byte, 36), ICVBits: 128}
	if err := hub.xfrm.AddSA(toHub); err == nil {
		t.Error("an unknown algorithm is accepted")
	}
}

// TestOnlyGREComesOutOfAnSA has the spoke misuse its SA for plain UDP to the
// hub's own address.
func TestOnlyGREComesOutOfAnSA(t *testing.T) {
	spoke, hub := newLab(t)
	toHub, _ := suite{aead: gcm}.pair()
	hub.protect()
	hub.add(toHub)
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	p := Policy{Dir: DirectionOut, Src: everywhere, Dst: everywhere, Proto: unix.IPPROTO_UDP, ReqID: testReqID}
	if err := spoke.xfrm.PutPolicy(p); err != nil {
		t.Fatal(err)
	}
	sent := turn(toHub)
	body, err := sent.marshal(replay{})
	if err != nil {
		t.Fatal(err)
	}
	const selectorProto = 44
	if body[selectorProto] != protoGRE {
		t.Fatal("the selector's protocol is elsewhere")
	}
	body[selectorProto] = 0
	if err := spoke.xfrm.request(msgNewSA, body); err != nil {
		t.Fatal(err)
	}
	before := hub.statistic("XfrmInStateMismatch")
	conn := spoke.udp(bindTo(spoke.vrf), netip.AddrPortFrom(spokeAddr, 0))
	if _, err := conn.WriteToUDPAddrPort([]byte("hello"), netip.AddrPortFrom(hubAddr, 7)); err != nil {
		t.Fatal(err)
	}
	hub.rises("XfrmInStateMismatch", before)
}
