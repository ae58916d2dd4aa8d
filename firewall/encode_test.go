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
					switch s.(type) {
					case jumpTo, call, count, device, stamped, setStamp, addressIn:
						// Their names alone differ, which round trips in the
						// kernel compare.
						continue
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
// wanted is not removed, and everything is there before it is named.
func TestTransaction(t *testing.T) {
	all := rulesets(t)
	for oldName, old := range all {
		have := holding(old)
		for name, r := range all {
			b, err := encode(r, have)
			if err != nil {
				t.Fatal(err)
			}
			kept := holding(r)
			for _, m := range b.messages {
				switch m.kind {
				case unix.NFT_MSG_DELTABLE:
					t.Errorf("%s to %s: the table is removed", oldName, name)
				case unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELOBJ:
					if gone := m.about[strings.LastIndex(m.about, " ")+1:]; has(kept.chains, gone) || has(kept.objects, gone) {
						t.Errorf("%s to %s: %s, which is wanted", oldName, name, m.about)
					}
				case unix.NFT_MSG_NEWOBJ:
					if added := m.about[strings.LastIndex(m.about, " ")+1:]; has(have.objects, added) {
						t.Errorf("%s to %s: %s is there and would begin at 0", oldName, name, m.about)
					}
				}
			}
			if oldName == name && slices.ContainsFunc(b.messages, func(m message) bool {
				return m.kind == unix.NFT_MSG_DELCHAIN || m.kind == unix.NFT_MSG_NEWCHAIN || m.kind == unix.NFT_MSG_DELSET || m.kind == unix.NFT_MSG_NEWSET
			}) {
				t.Errorf("%s: what is there already is made anew", name)
			}
		}
	}
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
		if _, err := encode(r, contents{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("encode returned %v, want %s", err, want)
		}
	}
}
