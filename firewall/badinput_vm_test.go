//go:build vm

package firewall

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// TestKernelLacksAnExpression unloads a module that a policy needs, which the
// kernel may not load by itself.
func TestKernelLacksAnExpression(t *testing.T) {
	track(t)
	old := must(Compile(Config{Policies: policies}, labTopology()))(t)
	check(t, Netfilter{}.Replace(old))
	unload(t, "nft_connlimit")
	wants := must(Compile(Config{Policies: []Policy{{From: "inside", To: "outside", Classes: []Class{
		{Name: "web", Action: actionInspect, Criteria: Criteria{Services: []string{"http"}}, Limit: &Limit{Connections: 3}},
	}}}}, labTopology()))(t)

	generation, before, err := Netfilter{}.read()
	check(t, err)
	tallies := must(Netfilter{}.Counters())(t)
	checked, replaced := Netfilter{}.Check(wants), Netfilter{}.Replace(wants)
	for name, err := range map[string]error{"Check": checked, "Replace": replaced} {
		if err == nil {
			t.Fatalf("%s takes a policy that the kernel lacks an expression for", name)
		}
		for _, part := range []string{"inside/outside/web", "ct count over 3", "dynset", "it may lack the module"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, which does not say %s", name, err, part)
			}
		}
	}
	if checked.Error() != replaced.Error() {
		t.Errorf("Check says %v, Replace %v", checked, replaced)
	}
	after, now, err := Netfilter{}.read()
	check(t, err)
	if after != generation || !maps.Equal(now.chains, before.chains) || !maps.Equal(now.sets, before.sets) || !maps.Equal(now.objects, before.objects) {
		t.Errorf("generation %d held %v, and %d holds %v", generation, before, after, now)
	}
	if !must(Netfilter{}.Holds(old))(t) || !maps.Equal(tallies, must(Netfilter{}.Counters())(t)) {
		t.Error("the old table is not whole")
	}
}

// TestCheckChangesNothing tries a policy that the kernel takes.
func TestCheckChangesNothing(t *testing.T) {
	track(t)
	old := must(Compile(Config{Policies: policies}, labTopology()))(t)
	check(t, Netfilter{}.Replace(old))
	generation, _, err := Netfilter{}.read()
	check(t, err)
	check(t, Netfilter{}.Check(must(Compile(Config{}, labTopology()))(t)))
	after, _, err := Netfilter{}.read()
	check(t, err)
	if after != generation || !must(Netfilter{}.Holds(old))(t) {
		t.Errorf("generation %d became %d", generation, after)
	}
}

