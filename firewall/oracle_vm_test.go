//go:build vm

package firewall

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var oracleSeed = flag.Uint64("oracle.seed", uint64(time.Now().UnixNano()), "seed of TestOracle")

// oracleTalks is how many conversations each side opens.
const oracleTalks = 4

// kind tells the packets of a conversation apart: those to the port that it is
// named by, and those from there.
type kind int

const (
	question kind = iota
	reply
)

// oracleStep is a class: what it does with one kind of packets of some
// conversations.
type oracleStep struct {
	action action
	talks  []int
	of     kind
}

func (s oracleStep) matches(talk int, k kind) bool {
	return s.of == k && slices.Contains(s.talks, talk)
}

// oraclePair is one direction between the zones.
type oraclePair struct {
	steps    []oracleStep
	fallback action
}

// decides is the action of the first step that names the packet.
func (p oraclePair) decides(talk int, k kind) (action, bool) {
	for _, s := range p.steps {
		if s.matches(talk, k) {
			return s.action, true
		}
	}
	return p.fallback, false
}

// oracle holds a policy, and what becomes of a connection under it: outward is
// its first pair, inward the second.
type oracle [2]oraclePair

func randomOracle(r *rand.Rand) oracle {
	var o oracle
	for i := range o {
		o[i].fallback = []action{actionDrop, actionDrop, actionPass, actionInspect}[r.IntN(4)]
		for range r.IntN(4) {
			s := oracleStep{action: []action{actionDrop, actionPass, actionInspect, actionInspect}[r.IntN(4)], of: kind(r.IntN(2))}
			for talk := range oracleTalks {
				if r.IntN(2) == 0 {
					s.talks = append(s.talks, talk)
				}
			}
			if len(s.talks) > 0 {
				o[i].steps = append(o[i].steps, s)
			}
		}
	}
	return o
}

// config says the policy in the words of the configuration.
func (o oracle) config(t *testing.T) Config {
	c := Config{Zones: make(map[string]Zone)}
	zones := []string{"inside", "outside"}
	for i, p := range o {
		from, to := zones[i], zones[1-i]
		c.Zones[from] = Zone{Default: p.fallback}
		policy := Policy{From: from, To: to}
		for n, s := range p.steps {
			class := Class{Name: fmt.Sprintf("step%d", n), Action: s.action}
			for _, talk := range s.talks {
				text := fmt.Sprintf("udp/4000-4999>%d", firstPort+talk)
				if s.of == reply {
					text = fmt.Sprintf("udp/%d>4000-4999", firstPort+talk)
				}
				class.Services = append(class.Services, text)
			}
			policy.Classes = append(policy.Classes, class)
		}
		c.Policies = append(c.Policies, policy)
	}
	c.Policies = append(c.Policies, Policy{From: "inside", To: "hq", Inspect: []string{"udp"}})
	return c
}

// oracleFlow is a conversation and what the router remembers of it.
type oracleFlow struct {
	talk int
	// asks is the pair its questions are of.
	asks int
	// known says that it has a connection, which opener opened.
	known  bool
	opener int
	// let is the pair and policy that inspected it last, inspected that any did.
	inspected bool
	letPair   int
	let       string
}

// lets says whether a packet passes, and remembers it.
func (o oracle) lets(f *oracleFlow, k kind) bool {
	pair := f.asks
	if k == reply {
		pair = 1 - pair
	}
	inspect := func(by int) bool {
		f.inspected, f.letPair, f.let = true, by, fmt.Sprint(o[by])
		return true
	}
	if f.inspected && f.let == fmt.Sprint(o[f.letPair]) {
		return true // both directions of a connection that the present policy inspects
	}
	if f.known && f.opener != pair {
		// An answer: what is asked is whether the connection may be opened.
		if a, _ := o[1-pair].decides(f.talk, 1-k); a == actionInspect {
			return inspect(1 - pair)
		}
		if f.inspected {
			a, _ := o[pair].decides(f.talk, k)
			return a == actionPass
		}
	}
	switch a, _ := o[pair].decides(f.talk, k); a {
	case actionInspect:
		inspect(pair)
	case actionPass:
	default:
		return false
	}
	if !f.known {
		f.known, f.opener = true, pair
	}
	return true
}

// TestOracle compares the kernel with the meaning of random policies, one after
// the other, while conversations that began under any of them go on.
func TestOracle(t *testing.T) {
	const changes, memory = 200, 5
	runtime.LockOSThread() // never unlocked: the thread is bound to a CPU
	var set unix.CPUSet
	set.Set(0)
	check(t, unix.SchedSetaffinity(0, &set))
	l := newStreamLab(t)
	l.reachHost(t)
	random := rand.New(rand.NewPCG(*oracleSeed, 0))

	var flows []*oracleFlow
	var legs []leg
	for asks := range 2 {
		for talk := range oracleTalks {
			asker, answerer := l.lan, l.hub
			from, to := seedHost, hubWAN
			if asks == 1 {
				asker, answerer, from, to = answerer, asker, to, from
			}
			source := netip.AddrPortFrom(netip.MustParseAddr(from), uint16(firstSource+talk))
			dest := netip.AddrPortFrom(netip.MustParseAddr(to), uint16(firstPort+talk))
			a, b := newTalker(t, asker, "", source.String()), newTalker(t, answerer, "", dest.String())
			flows = append(flows, &oracleFlow{talk: talk, asks: asks})
			legs = append(legs, leg{from: a, to: b, dest: dest}, leg{from: b, to: a, dest: source})
		}
	}
	commit := func(o oracle) {
		t.Helper()
		check(t, Netfilter{}.Replace(must(Compile(o.config(t), streamTopology()))(t)))
	}
	commit(oracle{})
	marker := l.open(t, stream{name: "marker", from: "host", to: "hq"}, 3999, 7999)

	var history []oracle
	for n := range changes {
		if n%memory == 0 {
			check(t, netlink.ConntrackTableFlush(netlink.ConntrackTable))
			history = nil
			for _, f := range flows {
				*f = oracleFlow{talk: f.talk, asks: f.asks}
			}
		}
		o := randomOracle(random)
		if len(history) > 0 && random.IntN(2) == 0 {
			o[random.IntN(2)] = history[len(history)-1][random.IntN(2)]
		}
		history = append(history, o)
		commit(o)
		// Packets in any order, some conversations silent.
		order := random.Perm(len(legs))[:random.IntN(len(legs))+1]
		var sent []leg
		for _, i := range order {
			sent = append(sent, legs[i])
		}
		for i, heard := range must(round(sent, marker, n))(t) {
			f, k := flows[order[i]/2], kind(order[i]%2)
			remembered := *f
			if want := o.lets(f, k); heard != want {
				t.Fatalf("-oracle.seed=%d, change %d: kind %d of %+v: heard is %t, want %t, under\n%+v", *oracleSeed, n, k, remembered, heard, want, history)
			}
		}
	}
}
