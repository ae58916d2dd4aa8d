package ikev2

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/wire"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

func TestProtect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, replaced := pair(t)
		if len(spoke.kernel.policies) != len(xfrm.FailClosed(ReqID)) {
			t.Errorf("policies: %v", spoke.kernel.policies)
		}
		again, err := spoke.protect(t.Context(), hubAddr)
		if err != nil || again != replaced {
			t.Errorf("a second Protect returns another channel, %v", err)
		}
		status := spoke.engine.Status()
		if len(status.Peers) != 1 || !status.Peers[0].Protected || status.Peers[0].State != "up" {
			t.Errorf("Status: %+v", status)
		}
		before := spoke.kernel.spis()
		time.Sleep(3*time.Hour + time.Second)
		for range 60 { // until no rekeying is under way
			if synctest.Wait(); len(spoke.kernel.spis()) == 2 && len(hub.kernel.spis()) == 2 {
				break
			}
			time.Sleep(time.Second)
		}
		l.agree(spoke, hub)
		if slices.Equal(before, spoke.kernel.spis()) {
			t.Error("the SAs were not rekeyed")
		}
		if isClosed(replaced) {
			t.Error("rekeying closes the channel")
		}
		spoke.stop()
		hub.stop()
	})
}

func TestProtectSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile("another key altogether"))
		hub.admit(spokeAddr)
		spoke.boot(testProfile(goodKey))
		_, err := spoke.protect(t.Context(), hubAddr)
		if err == nil || !strings.Contains(err.Error(), "rejected our pre-shared key") {
			t.Errorf("Protect = %v", err)
		}
		hub.stop()
		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		// The Engine goes on by itself.
		time.Sleep(time.Minute)
		l.agree(spoke, hub)
		spoke.stop()
		hub.stop()
	})
}

func TestRestartTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, _ := pair(t)
		before := spoke.kernel.spis()
		spoke.stop()
		leftOver := xfrm.SA{
			Src: hubAddr, Dst: spokeAddr, SPI: 0x1000, ReqID: ReqID, In: true, ReplayWindow: 64,
			AEAD: &xfrm.Algorithm{Name: "rfc4106(gcm(aes))", Key: make([]byte, 36), ICVBits: 128},
		}
		if err := spoke.kernel.AddSA(leftOver); err != nil {
			t.Fatal(err)
		}
		sent := l.sent.Load()
		spoke.boot(testProfile(goodKey))
		replaced, err := spoke.protect(t.Context(), hubAddr)
		if err != nil {
			t.Fatal(err)
		}
		l.agree(spoke, hub)
		if !slices.Equal(before, spoke.kernel.spis()) {
			t.Errorf("SPIs change from %x to %x", before, spoke.kernel.spis())
		}
		if more := l.sent.Load() - sent; more != 0 {
			t.Errorf("the restart takes %d messages", more)
		}
		time.Sleep(2 * time.Hour)
		if isClosed(replaced) || hub.engine.Status().Peers[0].Counters.Authentications != 1 {
			t.Error("the SAs were opened anew")
		}
		spoke.stop()
		hub.stop()
	})
}

// TestEachPeerHasARecord: what is written for one peer does not grow with the
// number of peers, and goes with the peer.
func TestEachPeerHasARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		spoke.boot(testProfile(goodKey))
		wanted, forgo := context.WithCancel(t.Context())
		if _, err := spoke.protect(wanted, hubAddr); err != nil {
			t.Fatal(err)
		}
		names := func() []string {
			spoke.memory.mu.Lock()
			defer spoke.memory.mu.Unlock()
			return slices.Sorted(maps.Keys(spoke.memory.records))
		}
		if got, want := names(), []string{"ikev2-front:" + hubAddr.String()}; !slices.Equal(got, want) {
			t.Errorf("records %q, want %q", got, want)
		}
		forgo()
		time.Sleep(2 * unwantedTime)
		if got := names(); len(got) != 0 {
			t.Errorf("records %q are left of a peer that nobody wants", got)
		}
		spoke.stop()
		hub.stop()
	})
}

func TestRestartStartsOver(t *testing.T) {
	for name, damage := range map[string]func(*box) Profile{
		"the kernel has lost an SA": func(b *box) Profile {
			for id := range b.kernel.sas {
				delete(b.kernel.sas, id)
				break
			}
			return testProfile(goodKey)
		},
		"the profile has changed": func(*box) Profile {
			p := testProfile(goodKey)
			p.DPD = 10 * time.Second
			return p
		},
		"the checkpoint is gone": func(b *box) Profile {
			clear(b.memory.records)
			return testProfile(goodKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, spoke, hub, _ := pair(t)
				before := spoke.kernel.spis()
				spoke.stop()
				spoke.boot(damage(spoke))
				if _, err := spoke.protect(t.Context(), hubAddr); err != nil {
					t.Fatal(err)
				}
				l.agree(spoke, hub)
				if slices.Equal(before, spoke.kernel.spis()) {
					t.Error("the SAs are the same")
				}
				spoke.stop()
				hub.stop()
			})
		})
	}
}

func TestShutdownSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, spoke, hub, _ := pair(t)
		spoke.stop()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if err := spoke.engine.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(spoke.kernel.spis()) != 0 {
			t.Errorf("SAs are left: %x", spoke.kernel.spis())
		}
		time.Sleep(10 * time.Second) // what is on its way is still taken
		if len(hub.kernel.spis()) != 0 {
			t.Errorf("SAs are left at the hub: %x", hub.kernel.spis())
		}
		hub.stop()
	})
}

func TestHubIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, replaced := pair(t)
		l.mu.Lock()
		l.down[hubAddr] = true
		l.mu.Unlock()
		<-replaced
		if _, err := spoke.protect(t.Context(), hubAddr); err == nil || !strings.Contains(err.Error(), "has been silent for") {
			t.Errorf("Protect = %v", err)
		}
		l.mu.Lock()
		l.down[hubAddr] = false
		l.mu.Unlock()
		for {
			if _, err := spoke.protect(t.Context(), hubAddr); err == nil {
				break
			}
		}
		time.Sleep(10 * time.Second) // what is on its way is still taken
		l.agree(spoke, hub)
		spoke.stop()
		hub.stop()
	})
}

func TestUplinkComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, replaced := pair(t)
		spoke.link(netip.Addr{})
		time.Sleep(15 * time.Second)
		if status := spoke.engine.Status().Peers[0]; isClosed(replaced) || status.State != "up" && status.Counters.Retransmissions > 0 {
			t.Errorf("an uplink that is down costs the SAs: %+v", status)
		}
		spoke.link(spokeAddr)
		time.Sleep(time.Second)
		l.agree(spoke, hub)
		if isClosed(replaced) {
			t.Error("the SAs were opened anew although the address is the same")
		}
		spoke.stop()
		hub.stop()
	})
}

func TestKernelEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, replaced := pair(t)
		id := spoke.kernel.any()
		spoke.monitor <- xfrm.Expire{ID: id, ReqID: ReqID}
		time.Sleep(20 * time.Second)
		l.agree(spoke, hub)
		if spoke.kernel.has(id) {
			t.Error("an SA that ran out of packets was not rekeyed")
		}
		if err := spoke.kernel.DeleteSA(spoke.kernel.any()); err != nil {
			t.Fatal(err)
		}
		spoke.monitor <- xfrm.Lost{}
		time.Sleep(20 * time.Second)
		l.agree(spoke, hub)
		if isClosed(replaced) {
			t.Error("the peer was authenticated anew")
		}
		spoke.stop()
		hub.stop()
	})
}

func TestKernelRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		spoke.kernel.refuse = errors.New("unable to initialize cryptographic operations")
		spoke.boot(testProfile(goodKey))
		if _, err := spoke.protect(t.Context(), hubAddr); err == nil || !strings.Contains(err.Error(), "the kernel refuses the ESP SA (aes256gcm16-esn): unable") {
			t.Errorf("Protect = %v", err)
		}
		spoke.kernel.mu.Lock()
		spoke.kernel.refuse = nil
		spoke.kernel.mu.Unlock()
		time.Sleep(time.Minute)
		l.agree(spoke, hub)
		spoke.stop()
		hub.stop()
	})
}

func TestNothingLeavesUnsaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke := l.box(spokeAddr)
		spoke.memory.refuse = errors.New("no space left on device")
		spoke.boot(testProfile(goodKey))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := spoke.protect(ctx, hubAddr); err == nil {
			t.Error("Protect succeeds")
		}
		if sent := l.sent.Load(); sent != 0 {
			t.Errorf("%d messages left", sent)
		}
		spoke.stop()
	})
}

func TestUnwantedPeerIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		spoke.boot(testProfile(goodKey))
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := spoke.protect(ctx, hubAddr); err != nil {
			t.Fatal(err)
		}
		cancel()
		time.Sleep(unwantedTime - time.Second)
		l.agree(spoke, hub)
		time.Sleep(10 * time.Second)
		if peers := spoke.engine.Status().Peers; len(peers) != 0 || len(spoke.kernel.spis()) != 0 || len(hub.kernel.spis()) != 0 {
			t.Errorf("something is left: %+v", peers)
		}
		spoke.stop()
		hub.stop()
	})
}

func TestStrangersAreNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile(goodKey))
		spoke.boot(testProfile(goodKey))
		if _, err := spoke.protect(t.Context(), hubAddr); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("Protect = %v", err)
		}
		spoke.stop()
		hub.stop()
	})
}

// TestOtherVersionsAreAnsweredToPeers sends requests of a later version in the
// name of a peer and of a stranger, and counts the answers where they arrive.
func TestOtherVersionsAreAnsweredToPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, spoke, hub, _ := pair(t)
		later := (&wire.Message{Header: wire.Header{SPIi: 1, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator}}).Marshal()
		later[17] = 0x30
		strays := func() uint64 {
			synctest.Wait()
			time.Sleep(time.Second)
			return spoke.engine.Status().Peers[0].Counters.Stray
		}
		before := strays()
		at := udp.Packet{Local: netip.AddrPortFrom(hubAddr, udp.Port), Remote: netip.AddrPortFrom(spokeAddr, udp.Port), Data: later}
		hub.engine.packet(at)
		if got := strays() - before; got != 1 {
			t.Errorf("the peer gets %d answers, want 1", got)
		}
		at.Remote = netip.MustParseAddrPort("192.0.2.99:500")
		hub.engine.packet(at)
		if got := len(hub.engine.Status().Peers); got != 1 || strays()-before != 1 {
			t.Errorf("a stranger makes %d peers, or is answered", got)
		}
		spoke.stop()
		hub.stop()
	})
}