// TestTwoCommitAtOnce has several processes' worth of commits at the same time:
// each ends whole, or says that somebody else came first.
func TestTwoCommitAtOnce(t *testing.T) {
	track(t)
	all := []*Ruleset{
		must(Compile(Config{Policies: policies}, labTopology()))(t),
		must(Compile(Config{Policies: policies[1:]}, labTopology()))(t),
	}
	check(t, Netfilter{}.Replace(all[0]))
	generation, have, err := Netfilter{}.read()
	check(t, err)
	check(t, Netfilter{}.Replace(all[1]))
	late, _, err := encode(all[0], have)
	check(t, err)
	if err := late.send(generation, true); !errors.Is(err, unix.ERESTART) {
		t.Errorf("a transaction made for an older ruleset: %v, want ERESTART", err)
	}
	if !must(Netfilter{}.Holds(all[1]))(t) {
		t.Error("the late transaction changed the table")
	}

	results := make(chan error)
	for _, r := range all {
		go func() {
			var err error
			for range 20 {
				if one := (Netfilter{}).Replace(r); one != nil && !errors.Is(one, unix.ERESTART) {
					err = one
				}
			}
			results <- err
		}()
	}
	for range all {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if !must(Netfilter{}.Holds(all[0]))(t) && !must(Netfilter{}.Holds(all[1]))(t) {
		t.Error("the table is neither's")
	}
}

// TestLinkAppearsLater commits a policy for a link that does not exist yet.
func TestLinkAppearsLater(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := &lab{spoke: must(netns.Get())(t)}
	track(t)
	check(t, Netfilter{}.Replace(must(Compile(
		Config{Policies: []Policy{{From: "late", To: Self, Inspect: []string{"udp/7000"}}}},
		Topology{Members: []Member{{Zone: "late", Link: "late0"}}}))(t)))

	there := newHost(t)
	for range 2 {
		l.appear(t, there)
		allowed, forbidden := udp(t, l.spoke, "", spokeLAN+":7000"), udp(t, l.spoke, "", spokeLAN+":7001")
		host := udp(t, there, "", hostLAN+":7000")
		send(t, host, spokeLAN+":7001", "forbidden")
		send(t, host, spokeLAN+":7000", "allowed")
		expect(t, allowed, "allowed")
		send(t, allowed, hostLAN+":7000", "answer")
		expect(t, host, "answer")
		wantSilence(t, forbidden)
		allowed.Close()
		forbidden.Close()
		host.Close()
		h := handle(t, l.spoke)
		check(t, h.LinkDel(link(t, h, "late0")))
	}
}

// appear makes the link late0, which leads to a host.
func (l *lab) appear(t *testing.T, there netns.NsHandle) {
	t.Helper()
	l.plug(t, "late0", there, "eth0")
	assign(t, handle(t, l.spoke), "late0", spokeLAN)
	assign(t, handle(t, there), "eth0", hostLAN)
}

// TestOverlappingAddresses has groups whose ranges overlap, touch and repeat,
// and asks by packets what is in them.
func TestOverlappingAddresses(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := &lab{spoke: must(netns.Get())(t)}
	track(t)
	there := newHost(t)
	l.appear(t, there)
	t.Cleanup(func() {
		h := handle(t, l.spoke)
		check(t, h.LinkDel(link(t, h, "late0")))
	})
	var group []AddressRange
	for _, text := range []string{
		"192.168.17.16/28", "192.168.17.20-192.168.17.40", "192.168.17.41", "192.168.17.41-192.168.17.41",
		"192.168.17.24/29", "192.168.17.250-192.168.17.255", "0.0.0.0/8", "255.255.255.255", "192.168.17.16/28",
	} {
		group = append(group, mustRange(t, text))
	}
	check(t, Netfilter{}.Replace(must(Compile(
		Config{Addresses: map[string][]AddressRange{"group": group}, Policies: []Policy{{From: "late", To: Self, Classes: []Class{
			{Name: "in", Action: actionInspect, Criteria: Criteria{Source: []string{"group"}}},
		}, Inspect: []string{"udp/7001"}}}},
		Topology{Members: []Member{{Zone: "late", Link: "late0"}}}))(t)))
	self, marker := udp(t, l.spoke, "", spokeLAN+":7000"), udp(t, l.spoke, "", spokeLAN+":7001")
	host := handle(t, there)
	for _, last := range []int{15, 16, 19, 20, 31, 32, 40, 41, 42, 249, 250, 254} {
		from := fmt.Sprintf("192.168.17.%d", last)
		assign(t, host, "eth0", from)
		conn := udp(t, there, "", from+":7000")
		send(t, conn, spokeLAN+":7000", from)
		send(t, conn, spokeLAN+":7001", from)
		expect(t, marker, from)
		address := netip.MustParseAddr(from)
		if slices.ContainsFunc(group, func(r AddressRange) bool { return r.first.Compare(address) <= 0 && address.Compare(r.last) <= 0 }) {
			expect(t, self, from)
		} else {
			wantSilence(t, self)
		}
	}
}

// TestTenThousandRules compiles a large policy and gives it to the kernel.
func TestTenThousandRules(t *testing.T) {
	track(t)
	var p Policy
	p.From, p.To = "inside", "outside"
	for i := range 10_000 {
		p.Classes = append(p.Classes, Class{Name: fmt.Sprintf("c%d", i), Action: actionInspect, Criteria: Criteria{
			Services: []string{fmt.Sprintf("tcp/%d", i+1)}, Destination: []string{netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}).String()},
		}})
	}
	r := must(Compile(Config{Policies: []Policy{p}}, labTopology()))(t)
	check(t, Netfilter{}.Replace(r))
	if !must(Netfilter{}.Holds(r))(t) {
		t.Error("the large policy is not held")
	}
}
