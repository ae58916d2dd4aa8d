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
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// record encodes a ruleset and returns the messages that would be sent.
func record(t *testing.T, r *Ruleset) []netlink.Message {
	t.Helper()
	var sent []netlink.Message
	conn, err := nftables.New(nftables.WithTestDial(func(req []netlink.Message) ([]netlink.Message, error) {
		sent = append(sent, req...)
		acks := make([]netlink.Message, 0, len(req))
		for _, m := range req {
			if m.Header.Flags&netlink.Acknowledge != 0 {
				acks = append(acks, netlink.Message{
					Header: netlink.Header{Type: netlink.Error, Sequence: m.Header.Sequence, PID: m.Header.PID},
					Data:   make([]byte, 4),
				})
			}
		}
		return acks, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := encode(conn, r); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return sent
}

// TestStatements pins the bytes of every statement that the rulesets hold.
func TestStatements(t *testing.T) {
	lines := make(map[string]bool)
	for _, r := range rulesets(t) {
		sets := make(map[string]*nftables.Set)
		for i, s := range r.sets {
			sets[s.name] = &nftables.Set{Name: s.name, ID: uint32(i + 1)}
		}
		for _, c := range r.chains {
			for _, rule := range c.rules {
				for _, s := range rule {
					switch s.(type) {
					case jumpTo, count, device:
						// Their names alone differ, which round trips in the
						// kernel compare.
						continue
					}
					exprs, err := encodeStatement(s, sets)
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

// TestTransaction holds what keeps the box protected while it changes: one
// batch, and nothing deleted in it but our table.
func TestTransaction(t *testing.T) {
	for name, r := range rulesets(t) {
		sent := record(t, r)
		if first, last := sent[0].Header.Type, sent[len(sent)-1].Header.Type; first != unix.NFNL_MSG_BATCH_BEGIN || last != unix.NFNL_MSG_BATCH_END {
			t.Errorf("%s: the messages begin with type %d and end with %d, want a batch", name, first, last)
		}
		var deleted int
		for _, m := range sent[1 : len(sent)-1] {
			switch m.Header.Type & 0xff {
			case unix.NFNL_MSG_BATCH_BEGIN, unix.NFNL_MSG_BATCH_END:
				t.Errorf("%s: there is more than one batch", name)
			case unix.NFT_MSG_DELTABLE:
				deleted++
				if !strings.Contains(string(m.Data), tableName+"\x00") {
					t.Errorf("%s: a table of others is deleted: %x", name, m.Data)
				}
			case unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELRULE, unix.NFT_MSG_DELSET, unix.NFT_MSG_DELOBJ:
				t.Errorf("%s: message %d deletes", name, m.Header.Type)
			}
		}
		if deleted != 1 {
			t.Errorf("%s: %d tables are deleted, want ours", name, deleted)
		}
	}
}

// TestEncodeRefuses has rulesets that the compiler does not make.
func TestEncodeRefuses(t *testing.T) {
	for want, add := range map[string]func(*Ruleset){
		"there is no set nowhere":           func(r *Ruleset) { r.chains[0].add(member{[]nameKey{ingress}, "nowhere"}) },
		`no expression for "tcp dport ssh"`: func(r *Ruleset) { r.chains[0].add(word("tcp dport ssh")) },
		"no such hook: ingress, priority 0": func(r *Ruleset) { r.chain("x", hook{kind: "filter", point: "ingress", priority: "0"}) },
		`"notrack" is not a verdict`: func(r *Ruleset) {
			r.sets = append(r.sets, set{name: "m", verdicts: true, elements: []element{{[]string{"lo"}, notrack}}})
		},
	} {
		r := DenyAll()
		add(r)
		conn, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		if err := encode(conn, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("encode returned %v, want %s", err, want)
		}
	}
}
