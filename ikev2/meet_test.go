package ikev2

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestMeet: a profile that demands the hub's identity meets another spoke all the
// same, keeps it as long as somebody wants it, over a restart and over a loss, and
// not beyond.
func TestMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, branch := l.box(spokeAddr), l.box(branchAddr)
		branch.boot(testProfile(goodKey))
		branch.accept()
		profile := testProfile(goodKey)
		profile.Remote.ID = "hub1.example.net"
		spoke.boot(profile)
		meet := func(ctx context.Context) (<-chan struct{}, error) {
			p, err := spoke.engine.Profile("hq")
			if err != nil {
				t.Fatal(err)
			}
			return p.Meet(ctx, branchAddr, nil)
		}
		mistaken, forgo := context.WithCancel(t.Context())
		if _, err := spoke.protect(mistaken, branchAddr); err == nil {
			t.Error("another spoke has passed for the hub")
		}
		forgo()
		synctest.Wait()

		ctx, forgo := context.WithCancel(t.Context())
		if _, err := meet(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		l.agree(spoke, branch)
		before := spoke.kernel.spis()

		spoke.stop()
		spoke.boot(profile)
		replaced, err := meet(ctx)
		if err != nil || len(before) == 0 || len(spoke.kernel.spis()) != len(before) {
			t.Fatalf("after a restart: %v, SAs %v, before %v", err, spoke.kernel.spis(), before)
		}

		branch.stop()
		clear(branch.kernel.sas)
		clear(branch.memory.records)
		branch.boot(testProfile(goodKey))
		branch.accept()
		time.Sleep(5 * time.Minute)
		if !isClosed(replaced) {
			t.Error("the loss was not told")
		}
		if _, err := meet(ctx); err != nil {
			t.Errorf("not met again: %v", err)
		}

		forgo()
		time.Sleep(idleTime + unwantedTime)
		if peers := spoke.engine.Status().Peers; len(peers) != 0 {
			t.Errorf("still there: %+v", peers)
		}
		spoke.stop()
		branch.stop()
	})
}

// TestMeetEachOther: two spokes that call each other at the same time end up with
// one IKE SA, soon and for good.
func TestMeetEachOther(t *testing.T) {
	for seed := range 20 {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			boxes := []*box{l.box(spokeAddr), l.box(branchAddr)}
			for _, b := range boxes {
				profile := testProfile(goodKey)
				profile.Remote.ID = "hub1.example.net"
				b.boot(profile)
				b.accept()
			}
			met := make(chan error, 2)
			for i, b := range boxes {
				go func() {
					time.Sleep(time.Duration(i*seed) * 5 * time.Millisecond)
					p, err := b.engine.Profile("hq")
					if err == nil {
						_, err = p.Meet(t.Context(), boxes[1-i].addr, nil)
					}
					met <- err
				}()
			}
			for range boxes {
				if err := <-met; err != nil {
					t.Error(err)
				}
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			l.agree(boxes[0], boxes[1])
			before := boxes[0].kernel.spis()
			time.Sleep(time.Minute)
			synctest.Wait()
			if after := boxes[0].kernel.spis(); len(before) != 2 || !slices.Equal(before, after) {
				t.Errorf("offset %d ms: SAs %x and a minute later %x", seed*5, before, after)
			}
			for _, b := range boxes {
				b.stop()
			}
		})
	}
}
