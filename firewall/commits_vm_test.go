//go:build vm

package firewall

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// streams are what goes on while policies change; each has a service of its
// name. The first is the marker of a round.
var streams = []stream{
	{"marker", "host", "hq", "ABCDE", "ABCDE"},
	{"steady", "host", "hub", "ABCD", "ABCD"},
	{"toggled", "host", "hub", "AD", "AD"},
	{"passed", "host", "hub", "ABCD", "ACD"},
	{"answered", "host", "hub", "A", "AC"},
	{"friendly", "host", "hub", "ABCD", "ABCD"},
	{"steady6", "host6", "hub6", "ABCD", "ABCD"},
	{"toggled6", "host6", "hub6", "AD", "AD"},
	{"sent", "self", "hub", "ABCD", "ABCD"},
	{"received", "hub", "self", "ABCD", "ABCD"},
	{"received-once", "hub", "self", "A", "A"},
	{"protected", "host", "hq", "ABCD", "ABCD"},
	{"protected-back", "hq", "host", "ABD", "ABD"},
	{"protected-self", "self-lan", "hq", "ABD", "ABD"},
}

// Ports of a worker's stream: the first worker's answer at 7000 and up.
const (
	firstSource = 4000
	firstPort   = 7000
	nextWorker  = 100
	workers     = 2
)

// streamPolicies let the streams through by different means.
func streamPolicies(t *testing.T) map[string]Config {
	services := map[string][]Match{
		"passed-back":   {mustMatch(t, "udp/7003>4000-4999"), mustMatch(t, "udp/7103>4000-4999")},
		"answered-back": {mustMatch(t, "udp/7004>4000-4999"), mustMatch(t, "udp/7104>4000-4999")},
	}
	for i, s := range streams {
		for w := range workers {
			services[s.name] = append(services[s.name], mustMatch(t, fmt.Sprintf("udp/%d", firstPort+w*nextWorker+i)))
		}
	}
	files := Class{Name: "files", Action: actionInspect, Helper: "ftp", Criteria: Criteria{Services: []string{"ftp"}}}
	friends := Class{Name: "friends", Action: actionInspect, Criteria: Criteria{Services: []string{"friendly"}, Destination: []string{"friends"}}}
	inspect := func(name string, c Criteria) Class {
		return Class{Name: name, Action: actionInspect, Criteria: c}
	}
	config := func(zones map[string]Zone, policies ...Policy) Config {
		return Config{Services: services, DynamicAddresses: map[string]DynamicAddresses{"friends": {}}, Zones: zones, Policies: policies}
	}
	return map[string]Config{
		// A lets everything be opened by lists.
		"A": config(nil,
			Policy{From: "inside", To: "outside", Classes: []Class{files, friends}, Inspect: []string{"tcp", "udp", "icmp"}, NAT: NATMasquerade},
			Policy{From: Self, To: "outside", Inspect: []string{"sent"}},
			Policy{From: "outside", To: Self, Inspect: []string{"received", "received-once"}},
			Policy{From: "inside", To: "hq", Inspect: []string{"any"}},
			Policy{From: "hq", To: "inside", Inspect: []string{"protected-back"}},
			Policy{From: Self, To: "hq", Inspect: []string{"udp"}}),
		// B names less, by classes, and inspects broadly in the opposite
		// directions.
		"B": config(nil,
			Policy{From: "inside", To: "outside", Classes: []Class{
				files, friends,
				inspect("named", Criteria{Services: []string{"steady"}, Source: []string{"192.168.17.0/24"}, Destination: []string{hubWAN}}),
				inspect("named6", Criteria{Services: []string{"steady6"}, Destination: []string{"2001:db8:113::/64"}}),
				inspect("web", Criteria{Services: []string{"http"}, Out: []string{"wan"}}),
			}, Pass: []string{"passed"}, NAT: NATMasquerade},
			Policy{From: "outside", To: "inside", Inspect: []string{"udp", "tcp"}},
			Policy{From: Self, To: "outside", Inspect: []string{"udp"}},
			Policy{From: "outside", To: Self, Classes: []Class{inspect("hub", Criteria{Services: []string{"received"}, Source: []string{hubWAN}})}},
			Policy{From: "inside", To: "hq", Classes: []Class{inspect("hq", Criteria{Destination: []string{hubHQ}, In: []string{"lan"}})}},
			Policy{From: "hq", To: "inside", Inspect: []string{"any"}},
			Policy{From: Self, To: "hq", Classes: []Class{inspect("hq", Criteria{Destination: []string{"172.16.0.0/24"}})}}),
		// C passes some without state, to both sides or to one, and translates
		// no new connection.
		"C": config(nil,
			Policy{From: "inside", To: "outside", Classes: []Class{
				friends, files,
				{Name: "either", Action: actionInspect, Any: []Criteria{{Services: []string{"steady", "steady6"}}, {Services: []string{"tcp/80"}}}},
			}, Pass: []string{"passed"}},
			Policy{From: "outside", To: "inside", Pass: []string{"passed-back", "answered-back"}},
			Policy{From: Self, To: "outside", Classes: []Class{inspect("sent", Criteria{Services: []string{"sent"}, Out: []string{"wan"}})}},
			Policy{From: "outside", To: Self, Inspect: []string{"received"}},
			Policy{From: "inside", To: "hq", Inspect: []string{"marker", "protected"}}),
		// D leaves it to the defaults.
		"D": config(map[string]Zone{"inside": {Default: actionInspect}, "hq": {Default: actionInspect}, Self: {Default: actionInspect}},
			Policy{From: "inside", To: "outside", Classes: []Class{files, friends}, Drop: []string{"answered"}, NAT: NATMasquerade},
			Policy{From: "outside", To: Self, Inspect: []string{"received"}}),
		// E ends all but the marker.
		"E": config(nil, Policy{From: "inside", To: "hq", Inspect: []string{"marker"}},
			Policy{From: "inside", To: "outside", Classes: []Class{{Name: "friends", Action: actionDrop, Criteria: Criteria{Destination: []string{"friends"}}}}}),
	}
}

