package firewall

import (
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// TestStatements pins the bytes of every statement that the rulesets hold.
func TestStatements(t *testing.T) {
	lines := make(map[string]bool)
	for _, r := range rulesets(t) {
		for _, c := range r.chains {
			for _, rule := range c.rules {
				for _, s := range rule {
					switch named := s.(type) {
					case jumpTo, call, count, device, stamped, setStamp, addressIn:
						// Their names alone differ, which round trips in the
						// kernel compare.
						continue
					case dispatch:
						named.set, _, _ = strings.Cut(named.set, ".")
						s = named
					}
					exprs, err := encodeStatement(s)
					if err != nil {
						t.Fatal(err)
					}
					line := s.nft()
					for _, e := range exprs {
						data, err := expr.Marshal(unix.NFPROTO_INET, e)
						if err != nil {
							t.Fatal(err)
						}
						line += "\n\t" + hex.EncodeToString(data)
					}
					lines[line] = true
				}
			}
		}
	}
	got := strings.Join(slices.Sorted(maps.Keys(lines)), "\n") + "\n"
	path := filepath.Join("testdata", "statements.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("statements differ from %s (-want +got):\n%s", path, diff)
	}
}

// TestTransaction holds what keeps the box protected while it changes: what is
// wanted is not removed, nor what packets under way need, and everything is there
// before it is named. What is not wanted goes later.
func TestTransaction(t *testing.T) {
	all := rulesets(t)
	for oldName, old := range all {
		have := holding(old)
		for name, r := range all {
			b, later, err := encode(r, have)
			if err != nil {
				t.Fatal(err)
			}
			kept, after := holding(r), holding(old)
			for _, m := range b.messages {
				what := after.remove(m)
				switch m.kind {
				case unix.NFT_MSG_DELTABLE:
					t.Errorf("%s to %s: the table is removed", oldName, name)
				case unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELOBJ:
					if has(kept.chains, what) || has(kept.objects, what) {
						t.Errorf("%s to %s: %s, which is wanted", oldName, name, m.about)
					}
					if spec := have.chains[what]; !spec.base && what != old.identity() {
						t.Errorf("%s to %s: %s, where a packet may be", oldName, name, m.about)
					}
				case unix.NFT_MSG_DELSET:
					if old.setNamed(what).told() {
						t.Errorf("%s to %s: %s, which a packet may be about to ask", oldName, name, m.about)
					}
				case unix.NFT_MSG_NEWSET, unix.NFT_MSG_NEWSETELEM:
					if has(after.sets, what) {
						t.Errorf("%s to %s: %s, which packets ask", oldName, name, m.about)
					}
				case unix.NFT_MSG_NEWCHAIN:
					if has(have.chains, what) {
						t.Errorf("%s to %s: %s, which is there", oldName, name, m.about)
					}
				case unix.NFT_MSG_NEWOBJ:
					if has(have.objects, what) {
						t.Errorf("%s to %s: %s is there and would begin at 0", oldName, name, m.about)
					}
				}
			}
			maps.Copy(after.chains, kept.chains)
			maps.Copy(after.sets, kept.sets)
			maps.Copy(after.objects, kept.objects)
			for _, m := range later.messages {
				what := after.remove(m)
				if has(kept.chains, what) || has(kept.objects, what) || has(kept.sets, what) {
					t.Errorf("%s to %s, afterwards: %s, which is wanted", oldName, name, m.about)
				}
			}
			maps.DeleteFunc(after.chains, func(name string, spec chainSpec) bool { return spec.translates() && !has(kept.chains, name) })
			if diff := cmp.Diff(kept, after, cmp.AllowUnexported(contents{}, chainSpec{}, setSpec{})); diff != "" {
				t.Errorf("%s to %s: what remains is not what is wanted (-want +got):\n%s", oldName, name, diff)
			}
		}
	}
}

// remove does what the message says, if it removes something, and returns the name
// of what it is about.
func (c contents) remove(m message) string {
	what := m.subject()
	switch m.kind {
	case unix.NFT_MSG_DELSET:
		delete(c.sets, what)
	case unix.NFT_MSG_DELCHAIN:
		delete(c.chains, what)
	case unix.NFT_MSG_DELOBJ:
		delete(c.objects, what)
	}
	return what
}

// subject is the name of what the message is about.
func (m *message) subject() string { return m.about[strings.LastIndex(m.about, " ")+1:] }

// TestAlteredTable has a table that somebody changed: the sets whose names tell what
// was in them are made anew, those that others fill stay.
func TestAlteredTable(t *testing.T) {
	for name, r := range rulesets(t) {
		have := holding(r)
		have.altered = true
		b, _, err := encode(r, have)
		if err != nil {
			t.Fatal(err)
		}
		made := make(map[string]bool)
		for _, m := range b.messages {
			if m.kind == unix.NFT_MSG_NEWSET {
				made[m.subject()] = true
			}
		}
		for i := range r.sets {
			if s := &r.sets[i]; made[s.name] != (s.filled == byCompiler) {
				t.Errorf("%s: set %s is made anew: %t", name, s.name, made[s.name])
			}
		}
	}
}

func (r *Ruleset) setNamed(name string) *set {
	i := slices.IndexFunc(r.sets, func(s set) bool { return s.name == name })
	return &r.sets[i]
}

func has[V any](m map[string]V, key string) bool { _, ok := m[key]; return ok }

// holding is what the kernel's table holds after r was put there.
func holding(r *Ruleset) contents {
	have := contents{exists: true, chains: map[string]chainSpec{r.identity(): {}}, sets: map[string]setSpec{}, objects: map[string]uint32{}}
	for _, c := range r.chains {
		have.chains[c.name] = c.hook.spec()
	}
	for i := range r.sets {
		have.sets[r.sets[i].name] = r.sets[i].spec()
	}
	for _, c := range r.counters {
		have.objects[c.name] = unix.NFT_OBJECT_COUNTER
	}
	for _, h := range r.helpers {
		have.objects[h.object()] = unix.NFT_OBJECT_CT_HELPER
	}
	return have
}

// TestEncodeRefuses has rulesets that the compiler does not make.
func TestEncodeRefuses(t *testing.T) {
	for want, add := range map[string]func(*Ruleset){
		`no expression for "tcp dport ssh"`: func(r *Ruleset) { r.chains[0].add(word("tcp dport ssh")) },
		`there is no priority "0"`:          func(r *Ruleset) { r.chain("x", hook{kind: "filter", point: "input", priority: "0"}) },
		`element "lo" : notrack leads to no chain`: func(r *Ruleset) {
			r.sets = append(r.sets, set{name: "m", keys: []keyType{keyDevice}, verdicts: true, elements: []element{leading(notrack, "lo")}})
		},
	} {
		r := DenyAll()
		add(r)
		if _, _, err := encode(r, contents{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("encode returned %v, want %s", err, want)
		}
	}
}
