package firewall

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// contents are the names of what our table holds in the kernel.
type contents struct {
	exists bool
	// altered says that names are no proof of what they stand for: somebody
	// changed the table, or an earlier release made it.
	altered bool
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

// identityPrefix begins the name of the chain that tells which ruleset the table is.
const identityPrefix = "policy."

func (r *Ruleset) identity() string { return identityPrefix + r.Fingerprint() }

// encode makes the transaction that turns the table from what it holds into r, and
// one for later. What is in both stays: counters go on counting, and sets that are
// filled at run time keep their elements. Packets find one ruleset or the other,
// whole. For that what r lacks stays for now as well: a map loses its elements at
// once when it is removed, and a packet that began by the old rules would find no
// way in it and be dropped. It is removed by the transaction for later.
func encode(r *Ruleset, have contents) (now, later *batch, err error) {
	now, later = &batch{}, &batch{}
	now.table()
	if have.exists {
		now.remove(unix.NFT_MSG_DELRULE, unix.NFTA_RULE_TABLE, 0, "", "the end of the old rules")
		atOnce, rest := have.divide(r, have.without(r))
		now.removeAll(atOnce)
		later.removeAll(rest)
	}
	now.addAll(r, have)
	return now, later, errors.Join(now.err, later.err)
}

// addAll adds what the table does not hold of r, and r's rules.
func (b *batch) addAll(r *Ruleset, have contents) {
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
	if !have.named(r) {
		b.chain(r.identity(), hook{})
	}
	for _, c := range r.chains {
		if spec, kept := have.chains[c.name]; !kept || spec != c.hook.spec() {
			b.chain(c.name, c.hook)
		}
	}
	for i := range r.sets {
		if !have.keeps(&r.sets[i]) {
			b.set(&r.sets[i])
		}
	}
	for _, c := range r.chains {
		for _, rule := range c.rules {
			b.rule(c.name, rule)
		}
	}
}

// named reports whether the table says that it is r.
func (have contents) named(r *Ruleset) bool {
	_, there := have.chains[r.identity()]
	return there
}

// otherMake reports whether chains have the names of r's and are others.
func (have contents) otherMake(r *Ruleset) bool {
	return slices.ContainsFunc(r.chains, func(c *chain) bool {
		spec, there := have.chains[c.name]
		return there && spec != c.hook.spec()
	})
}

// keeps reports whether a set that is there already is right as it is: it is
// filled at run time, or its name tells what is in it.
func (have contents) keeps(s *set) bool {
	spec, there := have.sets[s.name]
	return there && spec == s.spec() && (s.filled != byCompiler || s.told() && !have.altered)
}

// without is what the table holds and r does not want.
func (have contents) without(r *Ruleset) contents {
	rest := contents{chains: maps.Clone(have.chains), sets: maps.Clone(have.sets), objects: maps.Clone(have.objects)}
	maps.DeleteFunc(rest.chains, func(_ string, spec chainSpec) bool { return spec.translates() })
	delete(rest.chains, r.identity())
	for _, c := range r.chains {
		delete(rest.chains, c.name)
	}
	for i := range r.sets {
		delete(rest.sets, r.sets[i].name)
	}
	for _, c := range r.counters {
		delete(rest.objects, c.name)
	}
	for _, h := range r.helpers {
		delete(rest.objects, h.object())
	}
	return rest
}

// divide takes out of what r does not want what would go on without it: chains that
// packets enter by themselves, and the old ruleset's name; of an altered table all.
// What has a name of r's and is another goes at once as well.
func (have contents) divide(r *Ruleset, unwanted contents) (atOnce, rest contents) {
	if have.altered {
		atOnce = unwanted
	} else {
		atOnce, rest = contents{chains: make(map[string]chainSpec), sets: make(map[string]setSpec)}, unwanted
	}
	for name, spec := range rest.chains {
		if spec.base || strings.HasPrefix(name, identityPrefix) {
			atOnce.chains[name] = spec
			delete(rest.chains, name)
		}
	}
	for i := range r.sets {
		s := &r.sets[i]
		if spec, there := have.sets[s.name]; there && !have.keeps(s) {
			atOnce.sets[s.name] = spec
		}
	}
	for _, c := range r.chains {
		if spec, there := have.chains[c.name]; there && spec != c.hook.spec() {
			atOnce.chains[c.name] = spec
		}
	}
	return atOnce, rest
}

// removeAll removes what nothing but each other needs: maps before the chains that
// they lead to.
func (b *batch) removeAll(gone contents) {
	for _, name := range slices.Sorted(maps.Keys(gone.sets)) {
		b.remove(unix.NFT_MSG_DELSET, unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME, name, "the end of set "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(gone.chains)) {
		b.remove(unix.NFT_MSG_DELCHAIN, unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME, name, "the end of chain "+name)
	}
	for _, name := range slices.Sorted(maps.Keys(gone.objects)) {
		b.removeObject(name, gone.objects[name])
	}
}
