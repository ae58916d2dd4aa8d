package firewall

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// contents are the names of what our table holds in the kernel.
type contents struct {
	exists bool
	// chains by name; of base chains the hook's number and priority.
	chains map[string]chainSpec
	sets   map[string]setSpec
	// objects are counters and helpers, with their types.
	objects map[string]uint32
}

// chainSpec is what cannot be changed of a chain.
type chainSpec struct {
	base     bool
	point    uint32
	priority int32
}

func (h hook) spec() chainSpec {
	if h == (hook{}) {
		return chainSpec{}
	}
	return chainSpec{true, points[h.point], priorities[h.priority]}
}

// translates reports whether the chain is one of NAT. With the last of them the
// kernel would cease to translate, live connections too: they would go on with
// the addresses behind the router. So it stays, without rules, when a policy
// translates no more.
func (s chainSpec) translates() bool {
	return s == hookPrerouting.spec() || s == hookPostrouting.spec()
}

// identity is the chain whose name tells which ruleset the table is.
func (r *Ruleset) identity() string { return "policy." + r.Fingerprint() }

// encode makes the transaction that turns the table from what it holds into r.
// What is in both stays: counters go on counting, sets that are filled at run
// time keep their elements, and packets find one ruleset or the other, whole.
func encode(r *Ruleset, have contents) (*batch, error) {
	b, identity := &batch{}, r.identity()
	b.table()
	if have.exists {
		b.removeOld(r, identity, have)
	}
	for _, c := range r.counters {
		if _, kept := have.objects[c.name]; !kept {
			b.counter(c.name)
		}
	}
	for _, h := range r.helpers {
		if _, kept := have.objects[h.object()]; !kept {
			b.helper(h)
		}
	}
	if _, kept := have.chains[identity]; !kept {
		b.chain(identity, hook{})
	}
	for _, c := range r.chains {
		if spec, kept := have.chains[c.name]; !kept || spec != c.hook.spec() {
			b.chain(c.name, c.hook)
		}
	}
	for i := range r.sets {
		s := &r.sets[i]
		switch spec, kept := have.sets[s.name]; {
		case !kept || spec != s.spec():
			b.set(s)
		case !s.lasts():
			b.elements(s)
		}
	}
	for _, c := range r.chains {
		for _, rule := range c.rules {
			b.rule(c.name, rule)
		}
	}
	return b, b.err
}

// lasts reports whether a set that is there already is right as it is: its name
// tells what is in it, or it is filled at run time.
func (s *set) lasts() bool { return s.interval || s.filled != byCompiler }

// removeOld removes all rules, and then what only they needed.
func (b *batch) removeOld(r *Ruleset, identity string, have contents) {
	b.remove(unix.NFT_MSG_DELRULE, unix.NFTA_RULE_TABLE, 0, "", "the end of the old rules")
	wanted := make(map[string]*set)
	for i := range r.sets {
		wanted[r.sets[i].name] = &r.sets[i]
	}
	for _, name := range slices.Sorted(maps.Keys(have.sets)) {
		switch s := wanted[name]; {
		case s == nil || s.spec() != have.sets[name]:
			b.remove(unix.NFT_MSG_DELSET, unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME, name, "the end of set "+name)
		case !s.lasts():
			b.remove(unix.NFT_MSG_DELSETELEM, unix.NFTA_SET_ELEM_LIST_TABLE, unix.NFTA_SET_ELEM_LIST_SET, name, "the end of the elements of set "+name)
		}
	}
	chains := map[string]chainSpec{identity: {}}
	for _, c := range r.chains {
		chains[c.name] = c.hook.spec()
	}
	for _, name := range slices.Sorted(maps.Keys(have.chains)) {
		if spec, ok := chains[name]; (!ok || spec != have.chains[name]) && !have.chains[name].translates() {
			b.remove(unix.NFT_MSG_DELCHAIN, unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME, name, "the end of chain "+name)
		}
	}
	objects := make(map[string]bool)
	for _, c := range r.counters {
		objects[c.name] = true
	}
	for _, h := range r.helpers {
		objects[h.object()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(have.objects)) {
		if !objects[name] {
			b.removeObject(name, have.objects[name])
		}
	}
}
