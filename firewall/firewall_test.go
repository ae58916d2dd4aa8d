package firewall

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

var errDisturbed = errors.New("the set is gone")

// fakeKernel holds one table.
type fakeKernel struct {
	mu       sync.Mutex
	table    *Ruleset
	replaced int
	refuse   error
	// disturbed is how many reads fail.
	disturbed int
	tallies   map[string]Tally
	filled    map[string][]netip.Addr
	changes   chan struct{}
}

func (k *fakeKernel) Replace(r *Ruleset) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse != nil {
		return k.refuse
	}
	k.table = r
	k.replaced++
	return nil
}

func (k *fakeKernel) Check(r *Ruleset) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refuse
}

func (k *fakeKernel) Fill(set string, a netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.filled == nil {
		k.filled = make(map[string][]netip.Addr)
	}
	k.filled[set] = append(k.filled[set], a)
	return nil
}

func (k *fakeKernel) Clear(set string, a netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.filled[set] = slices.DeleteFunc(k.filled[set], func(b netip.Addr) bool { return a == b })
	return nil
}

func (k *fakeKernel) Filled(set string) ([]netip.Addr, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.filled[set]), nil
}

func (k *fakeKernel) Exists() (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.table != nil, nil
}

func (k *fakeKernel) Holds(r *Ruleset) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.disturbed > 0 {
		k.disturbed--
		return false, errDisturbed
	}
	return k.table != nil && k.table.Fingerprint() == r.Fingerprint(), nil
}

func (k *fakeKernel) Counters() (map[string]Tally, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.tallies), nil
}

func (k *fakeKernel) Watch(ctx context.Context) (<-chan struct{}, error) {
	changes := make(chan struct{})
	go func() {
		defer close(changes)
		for {
			select {
			case <-k.changes:
				changes <- struct{}{}
			case <-ctx.Done():
				return
			}
		}
	}()
	return changes, nil
}

// become makes the table another and reports the change.
func (k *fakeKernel) become(r *Ruleset) {
	k.mu.Lock()
	k.table = r
	k.mu.Unlock()
	k.changes <- struct{}{}
}

func newFirewall(t *testing.T, k Kernel) *Firewall {
	t.Helper()
	f, err := New(branch(t), spoke(), k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRunKeepsThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKernel{changes: make(chan struct{}), table: DenyAll()}
		f := newFirewall(t, k)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()

		want := func(what string, replaced int) {
			t.Helper()
			synctest.Wait()
			if k.replaced != replaced || k.table.Fingerprint() != f.policy.ruleset.Fingerprint() {
				t.Fatalf("%s: the table was replaced %d times, want %d", what, k.replaced, replaced)
			}
		}
		want("at start", 1)
		k.become(k.table)
		want("after a change of another table", 1)
		k.become(nil)
		want("after the table was removed", 2)
		k.become(DenyAll())
		want("after the table was changed", 3)

		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
		want("after the end", 3)

		// The next process finds the table right and leaves its counters.
		ctx, cancel = context.WithCancel(t.Context())
		next := newFirewall(t, k)
		go func() { ended <- next.Run(ctx) }()
		want("after a restart", 3)
		if s := next.Status(); !s.Active || !s.Applied.IsZero() {
			t.Errorf("status after a restart is %+v", s)
		}
		cancel()
		<-ended
	})
}

func TestRunReportsARefusal(t *testing.T) {
	k := &fakeKernel{changes: make(chan struct{}), refuse: errors.New("no such expression")}
	f := newFirewall(t, k)
	if err := f.Run(t.Context()); !errors.Is(err, k.refuse) {
		t.Errorf("Run returned %v, want the kernel's refusal", err)
	}
	if s := f.Status(); s.Active {
		t.Errorf("status is %+v, want not active", s)
	}
}

// TestReadsAreRepeated has others change tables while ours is read: the table
// is right, so it must not be replaced.
func TestReadsAreRepeated(t *testing.T) {
	k := &fakeKernel{}
	f := newFirewall(t, k)
	k.table, k.disturbed = f.policy.ruleset, attempts-1
	if err := f.settle("test"); err != nil || k.replaced != 0 {
		t.Errorf("after disturbed reads the table was replaced %d times: %v", k.replaced, err)
	}
	k.disturbed = attempts
	if err := f.settle("test"); !errors.Is(err, errDisturbed) {
		t.Errorf("settle returned %v", err)
	}
}

func TestSeal(t *testing.T) {
	k := &fakeKernel{}
	for range 2 {
		if err := Seal(k); err != nil {
			t.Fatal(err)
		}
	}
	if k.replaced != 1 || k.table.Fingerprint() != DenyAll().Fingerprint() {
		t.Errorf("the table was replaced %d times and is\n%s", k.replaced, k.table)
	}
}

func TestStatusCounts(t *testing.T) {
	k := &fakeKernel{tallies: map[string]Tally{"outside/self.inspect": {Packets: 3, Bytes: 400}}}
	f := newFirewall(t, k)
	if err := f.settle("test"); err != nil {
		t.Fatal(err)
	}
	want := ClassStatus{From: "outside", To: Self, Class: "inspect ike", Tally: Tally{Packets: 3, Bytes: 400}}
	for _, c := range f.Status().Classes {
		if c == want {
			return
		}
	}
	t.Errorf("%+v is not in %+v", want, f.Status().Classes)
}

func TestNewReportsErrors(t *testing.T) {
	config := branch(t)
	config.Policies[0].To = "outsid"
	_, err := New(config, spoke(), &fakeKernel{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "policies.0.to: zone outsid has no interface and no tunnel; write outside") {
		t.Errorf("New returned %v", err)
	}
}
