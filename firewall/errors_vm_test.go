//go:build vm

package firewall

import (
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestErrorsOpenNothing has ICMP errors that a policy inspects be about
// connections that it does not let through.
func TestErrorsOpenNothing(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the thread is bound to a CPU
	var set unix.CPUSet
	set.Set(0)
	check(t, unix.SchedSetaffinity(0, &set))
	l := newStreamLab(t)
	commit := func(policies ...Policy) {
		t.Helper()
		r, err := Compile(Config{Policies: append(policies, Policy{From: "inside", To: "hq", Inspect: []string{"udp"}})}, streamTopology())
		check(t, err)
		check(t, Netfilter{}.Replace(r))
	}
	// unreachable sends an error about a datagram.
	unreachable := func(by *rawEnd, from, to string, about craft) {
		t.Helper()
		e := craft{proto: protoICMP, from: from, to: to, source: 3, dest: 3}
		check(t, unix.Sendto(by.sends, e.bytes(string(about.bytes("x")[:ipHeader+8])), 0, &unix.SockaddrInet4{Addr: netip.MustParseAddr(to).As4()}))
	}
	l.reachHost(t)
	commit(Policy{From: "inside", To: "outside", Inspect: []string{"udp", "icmp"}, NAT: NATMasquerade})
	marker := l.open(t, stream{name: "marker", from: "host", to: "hq"}, 4000, 7000)
	host, hub := newRawEnd(t, l.lan, ""), newRawEnd(t, l.hub, "")

	t.Run("of an ended connection", func(t *testing.T) {
		ended := l.open(t, stream{name: "ended", from: "host", to: "hub"}, 4001, 7001)
		masqueraded := ended[1].dest
		commit(Policy{From: "inside", To: "outside", Inspect: []string{"icmp"}, NAT: NATMasquerade})
		unreachable(hub, hubWAN, spokeWAN, craft{proto: protoUDP, from: spokeWAN, to: hubWAN, source: masqueraded.Port(), dest: 7001})
		for i, heard := range must(round(ended, marker, 1))(t) {
			if heard {
				t.Errorf("%s came after an error about it", ended[i].name)
			}
		}
	})
	t.Run("of one that passes one way", func(t *testing.T) {
		commit(
			Policy{From: "outside", To: "inside", Pass: []string{"udp/4002"}},
			Policy{From: "inside", To: "outside", Inspect: []string{"icmp"}})
		at := newTalker(t, l.lan, "", seedHost+":4002")
		question := craft{proto: protoUDP, from: hubWAN, to: seedHost, source: 7002, dest: 4002}
		check(t, unix.Sendto(hub.sends, question.bytes("question"), 0, &unix.SockaddrInet4{Addr: netip.MustParseAddr(seedHost).As4()}))
		if text, _, err := at.hear(0); err != nil || text != "question" {
			t.Fatalf("heard %q, %v", text, err)
		}
		unreachable(host, seedHost, hubWAN, question)
		check(t, at.say(netip.MustParseAddrPort(hubWAN+":7002"), "<answer>"))
		must(round(nil, marker, 2))(t)
		if hub.heard(t, "<answer>") {
			t.Error("its answer came after an error about it")
		}
	})
}
