package ikev2

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestUplinkThatLeadsNowhere: whoever has another uplink is told, soon when a
// peer falls silent and later when none has answered yet.
func TestUplinkThatLeadsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		var told []time.Time
		spoke.change = func(d *Deps) {
			d.Unreached = func(uplink string) {
				if uplink != "wan" {
					t.Errorf("uplink %q is said to lead nowhere", uplink)
				}
				told = append(told, time.Now())
			}
		}
		began := time.Now()
		expect := func(what string, least, most time.Duration) {
			t.Helper()
			synctest.Wait()
			if len(told) == 0 {
				t.Fatalf("%s: nobody is told", what)
			}
			if after := told[0].Sub(began); after < least || after > most {
				t.Errorf("%s: told after %s, want %s to %s", what, after, least, most)
			}
			began, told = time.Now(), nil
		}
		spoke.boot(testProfile(goodKey))
		time.Sleep(2 * reachTime)
		synctest.Wait()
		if len(told) > 0 {
			t.Fatal("an uplink over which nobody is wanted is said to lead nowhere")
		}
		began = time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wanting sync.WaitGroup
		wanting.Go(func() {
			for ctx.Err() == nil {
				spoke.protect(ctx, hubAddr)
				time.Sleep(time.Second)
			}
		})
		time.Sleep(reachTime + 2*time.Second)
		expect("nobody has answered yet", reachTime-2*time.Second, reachTime+2*time.Second)

		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		time.Sleep(time.Minute)
		began, told = time.Now(), nil
		for range 60 {
			spoke.kernel.carry(false)
			spoke.kernel.carry(true)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if len(told) > 0 {
			t.Fatal("an uplink that works is said to lead nowhere")
		}
		hub.stop()
		l.mu.Lock()
		delete(l.sockets, hubAddr) // without a word
		l.mu.Unlock()
		began = time.Now()
		for range 15 {
			spoke.kernel.carry(false)
			time.Sleep(time.Second)
		}
		expect("the hub falls silent", 0, 12*time.Second)
		cancel()
		wanting.Wait()
		spoke.stop()
	})
}
