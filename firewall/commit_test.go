package firewall

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

var errFull = errors.New("no space left")

// running is a firewall whose policy is in a fake kernel.
func running(t *testing.T, config Config, topology Topology) (*Firewall, *fakeKernel) {
	t.Helper()
	kernel := &fakeKernel{}
	f, err := New(config, topology, kernel, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.settle("test"); err != nil {
		t.Fatal(err)
	}
	return f, kernel
}

func TestCommit(t *testing.T) {
	f, kernel := running(t, branch(t), spoke())
	before := kernel.table
	next := branch(t)
	next.Policies[0].Inspect = []string{"https"}
	next.DynamicAddresses = map[string]DynamicAddresses{"blocked": {}}

	change, err := f.Check(next, spoke())
	if err != nil || !strings.Contains(change.Diff, "+ inspect https") {
		t.Fatalf("Check = %+v, %v", change, err)
	}
	if kernel.table != before {
		t.Error("Check changed the kernel's table")
	}
	kept := false
	change, err = f.Commit(next, spoke(), func() (func() error, error) { kept = true; return nil, nil })
	if err != nil || !kept || change.Fingerprint != kernel.table.Fingerprint() {
		t.Errorf("Commit = %+v, %v; kept is %t", change, err, kept)
	}
	if status := f.Status(); status.Fingerprint != change.Fingerprint {
		t.Errorf("the status tells policy %s, want %s", status.Fingerprint, change.Fingerprint)
	}
	if err := f.settle("test"); err != nil || kernel.replaced != 2 {
		t.Errorf("after the commit the table was replaced %d times in all, want 2; %v", kernel.replaced, err)
	}
}

// TestFailedCommit has every step of a commit fail.
func TestFailedCommit(t *testing.T) {
	bad := branch(t)
	bad.Policies[0].Inspect = []string{"nothing"}
	for name, test := range map[string]struct {
		config Config
		refuse error
		keep   func() (func() error, error)
		want   string
	}{
		"configuration": {bad, nil, func() (func() error, error) { return nil, nil }, `unknown service "nothing"`},
		"kernel":        {zoneless(t), errors.New("no such expression"), func() (func() error, error) { return nil, nil }, "try the new policy: no such expression"},
		"disk":          {zoneless(t), nil, func() (func() error, error) { return nil, errFull }, "keep the new configuration: no space left"},
	} {
		t.Run(name, func(t *testing.T) {
			f, kernel := running(t, branch(t), spoke())
			before := kernel.table
			kernel.refuse = test.refuse
			if _, err := f.Commit(test.config, spoke(), test.keep); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Commit returned %v, want %s", err, test.want)
			}
			if kernel.table != before || f.Status().Fingerprint != before.Fingerprint() {
				t.Error("the old policy does not hold any more")
			}
		})
	}
}

// TestFailedApply has the kernel refuse what it had found to be right.
func TestFailedApply(t *testing.T) {
	f, kernel := running(t, branch(t), spoke())
	undone := false
	_, err := f.Commit(zoneless(t), spoke(), func() (func() error, error) {
		kernel.refuse = errors.New("out of memory")
		return func() error { undone = true; return nil }, nil
	})
	if err == nil || !strings.Contains(err.Error(), "out of memory") || !undone {
		t.Errorf("Commit returned %v; what was kept is taken back: %t", err, undone)
	}
}

func zoneless(t *testing.T) Config {
	config := branch(t)
	config.Policies = config.Policies[:1]
	return config
}

func TestDynamicAddresses(t *testing.T) {
	config := branch(t)
	config.DynamicAddresses = map[string]DynamicAddresses{"blocked": {}, "unused": {}}
	config.Policies[0].Classes = []Class{{Name: "blocked", Action: actionDrop, Criteria: Criteria{Destination: []string{"blocked"}}}}
	f, kernel := running(t, config, spoke())
	four, six := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	for _, a := range []netip.Addr{six, four} {
		if err := f.Add("blocked", a); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(kernel.filled["blocked.4"], []netip.Addr{four}) || !slices.Equal(kernel.filled["blocked.6"], []netip.Addr{six}) {
		t.Errorf("the kernel's sets hold %v", kernel.filled)
	}
	if all, err := f.Members("blocked"); err != nil || !slices.Equal(all, []netip.Addr{four, six}) {
		t.Errorf("Members = %v, %v", all, err)
	}
	if err := f.Remove("blocked", four); err != nil || len(kernel.filled["blocked.4"]) > 0 {
		t.Errorf("after Remove, %v, the kernel's sets hold %v", err, kernel.filled)
	}
	for group, want := range map[string]string{
		"friends": `there is no group "friends" that is filled at run time; name it under firewall.dynamic-addresses`,
		"unused":  "group unused: no policy names the group",
	} {
		if err := f.Add(group, four); err == nil || err.Error() != want {
			t.Errorf("Add to %s returned %v, want %s", group, err, want)
		}
	}
}

// TestOwnAddresses has the provider change the router's address.
func TestOwnAddresses(t *testing.T) {
	config := branch(t)
	config.PortForwards = []PortForward{{From: "outside", Port: mustMatch(t, "tcp/443"), To: netip.MustParseAddr("192.168.17.10"), Hairpin: []string{"inside"}}}
	f, kernel := running(t, config, spoke())
	for _, a := range []string{"203.0.113.2", "198.51.100.9"} {
		want := []netip.Addr{netip.MustParseAddr(a)}
		if err := f.SetOwn("wan", want); err != nil || !slices.Equal(kernel.filled["own/outside.4"], want) {
			t.Errorf("after SetOwn(%s), %v, the kernel's sets hold %v", a, err, kernel.filled)
		}
	}
	kernel.filled = nil
	kernel.table = DenyAll()
	if err := f.settle("test"); err != nil || len(kernel.filled["own/outside.4"]) != 1 {
		t.Errorf("in a table that was put back, %v, the sets hold %v", err, kernel.filled)
	}
}
