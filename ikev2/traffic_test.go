package ikev2

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTrafficIsNotAnswered: packets leave and none comes back.
func TestTrafficIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, spoke, hub, replaced := pair(t)
		protector, err := spoke.engine.Profile("hq")
		if err != nil {
			t.Fatal(err)
		}
		var probes atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := protector.Protect(ctx, hubAddr, func() { probes.Add(1) }); err != nil {
			t.Fatal(err)
		}
		for range 60 { // traffic that is answered is nobody's business
			spoke.kernel.carry(false)
			spoke.kernel.carry(true)
			time.Sleep(time.Second)
		}
		if probes.Load() > 0 || isClosed(replaced) {
			t.Fatalf("%d probes without need", probes.Load())
		}
		began := time.Now()
		var talking sync.WaitGroup
		talking.Go(func() {
			for ctx.Err() == nil {
				spoke.kernel.carry(false)
				time.Sleep(500 * time.Millisecond)
			}
		})
		<-replaced // another IKE SA
		replaced, err = protector.Protect(ctx, hubAddr, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-replaced // which does not help
		if took := time.Since(began); took > 12*time.Second || probes.Load() < 5 {
			t.Errorf("told after %s and %d probes", took, probes.Load())
		}
		if status := spoke.engine.Status().Peers[0]; status.Protected || !strings.Contains(status.LastError, "nothing has come back through ESP") {
			t.Errorf("status: %+v", status)
		}
		if _, err = protector.Protect(ctx, hubAddr, nil); err == nil || !strings.Contains(err.Error(), "nothing has come back through ESP") {
			t.Errorf("Protect = %v", err)
		}
		spoke.kernel.carry(true)
		if _, err = protector.Protect(ctx, hubAddr, nil); err != nil {
			t.Error(err)
		}
		cancel()
		talking.Wait()
		spoke.stop()
		hub.stop()
	})
}

// TestSAsAreFlushed: somebody removes all SAs of the kernel without our hearing of
// it.
func TestSAsAreFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, spoke, hub, _ := pair(t)
		spoke.kernel.mu.Lock()
		clear(spoke.kernel.sas)
		spoke.kernel.mu.Unlock()
		time.Sleep(8 * time.Second) // what the hub had is drained
		synctest.Wait()
		l.agree(spoke, hub)
		spoke.stop()
		hub.stop()
	})
}

// TestNoRoute: messages cannot leave for a while, which is told and costs no
// attempt once they can.
func TestNoRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		spoke, hub := l.box(spokeAddr), l.box(hubAddr)
		hub.boot(testProfile(goodKey))
		hub.admit(spokeAddr)
		l.unroutable[spokeAddr] = true
		spoke.boot(testProfile(goodKey))
		if _, err := spoke.protect(t.Context(), hubAddr); err == nil || !strings.Contains(err.Error(), "cannot leave the box: network is unreachable") {
			t.Errorf("Protect = %v", err)
		}
		l.mu.Lock()
		l.unroutable[spokeAddr] = false
		l.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		l.agree(spoke, hub)
		spoke.stop()
		hub.stop()
	})
}