// history is the order of the policies, and how far it is: at 2n the policy n
// holds, at 2n+1 it is being replaced by the next.
type history struct {
	order []string
	at    atomic.Int64
}

// under returns how many policies held at some time between two moments, and
// how many of them let the leg through.
func (h *history) under(one leg, from, to int64) (held, letting int) {
	for _, name := range h.order[from/2 : (to+1)/2+1] {
		held++
		for _, lets := range one.under {
			if string(lets) == name {
				letting++
			}
		}
	}
	return held, letting
}

// talk sends by all legs, round by round, from one CPU, until done. It tells of
// each round within which no policy changed.
func (h *history) talk(t *testing.T, cpu int, legs, marker []leg, settled chan<- int64, done <-chan struct{}) {
	runtime.LockOSThread() // never unlocked: the thread is bound to the CPU
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		t.Errorf("binding to CPU %d: %v", cpu, err)
		return
	}
	for number := 1; ; number++ {
		select {
		case <-done:
			return
		default:
		}
		before := h.at.Load()
		heard, err := round(legs, marker, number)
		after := h.at.Load()
		if err != nil {
			t.Errorf("worker %d, at %d to %d: %v", cpu, before, after, err)
			return
		}
		for i, one := range legs {
			held, letting := h.under(one, before, after)
			policies := h.order[before/2 : (after+1)/2+1]
			if heard[i] && letting == 0 {
				t.Errorf("%s, packet %d came through policies %s, which forbid it", one.name, number, policies)
			}
			if !heard[i] && letting == held {
				t.Errorf("%s, packet %d was lost under policies %s, which allow it", one.name, number, policies)
			}
		}
		if before == after {
			select {
			case settled <- before:
			default:
			}
		}
	}
}

