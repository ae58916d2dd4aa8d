package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Change is what a new configuration of the firewall does to the present one.
type Change struct {
	// Diff tells it in the policy's own words; it is empty if nothing changes.
	Diff string `json:"diff,omitempty"`
	// Warnings are about what the new policy lets through and hardly means to.
	Warnings []string `json:"warnings,omitempty"`
	// Fingerprint identifies the new policy.
	Fingerprint string `json:"fingerprint"`
}

// Check says what Commit would do with the configuration, and returns its
// error. Nothing is changed.
func (f *Firewall) Check(config Config, topology Topology) (Change, error) {
	f.changing.Lock()
	defer f.changing.Unlock()
	change, _, err := f.check(config, topology)
	return change, err
}

func (f *Firewall) check(config Config, topology Topology) (Change, policy, error) {
	next, err := compile(config, topology)
	if err != nil {
		return Change{}, policy{}, err
	}
	if err := f.kernel.Check(next.ruleset); err != nil {
		return Change{}, policy{}, fmt.Errorf("try the new policy: %w", err)
	}
	now := f.current()
	change := Change{
		Diff:        Diff(now.config, now.topology, config, topology),
		Fingerprint: next.ruleset.Fingerprint(),
	}
	for _, w := range config.Warnings(&topology) {
		change.Warnings = append(change.Warnings, w.Error())
	}
	return change, next, nil
}

// Commit puts a new configuration in the place of the present one, in one
// transaction of the kernel: every packet is decided by the one or the other.
// What counted goes on counting, connections that the new policy lets through
// go on, others end. keep is called before, for whatever has to hold the
// configuration for the time after a restart, and what it returns takes that
// back. On an error the present configuration stays.
func (f *Firewall) Commit(config Config, topology Topology, keep func() (undo func() error, err error)) (Change, error) {
	f.changing.Lock()
	defer f.changing.Unlock()
	change, next, err := f.check(config, topology)
	if err != nil {
		return Change{}, err
	}
	undo, err := keep()
	if err != nil {
		return Change{}, fmt.Errorf("keep the new configuration: %w", err)
	}
	if err := f.kernel.Replace(next.ruleset); err != nil {
		err = fmt.Errorf("apply the new policy, which the kernel had found to be right: %w", err)
		return Change{}, errors.Join(err, undo())
	}
	f.mu.Lock()
	f.policy = next
	f.status.Fingerprint, f.status.Applied = change.Fingerprint, time.Now()
	f.mu.Unlock()
	f.log.Info("firewall policy changed", "policy", change.Fingerprint)
	if err := f.fillOwn(); err != nil {
		f.log.Warn("hosts behind the router do not reach port forwards by its outside address", "err", err)
	}
	return change, nil
}

// Add puts an address into a group that is filled at run time, for the group's
// own timeout.
func (f *Firewall) Add(group string, address netip.Addr) error {
	set, err := f.filled(group, address)
	if err != nil {
		return err
	}
	return f.kernel.Fill(set, address)
}

// Remove takes an address out of such a group.
func (f *Firewall) Remove(group string, address netip.Addr) error {
	set, err := f.filled(group, address)
	if err != nil {
		return err
	}
	return f.kernel.Clear(set, address)
}

// Members returns the addresses of such a group in order.
func (f *Firewall) Members(group string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, v6 := range []bool{false, true} {
		probe := netip.IPv4Unspecified()
		if v6 {
			probe = netip.IPv6Unspecified()
		}
		set, err := f.filled(group, probe)
		if errors.Is(err, errUnasked) {
			continue
		}
		if err != nil {
			return nil, err
		}
		some, err := f.kernel.Filled(set)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all, nil
}

// errUnasked is about a group that no policy names.
var errUnasked = errors.New("no policy names the group")

// filled returns the set of a group that the address belongs into.
func (f *Firewall) filled(group string, address netip.Addr) (string, error) {
	now := f.current()
	if _, ok := now.config.DynamicAddresses[group]; !ok {
		return "", fmt.Errorf("there is no group %q that is filled at run time; name it under firewall.dynamic-addresses", group)
	}
	name := familyName(group, address.Is6())
	if !now.ruleset.hasSet(name) {
		return "", fmt.Errorf("group %s: %w", group, errUnasked)
	}
	return name, nil
}

// SetOwn tells the router's own addresses of an interface, by its name in the
// configuration, for port forwards that hosts behind the router reach by the
// outside address.
func (f *Firewall) SetOwn(name string, addresses []netip.Addr) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	f.own[name] = addresses
	f.mu.Lock()
	active := f.status.Active
	f.mu.Unlock()
	if !active {
		return nil // settle fills the sets once they are there
	}
	return f.fillOwn()
}

// fillOwn makes the sets of own addresses hold what was told of them.
func (f *Firewall) fillOwn() error {
	now := f.current()
	for zone, members := range now.topology.zones() {
		var all []netip.Addr
		for i := range members {
			all = append(all, f.own[members[i].name()]...)
		}
		for _, v6 := range []bool{false, true} {
			want := slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool { return a.Is6() != v6 })
			if name := ownName(zone, v6); now.ruleset.hasSet(name) {
				if err := f.fill(name, want); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fill makes a set hold the addresses and no others.
func (f *Firewall) fill(set string, want []netip.Addr) error {
	have, err := f.kernel.Filled(set)
	if err != nil {
		return err
	}
	for _, a := range want {
		if !slices.Contains(have, a) {
			if err := f.kernel.Fill(set, a); err != nil {
				return err
			}
		}
	}
	for _, a := range have {
		if !slices.Contains(want, a) {
			if err := f.kernel.Clear(set, a); err != nil {
				return err
			}
		}
	}
	return nil
}
