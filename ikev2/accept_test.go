package ikev2

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/wire"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

var (
	branchAddr  = netip.MustParseAddr("198.51.100.7")
	carrierAddr = netip.MustParseAddr("192.0.2.99")
)

// meet is a spoke that called a branch, which serves whoever knows the key.
func meet(t *testing.T) (l *lab, spoke, branch *box) {
	t.Helper()
	l = newLab(t)
	spoke, branch = l.box(spokeAddr), l.box(branchAddr)
	branch.boot(testProfile(goodKey))
	branch.accept()
	spoke.boot(testProfile(goodKey))
	if _, err := spoke.protect(t.Context(), branchAddr); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	l.agree(spoke, branch)
	return l, spoke, branch
}

func TestAcceptServesStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, spoke, branch := meet(t)
		status := branch.engine.Status()
		if status.Requests.Cookies != 1 || status.Requests.Admitted != 1 || len(status.Peers) != 1 || !status.Peers[0].Guest {
			t.Errorf("status: %+v", status)
		}
		if !slices.Equal(branch.came, []netip.Addr{spokeAddr}) {
			t.Errorf("told of the guests %v", branch.came)
		}
		for range 10 { // an hour with traffic
			time.Sleep(6 * time.Minute)
			branch.kernel.carry(true)
		}
		if peers := branch.engine.Status().Peers; len(peers) != 1 || peers[0].Uptime < time.Hour {
			t.Errorf("a guest with traffic does not stay: %+v", peers)
		}
		spoke.stop()
		// Nobody answers any more, and nobody is called.
		time.Sleep(2 * time.Minute)
		if peers := branch.engine.Status().Peers; len(peers) != 0 || len(branch.kernel.spis()) != 0 {
			t.Errorf("a guest that is gone is still there: %+v", peers)
		}
		branch.stop()
	})
}

func TestIdleGuestIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, branch := meet(t)
		time.Sleep(idleTime - time.Minute)
		synctest.Wait()
		l.agree(spoke, branch)
		sent := l.sent.Load()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if l.sent.Load() == sent {
			t.Error("no good-bye was said")
		}
		// The spoke still wants it and calls again.
		if peers := branch.engine.Status().Peers; len(peers) != 1 || peers[0].Uptime > 2*time.Minute {
			t.Errorf("the idle guest is not released: %+v", peers)
		}
		spoke.stop()
		branch.stop()
	})
}

// TestUnwantedPeerBecomesAGuest: what nobody here wants any more may still be
// wanted at the other end.
func TestUnwantedPeerBecomesAGuest(t *testing.T) {
	for _, welcome := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			spoke, branch := l.box(spokeAddr), l.box(branchAddr)
			branch.boot(testProfile(goodKey))
			branch.accept()
			spoke.boot(testProfile(goodKey))
			if welcome {
				spoke.accept()
			}
			ctx, forgo := context.WithCancel(t.Context())
			if _, err := spoke.protect(ctx, branchAddr); err != nil {
				t.Fatal(err)
			}
			forgo()
			for range 10 {
				time.Sleep(unwantedTime / 3)
				spoke.kernel.carry(true)
			}
			peers := spoke.engine.Status().Peers
			if stays := len(peers) == 1 && peers[0].Guest && peers[0].Protected; stays != welcome {
				t.Errorf("guests welcome: %v, and there is %+v", welcome, peers)
			}
			spoke.stop()
			branch.stop()
		})
	}
}

func TestGuestsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, branch := meet(t)
		before := branch.kernel.spis()
		branch.stop()
		branch.boot(testProfile(goodKey))
		branch.accept()
		time.Sleep(time.Minute)
		l.agree(spoke, branch)
		if peers := branch.engine.Status().Peers; !slices.Equal(before, branch.kernel.spis()) || len(peers) != 1 || !peers[0].Guest {
			t.Errorf("the guest is not taken over: %+v", peers)
		}
		spoke.stop()
		branch.stop()
	})
}