// TestHundredCommits changes policies while streams go on.
func TestHundredCommits(t *testing.T) {
	const commits = 100
	// What earlier tests left behind would end while this one looks.
	forget(t)
	l := newStreamLab(t)
	l.slowRetry(t)
	rulesets := make(map[string]*Ruleset)
	for name, config := range streamPolicies(t) {
		rulesets[name] = must(Compile(config, streamTopology()))(t)
	}
	h := &history{}
	for n := range commits + 1 {
		h.order = append(h.order, string("ABACADBCBDCD"[n%12]))
	}
	check(t, Netfilter{}.Replace(rulesets["A"]))
	check(t, Netfilter{}.Fill("friends.4", netip.MustParseAddr(hubWAN)))

	web, control := l.openTCP(t, "http", hubWAN+":80"), l.openTCP(t, "ftp", hubWAN+":21")
	check(t, control.exchange("PASV"))
	check(t, control.exchange("227 Entering Passive Mode (203,0,113,1,35,40)"))
	data := l.openTCP(t, "ftp-data", fmt.Sprintf("%s:%d", hubWAN, 35<<8|40))

	legs, markers := make([][]leg, workers), make([][]leg, workers)
	for w := range workers {
		for i, s := range streams {
			opened := l.open(t, s, uint16(firstSource+w*nextWorker+i), uint16(firstPort+w*nextWorker+i))
			if i == 0 {
				markers[w] = opened
			} else {
				legs[w] = append(legs[w], opened...)
			}
		}
	}
	entries := connections(t)

	var running sync.WaitGroup
	done := make(chan struct{})
	settled := make([]chan int64, workers)
	for w := range workers {
		settled[w] = make(chan int64, 1)
		running.Go(func() {
			defer close(settled[w])
			h.talk(t, w, legs[w], markers[w], settled[w], done)
		})
	}
	for _, s := range []*tcpStream{web, control, data} {
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if err := s.exchange(fmt.Sprint("line ", n)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	// Each policy is replaced when every worker has seen it.
	await := func() bool {
		for w := range workers {
			for {
				at, ok := <-settled[w]
				if !ok {
					return false
				}
				if at == h.at.Load() {
					break
				}
			}
		}
		return true
	}
	tallies := must(Netfilter{}.Counters())(t)
	for n := 1; n <= commits && await(); n++ {
		h.at.Add(1)
		err := Netfilter{}.Replace(rulesets[h.order[n]])
		h.at.Add(1)
		if err != nil {
			t.Errorf("commit %d: %v", n, err)
			break
		}
		now := must(Netfilter{}.Counters())(t)
		for name, tally := range now {
			if before := tallies[name]; tally.Packets < before.Packets || tally.Bytes < before.Bytes {
				both := func(r *Ruleset) bool {
					return slices.ContainsFunc(r.counters, func(c counter) bool { return c.name == name })
				}
				if both(rulesets[h.order[n-1]]) && both(rulesets[h.order[n]]) {
					t.Errorf("commit %d: counter %s went back from %v to %v", n, name, before, tally)
				}
			}
		}
		tallies = now
	}
	await()
	close(done)
	running.Wait()

	now := connections(t)
	for tuple := range entries {
		if _, kept := now[tuple]; !kept {
			t.Errorf("the entry of %s is gone", tuple)
		}
	}
	if friends := must(Netfilter{}.Filled("friends.4"))(t); !slices.Equal(friends, []netip.Addr{netip.MustParseAddr(hubWAN)}) {
		t.Errorf("the filled group holds %v", friends)
	}
	if t.Failed() {
		t.Fatalf("lost: %s", l.losses(t))
	}
	l.wantEnd(t, rulesets, slices.Concat(legs...), markers[0], []*tcpStream{web, control, data})
}

// wantEnd forbids all but the marker, and then allows it again.
func (l *lab) wantEnd(t *testing.T, rulesets map[string]*Ruleset, legs, marker []leg, tcp []*tcpStream) {
	t.Helper()
	oneCPU(t) // as round demands
	for number, name := range []string{"E", "A", "E"} {
		check(t, Netfilter{}.Replace(rulesets[name]))
		for i, heard := range must(round(legs, marker, -1-number))(t) {
			if want := name == "A"; heard != want {
				t.Errorf("%s under policy %s: heard is %t, want %t", legs[i].name, name, heard, want)
			}
		}
	}
	for _, s := range tcp {
		for _, way := range [][2]net.Conn{{s.client, s.server}, {s.server, s.client}} {
			must(way[0].Write([]byte("forbidden")))(t)
			must(round(nil, marker, -10))(t)
			if n := pending(t, way[1]); n > 0 {
				t.Errorf("%s: %d octets came through a policy that forbids it", s.name, n)
			}
		}
	}
}

// pending is how many octets have come that were not read.
func pending(t *testing.T, conn net.Conn) (n int) {
	t.Helper()
	raw := must(conn.(*net.TCPConn).SyscallConn())(t)
	check(t, raw.Control(func(fd uintptr) {
		var err error
		n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		check(t, err)
	}))
	return n
}

// connections are the tracked ones, by their addresses and ports.
func connections(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		for _, f := range must(netlink.ConntrackTableList(netlink.ConntrackTable, family))(t) {
			if f.Forward.Protocol == unix.IPPROTO_UDP || f.Forward.Protocol == unix.IPPROTO_TCP {
				all[fmt.Sprintf("%d %s:%d to %s:%d, answers to %s:%d", f.Forward.Protocol, f.Forward.SrcIP, f.Forward.SrcPort, f.Forward.DstIP, f.Forward.DstPort, f.Reverse.DstIP, f.Reverse.DstPort)] = true
			}
		}
	}
	if len(all) < workers*len(streams) {
		t.Fatalf("only %d connections are tracked: %v", len(all), slices.Sorted(maps.Keys(all)))
	}
	return all
}
