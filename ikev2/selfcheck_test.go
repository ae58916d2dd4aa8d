package ikev2

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/ikev2/xfrm"
)

func TestSelfCheckMends(t *testing.T) {
	anywhere := netip.MustParsePrefix("0.0.0.0/0")
	foreign := xfrm.Policy{Dir: xfrm.DirectionOut, Src: anywhere, Dst: anywhere, Priority: 100}
	for name, test := range map[string]struct {
		damage func(*kernel)
		words  string
		// renewed says that the SAs are not the same afterwards.
		renewed bool
	}{
		"a policy is deleted": {func(k *kernel) { k.policies = k.policies[1:] }, "the policy out src 0.0.0.0/0 dst 0.0.0.0/0 proto 47 priority 1000 esp reqid", false},
		"a block is lifted":   {func(k *kernel) { k.policies[1].Block = false; k.policies[1].Priority = 3000 }, "priority 2000 block was missing", false},
		"an SA is deleted": {func(k *kernel) {
			for id := range k.sas {
				delete(k.sas, id)
				break
			}
		}, "was removed or replaced", true},
		"an SA has another key": {func(k *kernel) {
			for id, sa := range k.sas {
				sa.AEAD = &xfrm.Algorithm{Name: sa.AEAD.Name, Key: bytes.Repeat([]byte{1}, 36), ICVBits: 128}
				k.sas[id] = sa
				break
			}
		}, "was removed or replaced", true},
		"an SA has other limits": {func(k *kernel) {
			for id, sa := range k.sas {
				sa.HardBytes = 0
				k.sas[id] = sa
			}
		}, "had other ports or limits", false},
		"an SA of nobody": {func(k *kernel) {
			for _, sa := range k.sas {
				if !sa.In {
					sa.SPI++
					k.sas[sa.ID()] = sa
					break
				}
			}
		}, "was none of ours", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, spoke, hub, _ := pair(t)
				before := spoke.kernel.spis()
				spoke.kernel.mu.Lock()
				test.damage(spoke.kernel)
				spoke.kernel.mu.Unlock()
				time.Sleep(2 * checkInterval)
				synctest.Wait()
				l.agree(spoke, hub)
				if renewed := !slices.Equal(before, spoke.kernel.spis()); renewed != test.renewed {
					t.Errorf("the SAs were renewed: %v", renewed)
				}
				for _, p := range xfrm.FailClosed(ReqID) {
					if !slices.Contains(spoke.kernel.policies, p) {
						t.Errorf("the policy %s is not back", p)
					}
				}
				for id, sa := range spoke.kernel.all() {
					if sa.HardBytes != hardBytes {
						t.Errorf("%s has no limit", id)
					}
				}
				drift := spoke.engine.Status().Drift
				if drift.Mended == 0 || !strings.Contains(drift.Last, test.words) {
					t.Errorf("status: %+v, want %q", drift, test.words)
				}
				time.Sleep(2 * checkInterval)
				if again := spoke.engine.Status().Drift; again.Mended != drift.Mended {
					t.Errorf("mended again: %+v", again)
				}
				spoke.stop()
				hub.stop()
			})
		})
	}
	t.Run("a policy of somebody else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, spoke, hub, replaced := pair(t)
			harmless := foreign
			harmless.Priority = 5000
			for _, p := range []xfrm.Policy{foreign, harmless} {
				if err := spoke.kernel.PutPolicy(p); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(checkInterval + time.Second)
			if got := spoke.engine.Status().Drift.Foreign; !slices.Equal(got, []string{foreign.String()}) {
				t.Errorf("reported: %q", got)
			}
			spoke.kernel.mu.Lock()
			spoke.kernel.policies = slices.DeleteFunc(spoke.kernel.policies, func(p xfrm.Policy) bool { return p == foreign })
			spoke.kernel.mu.Unlock()
			time.Sleep(checkInterval)
			if drift := spoke.engine.Status().Drift; len(drift.Foreign) != 0 || isClosed(replaced) {
				t.Errorf("after its end: %+v", drift)
			}
			spoke.stop()
			hub.stop()
		})
	})
}

// TestSelfCheckWithoutKeys: a kernel that is locked down shows zeros for keys, and
// nothing is mended for that.
func TestSelfCheckWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, spoke, hub, replaced := pair(t)
		before := spoke.kernel.spis()
		spoke.kernel.mu.Lock()
		for id, sa := range spoke.kernel.sas {
			sa.AEAD = &xfrm.Algorithm{Name: sa.AEAD.Name, Key: make([]byte, len(sa.AEAD.Key)), ICVBits: sa.AEAD.ICVBits}
			spoke.kernel.sas[id] = sa
		}
		spoke.kernel.mu.Unlock()
		time.Sleep(2 * checkInterval)
		synctest.Wait()
		if drift := spoke.engine.Status().Drift; drift.Mended != 0 || isClosed(replaced) || !slices.Equal(before, spoke.kernel.spis()) {
			t.Errorf("SAs whose keys are not shown were replaced: %+v", drift)
		}
		spoke.stop()
		hub.stop()
	})
}

func TestSelfCheckIsBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, spoke, hub, replaced := pair(t)
		spoke.kernel.mu.Lock()
		spoke.kernel.blind = errors.New("netlink is out of memory")
		spoke.kernel.mu.Unlock()
		time.Sleep(2 * checkInterval)
		if got := spoke.engine.Status().Drift; got.Blind != "netlink is out of memory" || isClosed(replaced) {
			t.Errorf("status: %+v", got)
		}
		spoke.kernel.mu.Lock()
		spoke.kernel.blind = nil
		spoke.kernel.mu.Unlock()
		time.Sleep(checkInterval)
		if got := spoke.engine.Status().Drift; got.Blind != "" {
			t.Errorf("status: %+v", got)
		}
		spoke.stop()
		hub.stop()
	})
}