// TestNeighboursBehindOneAddress: the second spoke behind a carrier's address is
// told why it cannot be served, and the first one lives on.
func TestNeighboursBehindOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		private := []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}
		branch, one, two := l.box(branchAddr), l.box(private[0]), l.box(private[1])
		for _, a := range private {
			l.carrier[a] = carrierAddr
		}
		profile := testProfile(goodKey)
		for i, b := range []*box{branch, one, two} {
			profile.Local.ID = fmt.Sprintf("branch-%d.example.net", i)
			profile.Remote.ID = anyID
			b.boot(profile)
			b.accept()
		}
		replaced, err := one.protect(t.Context(), branchAddr)
		if err != nil {
			t.Fatal(err)
		}
		l.agree(one, branch)
		before := branch.kernel.spis()
		if _, err := two.protect(t.Context(), branchAddr); err == nil || !strings.Contains(err.Error(), "TS_UNACCEPTABLE") {
			t.Errorf("the second spoke: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if isClosed(replaced) || !slices.Equal(before, branch.kernel.spis()) {
			t.Error("the second spoke killed the first one's SAs")
		}
		// Once the first is gone, the second is served.
		one.stop()
		time.Sleep(2 * time.Minute)
		l.agree(two, branch)
		two.stop()
		branch.stop()
	})
}

// TestGuestMoves: the NAT before a guest gets another address, as ESP shows.
func TestGuestMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		branch, one := l.box(branchAddr), l.box(netip.MustParseAddr("10.0.0.2"))
		l.carrier[one.addr] = carrierAddr
		profile := testProfile(goodKey)
		profile.Remote.ID = anyID
		branch.boot(profile)
		branch.accept()
		one.boot(profile)
		if _, err := one.protect(t.Context(), branchAddr); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		elsewhere := netip.MustParseAddr("192.0.2.100")
		l.mu.Lock()
		l.carrier[one.addr] = elsewhere
		moved := l.outside(netip.AddrPortFrom(one.addr, session.PortNAT))
		l.mu.Unlock()
		in := branch.kernel.find(func(sa xfrm.SA) bool { return sa.In })
		branch.monitor <- xfrm.Mapping{ID: in, ReqID: ReqID, New: moved}
		synctest.Wait()
		peers := branch.engine.Status().Peers
		if len(peers) != 1 || peers[0].Peer != elsewhere || peers[0].Remote != moved {
			t.Fatalf("the guest is not followed: %+v", peers)
		}
		for id, sa := range branch.kernel.all() {
			if sa.In && sa.Src != elsewhere || !sa.In && id.Dst != elsewhere || sa.Encap == nil {
				t.Errorf("an SA is not followed: %s %+v", id, sa)
			}
		}
		time.Sleep(6 * time.Minute) // rekeyed where it now is
		synctest.Wait()
		l.agree(one, branch)
		if a := branch.engine.Status().Peers[0].Counters.Authentications; a != 1 {
			t.Errorf("authenticated %d times", a)
		}
		one.stop()
		branch.stop()
	})
}

func TestAcquire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, branch := l.box(spokeAddr), l.box(branchAddr)
		branch.boot(testProfile(goodKey))
		spoke.boot(testProfile(goodKey))
		wants := func(src, dst netip.Addr, reqID uint32) {
			spoke.monitor <- xfrm.Acquire{Src: src, Dst: dst, Proto: 47, ReqID: reqID}
			synctest.Wait()
		}
		wants(spokeAddr, branchAddr, ReqID)
		if peers := spoke.engine.Status().Peers; len(peers) != 0 {
			t.Errorf("without Accept a stranger is called: %+v", peers)
		}
		spoke.accept()
		branch.accept()
		wants(spokeAddr, netip.MustParseAddr("224.0.0.5"), ReqID)
		wants(spokeAddr, branchAddr, 1)
		wants(hubAddr, branchAddr, ReqID)
		if peers := spoke.engine.Status().Peers; len(peers) != 0 {
			t.Errorf("called for no reason: %+v", peers)
		}
		wants(spokeAddr, branchAddr, ReqID)
		time.Sleep(time.Second)
		l.agree(spoke, branch)

		branch.stop()
		time.Sleep(2 * time.Minute)
		sent := l.sent.Load()
		time.Sleep(time.Hour)
		if more := l.sent.Load() - sent; more != 0 || len(spoke.engine.Status().Peers) != 0 {
			t.Errorf("a guest that is lost is called again: %d messages", more)
		}
		spoke.stop()
	})
}

// TestAcquireHurries: a packet to a wanted peer ends the pause between attempts.
func TestAcquireHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile("another key altogether"))
		hub.admit(spokeAddr)
		spoke.boot(testProfile(goodKey))
		for range 3 { // the pause is now some seconds
			if _, err := spoke.protect(t.Context(), hubAddr); err == nil {
				t.Fatal("the wrong key is accepted")
			}
		}
		wait := spoke.engine.Status().Peers[0].RetryIn
		sent := l.sent.Load()
		spoke.monitor <- xfrm.Acquire{Src: spokeAddr, Dst: hubAddr, Proto: 47, ReqID: ReqID}
		synctest.Wait()
		if wait < time.Second || l.sent.Load() == sent {
			t.Errorf("%d messages leave at once, although the next attempt was %v away", l.sent.Load()-sent, wait)
		}
		spoke.stop()
		hub.stop()
	})
}

// TestFloodOfRequests: what comes from made-up addresses leaves no trace.
func TestFloodOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, branch := meet(t)
		var data [][]byte
		for i := range 2000 {
			data = append(data, initRequest(uint64(i)+1))
		}
		for i, d := range data {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 500)
			branch.engine.packet(udp.Packet{Local: netip.AddrPortFrom(branchAddr, 500), Remote: from, Data: d})
		}
		status := branch.engine.Status()
		if len(status.Peers) != 1 || status.HalfOpen != 0 || status.Requests.Cookies != 2001 {
			t.Errorf("status: %+v", status)
		}
		// The same of one that does return its cookies: it is bounded, and its
		// neighbour gets in.
		for i := range data {
			branch.engine.mu.Lock()
			p := branch.engine.newGuest(branch.engine.profiles["hq"], netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}))
			branch.engine.makeRoom()
			p.apply(p.session.Receive(branch.engine.sinceBoot(), session.Packet{
				Local: netip.AddrPortFrom(branchAddr, 500), Remote: netip.AddrPortFrom(p.addr, 500), Data: data[i]}))
			branch.engine.mu.Unlock()
		}
		synctest.Wait()
		if status := branch.engine.Status(); status.HalfOpen != maxHalfOpen || len(status.Peers) > maxHalfOpen+2 {
			t.Errorf("%d half-open, %d peers", status.HalfOpen, len(status.Peers))
		}
		time.Sleep(time.Minute)
		l.agree(spoke, branch)
		if status := branch.engine.Status(); status.HalfOpen != 0 || len(status.Peers) != 1 {
			t.Errorf("after a minute: %d half-open, %d peers", status.HalfOpen, len(status.Peers))
		}
		spoke.stop()
		branch.stop()
	})
}

// initRequest returns IKE_SA_INIT as it begins an IKE SA with a box of the lab.
func initRequest(spi uint64) []byte {
	share, err := suite.NewKeyShare(suite.Curve25519, rand.Reader)
	if err != nil {
		panic(err)
	}
	proposal, err := suite.ParseIKE(testProfile(goodKey).IKE[0])
	if err != nil {
		panic(err)
	}
	m := wire.Message{
		Header: wire.Header{SPIi: spi, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator},
		Payloads: []wire.Payload{
			suite.Offer{proposal}.Payload(wire.ProtocolIKE, nil),
			wire.KE{Group: uint16(suite.Curve25519), Data: share.Public},
			wire.Nonce(make([]byte, 32)),
		},
	}
	return m.Marshal()
}

func TestHostIsTheFirstThatFits(t *testing.T) {
	profiles := Config{}
	for name, ike := range map[string]string{"a": "aes256-sha256-modp2048", "b": "aes256gcm16-prfsha256-curve25519", "c": "aes256gcm16-prfsha256-curve25519-ecp256"} {
		p := testProfile(goodKey)
		p.IKE = []string{ike}
		profiles[name] = p
	}
	e, err := New("front", profiles, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.Parse(initRequest(7))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ accept, want string }{{"", ""}, {"c", "c"}, {"a", "c"}, {"b", "b"}} {
		if step.accept != "" {
			e.profiles[step.accept].accepting[t.Context()] = func(netip.Addr) {}
		}
		got := ""
		if p := e.host(m); p != nil {
			got = p.name
		}
		if got != step.want {
			t.Errorf("with %s accepting too, %q answers, want %q", step.accept, got, step.want)
		}
	}
}
